"""B9: what Dagster's code server does with a large warehouse, beside a plain list of as many asset specifications.

Each side is loaded in a fresh process, `python -m benchmarks.definitions ours|list`, timed from after `import dagster`
to a repository whose asset graph is resolved.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.figure import Figure, Goal, number
from benchmarks.stand import Tell
from headwater.problem import HeadwaterError
from headwater.stack import HOME_VARIABLE, WAREHOUSE_VARIABLE

SIZES = (1_000, 5_000)
_PROJECT = Path(__file__).parent.parent
_SECONDS = 300.0


def measure(scratch: Path, rounds: int, tell: Tell) -> list[Figure]:
    """One figure for each size of warehouse."""
    return [_of_size(scratch / f"b9-{size}", size, rounds, tell) for size in SIZES]


def _of_size(folder: Path, size: int, rounds: int, tell: Tell) -> Figure:
    from benchmarks.generated_warehouse import write_warehouse

    warehouse = folder / "warehouse"
    tell(f"B9: writing a warehouse of {size:,} models")
    write_warehouse(warehouse, size)
    _age(warehouse)
    environment = {HOME_VARIABLE: str(folder / "home"), WAREHOUSE_VARIABLE: str(warehouse)}
    tell(f"B9: {size:,} models, loaded for the first time")
    cold, assets = _loaded(["ours"], environment)
    ours: list[float] = []
    reference: list[float] = []
    for round_number in range(1, rounds + 1):
        tell(f"B9: {size:,} models, round {round_number} of {rounds}")
        ours.append(_loaded(["ours"], environment)[0])
        reference.append(_loaded(["list", str(assets)], environment)[0])
    note = (
        f"{assets:,} assets on both sides, job assets among ours; with the loader's cache, as at every load after the "
        f"first, which takes {number(cold)} s"
    )
    return Figure("B9", f"load {size:,} models", "s", tuple(ours), tuple(reference), Goal(1.5), note)


def _age(folder: Path) -> None:
    """Let files look an hour old: the loader's cache does not trust what was written a moment ago."""
    then = time.time() - 3600
    for file in folder.rglob("*"):
        os.utime(file, (then, then))


def _loaded(arguments: list[str], environment: dict[str, str]) -> tuple[float, int]:
    """Seconds of a load in a fresh process, and the assets it gave."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.definitions", *arguments],
        env=os.environ | environment,
        cwd=_PROJECT,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise HeadwaterError(f"B9: loading {' '.join(arguments)} failed: {reason}", next_command="headwater validate")
    said = json.loads(done.stdout)
    return said["seconds"], said["assets"]


def _load_ours() -> int:
    from assets.definitions import defs

    return len(defs.get_repository_def().asset_graph.get_all_asset_keys())


def _load_list(count: int) -> int:
    """Chains of ten: every asset but the first of a chain depends on the one before, as tables on jobs do."""
    import dagster as dg

    specs = [
        dg.AssetSpec(
            ["dwd", f"table_{number}"],
            deps=[["dwd", f"table_{number - 1}"]] if number % 10 else [],
            description="A table.",
            group_name="dwd",
            owners=["team:orders"],
            kinds={"paimon"},
        )
        for number in range(count)
    ]
    return len(dg.Definitions(assets=specs).get_repository_def().asset_graph.get_all_asset_keys())


def _main(side: str, *counts: str) -> None:
    import dagster  # noqa: F401  (both sides need it; what it takes to import is not ours to compare)

    began = time.perf_counter()
    assets = _load_ours() if side == "ours" else _load_list(int(counts[0]))
    seconds = time.perf_counter() - began
    sys.stdout.write(json.dumps({"seconds": seconds, "assets": assets}))


if __name__ == "__main__":
    _main(*sys.argv[1:])
