"""B10: one look at the snapshot, watermark and lag of every table of a large lake, beside reading its LATEST files."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.figure import Figure, Goal
from benchmarks.generated_warehouse import write_warehouse
from benchmarks.stand import Tell
from headwater.lag.measure import Readings, table_lags
from headwater.loader import load
from headwater.model import TableName, Warehouse
from resources.paimon.layout import table_path
from resources.paimon.store import FilesystemTableStore

_SIZE = 1_000
_SNAPSHOTS = 12  # Paimon keeps ten and more, and the newest is looked for among them


def measure(scratch: Path, rounds: int, tell: Tell) -> list[Figure]:
    """One figure: seconds of a sweep, beside those of reading as many files of a few bytes."""
    folder = scratch / "b10"
    tell(f"B10: a lake of {_SIZE:,} tables")
    warehouse = _warehouse(folder / "warehouse")
    tables = [model.name for model in warehouse.streaming][:_SIZE]
    lake = folder / "lake"
    for name in tables:
        _write_table(lake, name)
    ours: list[float] = []
    reference: list[float] = []
    for number in range(rounds + 1):
        tell(f"B10: round {number} of {rounds}" if number else "B10: a round that does not count")
        seconds = _swept(warehouse, lake, tables), _read(lake, tables)
        if number:
            ours.append(seconds[0])
            reference.append(seconds[1])
    note = f"{_SNAPSHOTS} snapshots each; ours reads LATEST and the snapshot, looks for a newer one, works out the lag"
    return [Figure("B10", f"sweep over {len(tables):,} tables", "s", tuple(ours), tuple(reference), Goal(2), note)]


def _warehouse(folder: Path) -> Warehouse:
    """At least as many streaming tables as are to be swept: of a generated warehouse, sources are a part."""
    write_warehouse(folder, 2 * _SIZE)
    return load(folder)


def _write_table(lake: Path, name: TableName) -> None:
    folder = Path(table_path(lake, name)) / "snapshot"
    folder.mkdir(parents=True)
    for number in range(1, _SNAPSHOTS + 1):
        at = datetime.now(UTC) - timedelta(seconds=5 * (_SNAPSHOTS - number))
        (folder / f"snapshot-{number}").write_text(json.dumps(_snapshot(number, at), indent=2))
    (folder / "LATEST").write_text(str(_SNAPSHOTS))
    (folder / "EARLIEST").write_text("1")


def _snapshot(number: int, at: datetime) -> dict[str, object]:
    """As Paimon 2.0 writes one."""
    milliseconds = int(at.timestamp() * 1000)
    lists = ("baseManifestList", "deltaManifestList", "changelogManifestList")
    return {
        "version": 3,
        "id": number,
        "schemaId": 0,
        **dict.fromkeys(lists, f"manifest-list-5a1c6d7e-7f0c-4a55-8a3e-3d0c5e1f0b1a-{number}"),
        **{f"{name}Size": 1042 for name in lists},
        "commitUser": "5a1c6d7e-7f0c-4a55-8a3e-3d0c5e1f0b1a",
        "commitIdentifier": number,
        "commitKind": "APPEND",
        "timeMillis": milliseconds,
        "totalRecordCount": 120_000,
        "deltaRecordCount": 1_000,
        "changelogRecordCount": 1_000,
        "watermark": milliseconds - 21_000,
        "nextRowId": 0,
    }


def _swept(warehouse: Warehouse, lake: Path, tables: list[TableName]) -> float:
    begun = time.perf_counter()
    store = FilesystemTableStore(lake)
    snapshots = {name: store.latest_snapshot(name) for name in tables}
    found = table_lags(warehouse, Readings(datetime.now(UTC), {}, {}, snapshots))
    seconds = time.perf_counter() - begun
    measured = [lag for lag in found if lag.watermark_lag is not None]
    if len(measured) < len(tables):
        raise ValueError(f"of {len(tables)} tables {len(measured)} were measured")
    return seconds


def _read(lake: Path, tables: list[TableName]) -> float:
    begun = time.perf_counter()
    found = [int(Path(f"{table_path(lake, name)}/snapshot/LATEST").read_text()) for name in tables]
    seconds = time.perf_counter() - begun
    if set(found) != {_SNAPSHOTS}:
        raise ValueError("a LATEST file says something else than was written")
    return seconds
