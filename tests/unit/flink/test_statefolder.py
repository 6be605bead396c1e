"""State on disk: which is newest, which plan it belongs to, what may go."""

import os
import struct
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headwater.model import TableName
from resources.flink.statefolder import Line, StateFolder, fingerprint_of

NAME = TableName.parse("dwd.things")
JOB = {"insert": "INSERT"}
OTHER = TableName.parse("dwd.others")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def folder(root: Path) -> StateFolder:
    return StateFolder(root)


def state(root: Path, place: str, at: float, *, complete: bool = True, number: int | None = None) -> Path:
    """Make a checkpoint or savepoint below the model's folder that was completed at this second.

    Without a number it is damaged: Flink's own files begin with one.
    """
    path = root / str(NAME) / place
    path.mkdir(parents=True)
    if complete:
        head = b"" if number is None else struct.pack(">IIq", 0x4960672D, 5, number)
        (path / "_metadata").write_bytes(head)
        os.utime(path / "_metadata", (at, at))
    os.utime(path, (at, at))
    return path


def test_there_is_no_state_before_there_is_any(folder: StateFolder) -> None:
    assert folder.newest(NAME) is None


def test_the_newest_is_the_one_completed_last_whatever_its_kind_and_deployment(root: Path, folder: StateFolder) -> None:
    state(root, "aaa/checkpoints/j1/chk-9", 100)
    savepoint = state(root, "aaa/savepoints/savepoint-1", 300)
    state(root, "bbb-2/checkpoints/j2/chk-1", 200)
    newest = folder.newest(NAME)
    assert newest is not None
    assert (newest.path, newest.fingerprint, newest.is_savepoint) == (savepoint, "aaa", True)
    assert newest.completed_at == datetime.fromtimestamp(300, UTC)

    checkpoint = state(root, "bbb-2/checkpoints/j2/chk-2", 400)
    newest = folder.newest(NAME)
    assert newest is not None
    assert (newest.path, newest.fingerprint, newest.is_savepoint) == (checkpoint, "bbb", False)
    assert folder.newest(OTHER) is None


def test_a_folder_without_metadata_is_not_complete_and_is_passed_over(root: Path, folder: StateFolder) -> None:
    older = state(root, "aaa/checkpoints/j1/chk-1", 100)
    state(root, "aaa/checkpoints/j1/chk-2", 200, complete=False)
    state(root, "aaa/savepoints/savepoint-1", 300, complete=False)
    newest = folder.newest(NAME)
    assert newest is not None
    assert newest.path == older


def test_a_checkpoint_that_flink_drops_while_it_is_looked_at_is_passed_over(root: Path, folder: StateFolder) -> None:
    kept = state(root, "aaa/checkpoints/j1/chk-1", 100)
    dropped = state(root, "aaa/checkpoints/j1/chk-2", 200, complete=False)
    (dropped / "_metadata").symlink_to(dropped / "gone")
    newest = folder.newest(NAME)
    assert newest is not None
    assert newest.path == kept


def test_a_plan_is_stored_once_and_another_one_of_the_same_sql_beside_it(folder: StateFolder) -> None:
    assert folder.place(NAME, "aaa", {"nodes": [1]}, JOB) == "aaa"
    assert folder.place(NAME, "aaa", {"nodes": [1]}, JOB) == "aaa"
    assert folder.place(NAME, "aaa", {"nodes": [2]}, JOB) == "aaa-2"
    assert folder.place(NAME, "aaa", {"nodes": [3]}, JOB) == "aaa-3"
    assert folder.place(NAME, "aaa", {"nodes": [2]}, JOB) == "aaa-2"
    assert folder.place(OTHER, "aaa", {"nodes": [2]}, JOB) == "aaa"
    assert {fingerprint_of(name) for name in ("aaa", "aaa-3")} == {"aaa"}


def test_what_is_known_of_a_deployment_changes_with_what_it_is_started_as(root: Path, folder: StateFolder) -> None:
    folder.place(NAME, "aaa", {"nodes": [1]}, JOB)
    state(root, "aaa/checkpoints/j1/chk-1", 100)
    newest = folder.newest(NAME)
    assert newest is not None
    folder.note(NAME, "aaa", {"insert": "INSERT", "properties": [["parallelism.default", "3"]]})
    assert folder.job(newest) == {"insert": "INSERT", "properties": [["parallelism.default", "3"]]}
    folder.place(NAME, "aaa", {"nodes": [1]}, JOB)
    assert folder.job(newest) == folder.submitted(NAME, "aaa") == JOB
    assert folder.submitted(NAME, "gone") is None
    assert folder.job(replace(newest, path=root.parent / "elsewhere" / "chk-1")) is None


def test_state_finds_the_plan_of_its_own_deployment(root: Path, folder: StateFolder) -> None:
    folder.place(NAME, "aaa", {"nodes": [1]}, JOB)
    folder.place(NAME, "aaa", {"nodes": [2]}, JOB)
    state(root, "aaa-2/checkpoints/j1/chk-1", 100)
    newest = folder.newest(NAME)
    assert newest is not None
    assert folder.plan(newest) == {"nodes": [2]}
    assert folder.deployment(newest) == "aaa-2"
    assert folder.submitted(NAME, "aaa-2") == JOB


@pytest.mark.parametrize("content", [None, "{"], ids=["gone", "broken"])
def test_a_plan_that_cannot_be_read_is_none(root: Path, folder: StateFolder, content: str | None) -> None:
    state(root, "aaa/checkpoints/j1/chk-1", 100)
    if content is not None:
        (root / str(NAME) / "aaa" / "plan.json").write_text(content)
    newest = folder.newest(NAME)
    assert newest is not None
    assert folder.plan(newest) is None


def test_pruning_keeps_the_running_jobs_checkpoints_and_the_newest_savepoints(root: Path, folder: StateFolder) -> None:
    ours = state(root, "bbb/checkpoints/running/chk-1", 900)
    earlier = [state(root, f"{place}/checkpoints/{job}/chk-5", 10) for place, job in (("aaa", "j1"), ("bbb", "j2"))]
    savepoints = [state(root, f"aaa/savepoints/savepoint-{number}", 100 + number) for number in range(7)]
    for number in (1, 2):
        folder.pair(savepoints[number], 40 + number, f"tag-{number}")
    folder.place(NAME, "aaa", {"nodes": [1]}, JOB)
    assert folder.prune(NAME, "running") == ("tag-1",)
    assert ours.exists()
    assert not any(path.parent.exists() for path in earlier)
    assert [path.exists() for path in savepoints] == [False, False, True, True, True, True, True]
    assert (root / "dwd.things" / "aaa" / "plan.json").exists()
    kept = {found.path.name: found.snapshot for found in folder.states(NAME) if found.is_savepoint}
    assert kept == {f"savepoint-{number}": 42 if number == 2 else None for number in range(2, 7)}
    assert [found.name for found in savepoints[2].parent.glob("*.json")] == ["savepoint-2.json"]


def test_pruning_leaves_other_models_alone(root: Path, folder: StateFolder) -> None:
    kept = state(root, "aaa/checkpoints/j1/chk-1", 10)
    folder.prune(OTHER, "running")
    assert kept.exists()


def names(folder: StateFolder) -> list[str]:
    return [found.path.name for found in folder.states(NAME)]


def test_numbers_tell_which_state_is_newer_whatever_the_clock_did(root: Path, folder: StateFolder) -> None:
    state(root, "aaa/checkpoints/j1/chk-9", 900, number=9)
    state(root, "aaa/savepoints/savepoint-1", 100, number=10)
    state(root, "bbb/checkpoints/j2/chk-11", 50, number=11)
    assert names(folder) == ["chk-11", "savepoint-1", "chk-9"]
    assert [found.checkpoint for found in folder.states(NAME)] == [11, 10, 9]


def test_a_state_whose_number_cannot_be_read_stands_where_its_time_says(root: Path, folder: StateFolder) -> None:
    state(root, "aaa/checkpoints/j1/chk-1", 100, number=1)
    state(root, "aaa/checkpoints/j1/chk-2", 200)
    state(root, "aaa/checkpoints/j1/chk-3", 300, number=3)
    assert names(folder) == ["chk-3", "chk-2", "chk-1"]
    state(root, "aaa/savepoints/savepoint-9", 400)
    assert names(folder)[0] == "savepoint-9"
    assert folder.states(NAME)[0].checkpoint is None


def test_a_line_that_began_later_is_newer_although_it_counts_from_one(root: Path, folder: StateFolder) -> None:
    first = folder.next_line(NAME, 0)
    assert folder.place(NAME, "aaa", {"nodes": [1]}, JOB, first) == "aaa"
    assert folder.next_line(NAME, 0) == first
    state(root, "aaa/savepoints/savepoint-1", 900, number=500)
    second = folder.next_line(NAME, 70)
    assert (first, second) == (Line(0, 0), Line(1, 70))
    assert folder.place(NAME, "aaa", {"nodes": [1]}, JOB, second) == "aaa-2"
    assert folder.place(NAME, "aaa", {"nodes": [1]}, JOB, second) == "aaa-2"
    assert names(folder) == ["savepoint-1"]
    state(root, "aaa-2/checkpoints/j2/chk-1", 100, number=1)
    newest, oldest = folder.states(NAME)
    assert (newest.path.name, newest.since, newest.until) == ("chk-1", 70, None)
    assert (oldest.path.name, oldest.since, oldest.until) == ("savepoint-1", 0, 70)
    assert folder.line(newest) == second


def test_a_line_of_which_all_states_are_lost_is_still_the_newer_one(root: Path, folder: StateFolder) -> None:
    folder.place(NAME, "aaa", {"nodes": [1]}, JOB, Line(0, 0))
    folder.place(NAME, "aaa", {"nodes": [1]}, JOB, Line(1, 70))
    state(root, "aaa/savepoints/savepoint-1", 900, number=500)
    assert folder.states(NAME)[0].until == 70
    assert folder.next_line(NAME, 90) == Line(2, 90)


def test_what_came_after_a_state_is_discarded_with_its_tags(root: Path, folder: StateFolder) -> None:
    kept = state(root, "aaa/savepoints/savepoint-1", 100, number=5)
    older = state(root, "aaa/savepoints/savepoint-0", 900, number=3)
    newer = [state(root, f"bbb/checkpoints/j2/chk-{number}", 50, number=number) for number in (6, 7)]
    savepoint = state(root, "bbb/savepoints/savepoint-8", 50, number=8)
    folder.pair(savepoint, 44, "tag-8")
    assert folder.discard_after(NAME, kept) == ("tag-8",)
    assert kept.exists()
    assert older.exists()
    assert not any(path.exists() for path in (*newer, savepoint))
