"""Results as they are kept in the tree: what was measured, on which machine, with which versions, and when."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure
from headwater.problem import HeadwaterError

FOLDER = Path(__file__).parent / "results"
_PACKAGES = ("headwater", "apache-flink", "dagster", "duckdb", "pypaimon", "pypaimon-rust")
_JARS = {"paimon-flink-2.0": "paimon", "kafka_2.13": "kafka", "flink-sql-connector-kafka": "kafka connector"}


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one benchmark, and where they come from.

    Args:
        benchmark: Its id.
        figures: In the order measured.
        measured_at: ISO-8601, UTC.
        machine: Cores, memory and the like, in words.
        versions: Of everything that matters, by name.
    """

    benchmark: str
    figures: tuple[Figure, ...]
    measured_at: str
    machine: dict[str, Any]
    versions: dict[str, str]


def record(benchmark: str, figures: Sequence[Figure], folder: Path = FOLDER) -> Path:
    """Write `<id>.json`, in place of an earlier one; give the file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{benchmark}.json"
    content = {
        "benchmark": benchmark,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "machine": machine(),
        "versions": versions(),
        "figures": [figure.as_record() for figure in figures],
    }
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    return file


def read(folder: Path = FOLDER) -> tuple[Result, ...]:
    """Every result in a folder, by id. Raises HeadwaterError for a file that `record` did not write."""
    return tuple(_read(file) for file in sorted(folder.glob("*.json")))


def machine() -> dict[str, Any]:
    """What the figures depend on and a reader can compare with: no names of hosts or people."""
    import psutil

    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Of the packages and jars that the figures are about."""
    from resources.jars import read_lock

    found = {package: version(package) for package in _PACKAGES}
    for jar in read_lock():
        _, artifact, release = jar.coordinate.split(":")
        if artifact in _JARS:
            found[_JARS[artifact]] = release
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


def _read(file: Path) -> Result:
    try:
        said = json.loads(file.read_text())
        return Result(
            benchmark=said["benchmark"],
            figures=tuple(Figure.from_record(said["benchmark"], each) for each in said["figures"]),
            measured_at=said["measured_at"],
            machine=said["machine"],
            versions=said["versions"],
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise HeadwaterError(
            f"{file} is no result of the performance suite: {error!r}",
            next_command=f"headwater bench {file.stem} --record writes it anew",
        ) from error
