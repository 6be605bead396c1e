"""Tags that keep a run's input snapshots from expiring while it reads them.

A tag is a copy of the snapshot's file, `tag/tag-<name>`; Paimon's expiry keeps what a tag holds. Both Paimon's Java
TagManager and pypaimon's write exactly this. Deleting the file frees the snapshot to expire as any other. When it had
expired in the meantime its data files are left to Paimon's orphan cleaning: a run's tags live as short as they can.
"""

import contextlib
import os
import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from headwater.batch import BatchRun
from headwater.model import TableName
from headwater.problem import HeadwaterError
from headwater.wholefile import write_whole
from resources.paimon.lakefiles import Lake, files_of, read_small
from resources.paimon.layout import table_path

_PREFIX = "headwater-"


def new_run_id() -> str:
    """A run id that tells, as long as this process lives, that the run may be alive: process id, its start, random."""
    return f"{os.getpid()}-{_started(os.getpid())}-{secrets.token_hex(3)}"


def run_tag(run: BatchRun) -> str:
    """The tag's name, the same on every input of the run."""
    return named(str(run.report), run.id)


def named(purpose: str, run_id: str) -> str:
    """The name of a tag that a run makes, for some purpose, and that is left behind when its process is gone."""
    return f"{_PREFIX}{purpose}-{run_id}"


@contextlib.contextmanager
def protected(lake: Path, run: BatchRun) -> Iterator[str]:
    """Tag every input of the run; give the tag's name; remove the tags at the end, whatever happens.

    Tags of runs whose process is gone are removed on the way. Raises HeadwaterError when a snapshot has expired.
    """
    tag = run_tag(run)
    try:
        for pinned in run.inputs:
            remove_stale(lake, pinned.table)
            create(lake, pinned.table, pinned.snapshot.id, tag)
        yield tag
    finally:
        for pinned in run.inputs:
            delete(lake, pinned.table, tag)


def create(lake: Path, table: TableName, snapshot_id: int, tag: str) -> None:
    """Tag a snapshot. Raises HeadwaterError when it has expired."""
    root = table_path(lake, table)
    snapshot = f"{root}/snapshot/snapshot-{snapshot_id}"
    content = read_small(snapshot)
    if content is None:
        raise HeadwaterError(
            f"Snapshot {snapshot_id} of {table} expired before it could be tagged",
            left="nothing was written",
            next_command="run it again on the newest snapshot",
        )
    folder = Path(root, "tag")
    folder.mkdir(exist_ok=True)
    write_whole(folder / f"tag-{tag}", content)


def delete(lake: Path, table: TableName, tag: str) -> None:
    """Remove a tag; nothing happens when it is not there."""
    _file(lake, table, tag).unlink(missing_ok=True)


def names(lake: Lake, table: TableName) -> tuple[str, ...]:
    """The table's tags, ordered."""
    files = files_of(lake).names(f"{table_path(lake, table)}/tag")
    return tuple(sorted(file.removeprefix("tag-") for file in files if file.startswith("tag-")))


def remove_stale(lake: Path, table: TableName) -> Sequence[str]:
    """Remove this platform's tags whose run died without doing so; give their names."""
    found = stale(lake, table)
    for name in found:
        delete(lake, table, name)
    return found


def stale(lake: Path, table: TableName) -> Sequence[str]:
    """This platform's tags of runs that died without removing them."""
    return [name for name in names(lake, table) if name.startswith(_PREFIX) and not _alive(name)]


def written_at(lake: Path, table: TableName, tag: str) -> datetime | None:
    """When a tag was made; None when it is not there."""
    try:
        return datetime.fromtimestamp(_file(lake, table, tag).stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


def has_term(lake: Path, table: TableName, tag: str) -> bool:
    """A tag was made to last for some time only (`tagTimeRetained` in Paimon's Tag)."""
    content = read_small(str(_file(lake, table, tag)))
    return content is not None and b'"tagTimeRetained"' in content


def _file(lake: Path, table: TableName, tag: str) -> Path:
    return Path(table_path(lake, table), "tag", f"tag-{tag}")


def _alive(tag: str) -> bool:
    parts = tag.rsplit("-", 3)
    if len(parts) != 4 or not (parts[1].isdigit() and parts[2].isdigit()):
        return True
    return _started(int(parts[1])) == int(parts[2])


def _started(process: int) -> int | None:
    """When the process started, in clock ticks since the machine did; None when there is none.

    Field 22 of /proc/[pid]/stat (man 5 proc), which a clock that is set does not move. The name before it, in
    brackets, may hold anything.
    """
    try:
        content = read_small(f"/proc/{process}/stat")
    except ProcessLookupError:
        return None
    return None if content is None else int(content.rpartition(b")")[2].split()[19])
