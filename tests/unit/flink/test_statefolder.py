"""State on disk: which is newest, which plan it belongs to, what may go."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headwater.model import TableName
from resources.flink.statefolder import StateFolder, fingerprint_of

NAME = TableName.parse("dwd.things")
JOB = {"insert": "INSERT"}
OTHER = TableName.parse("dwd.others")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def folder(root: Path) -> StateFolder:
    return StateFolder(root)


def state(root: Path, place: str, at: float, *, complete: bool = True) -> Path:
    """Make a checkpoint or savepoint below the model's folder that was completed at this second."""
    path = root / str(NAME) / place
    path.mkdir(parents=True)
    if complete:
        (path / "_metadata").touch()
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
