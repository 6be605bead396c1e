"""`headwater savepoints`: what is listed, and what is removed with what belongs to it."""

import json
import os
import struct
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.savepoints import command
from headwater.stack import HOME_VARIABLE, Stack


@pytest.fixture
def states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Seven savepoints, each paired with a snapshot and its tag, and one newer checkpoint."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    stack = Stack.resolve()
    folder = stack.job_state / "dwd.things" / "aaa111bbb222"
    tags = stack.lake / "dwd.db" / "things" / "tag"
    tags.mkdir(parents=True)
    for number in range(7):
        complete(folder / "savepoints" / f"savepoint-{number}", 1_000 + number, number)
        pairing = folder / "savepoints" / f"savepoint-{number}.json"
        pairing.write_text(json.dumps({"snapshot": 40 + number, "tag": f"savepoint-{number}"}))
        (tags / f"tag-savepoint-{number}").write_text("{}")
    complete(folder / "checkpoints" / "j1" / "chk-9", 2_000, None)
    yield folder
    monkeypatch.undo()
    time.tzset()


def complete(folder: Path, at: int, number: int | None) -> None:
    folder.mkdir(parents=True)
    head = b"x" * 16 if number is None else struct.pack(">IIq", 0x4960672D, 5, number)
    (folder / "_metadata").write_bytes(head + b"x" * 1_499_984)
    os.utime(folder / "_metadata", (at, at))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def test_each_state_is_told_with_its_version_snapshot_and_size_newest_first(states: Path) -> None:
    found = json.loads(run("dwd.things", "--json").stdout)
    assert found["expired"] == []
    assert [state["kind"] for state in found["states"]] == ["checkpoint"] + ["savepoint"] * 7
    assert found["states"][1] == {
        "kind": "savepoint",
        "number": 6,
        "completed_at": "1970-01-01T00:16:46.000Z",
        "version": "aaa111bbb222",
        "snapshot": 46,
        "bytes": 1_500_000,
        "path": str(states / "savepoints" / "savepoint-6"),
    }


def test_people_see_times_in_their_own_zone_with_its_name(states: Path) -> None:
    lines = run("dwd.things").stdout.splitlines()
    assert lines[-1] == f"They lie below {states.parent}"
    assert lines[0].split() == ["state", "number", "completed", "version", "snapshot", "size"]
    assert datetime.fromtimestamp(2_000).strftime("%H:%M") in lines[1]
    assert "JST" in lines[1]
    assert lines[1].split()[1] == "damaged"
    assert lines[2].split()[0] == "savepoint-6"
    assert lines[2].endswith("1.5 MB")


def test_expiring_removes_the_oldest_savepoints_with_their_tags(states: Path) -> None:
    result = run("dwd.things", "--expire", "--keep", "2", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 0
    assert [Path(path).name for path in found["expired"]] == [f"savepoint-{number}" for number in (4, 3, 2, 1, 0)]
    assert sorted(path.name for path in (states / "savepoints").iterdir()) == [
        "savepoint-5",
        "savepoint-5.json",
        "savepoint-6",
        "savepoint-6.json",
    ]
    tags = Stack.resolve().lake / "dwd.db" / "things" / "tag"
    assert sorted(path.name for path in tags.iterdir()) == ["tag-savepoint-5", "tag-savepoint-6"]


def test_a_model_without_state_is_told_with_status_1(states: Path) -> None:
    del states
    result = run("dm.other")
    assert result.exit_code == 1
    assert result.stdout == "dm.other has no savepoint and no checkpoint.\n"


def test_what_is_no_tables_name_is_wrong_use() -> None:
    assert run("things").exit_code == 2


def test_nothing_is_removed_unless_asked_for(states: Path) -> None:
    run("dwd.things", "--keep", "1")
    assert len(list((states / "savepoints").glob("*.json"))) == 7
