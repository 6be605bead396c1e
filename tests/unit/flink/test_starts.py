"""Starts whose end nobody lived to see."""

from pathlib import Path
from typing import Any

import pytest

from headwater.compile.job import compile_job
from headwater.model import TableName
from headwater.problem import HeadwaterError
from resources.flink import deployment
from resources.flink.engine import FlinkEngine
from resources.flink.starts import Start, Starts
from resources.flink.statefolder import StateFolder
from tests.unit.compile.declared import HERE, THINGS, UPSTREAM
from tests.unit.flink.conftest import Answers

NAME = TableName.parse("dwd.things")
JOB = compile_job(THINGS, UPSTREAM, HERE)
ID = "0123456789abcdef0123456789abcdef"
SESSION = "/v4/sessions/s1"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A plan was placed, a start of it noted; what became of it is not known."""
    folder = tmp_path / "state"
    record = deployment.record(JOB, HERE.lake, HERE.kafka)
    name = StateFolder(folder).place(NAME, JOB.fingerprint, {"nodes": []}, record)
    Starts(folder).note(NAME, Start(ID, name, None))
    return folder


def finished(flink: Answers, root: Path, *jobs: dict[str, Any]) -> bool:
    flink.on("GET /jobs/overview", {"jobs": list(jobs)})
    done = FlinkEngine(flink.url, flink.url, root.parent / "lake", root, HERE.kafka).finish_start(NAME)
    assert Starts(root).under_way(NAME) is None
    return done


def asked(flink: Answers, *results: tuple[int, Any]) -> list[Any]:
    """Let the gateway answer; gives the settings that statements were given, as they come."""
    flink.on("POST /v4/sessions", {"sessionHandle": "s1"})
    flink.on(f"POST {SESSION}/statements", {"operationHandle": "o1"})
    for status, result in results:
        flink.on(f"GET {SESSION}/operations/o1/result/0?rowFormat=JSON", result, status=status)
    flink.on(f"DELETE {SESSION}", {})
    return flink.bodies


def test_nothing_is_asked_when_no_start_is_under_way(flink: Answers, tmp_path: Path) -> None:
    engine = FlinkEngine(flink.url, flink.url, tmp_path / "lake", tmp_path / "state", HERE.kafka)
    assert not engine.finish_start(NAME)
    assert flink.asked == []


@pytest.mark.parametrize("state", ["RUNNING", "FAILED"])
def test_a_start_that_flink_knows_of_is_over(flink: Answers, root: Path, state: str) -> None:
    job = {"jid": ID, "name": JOB.name, "state": state, "start-time": 0}
    assert not finished(flink, root, job)
    assert flink.asked == ["GET /jobs/overview"]


def test_a_start_that_left_state_and_was_forgotten_is_over(flink: Answers, root: Path) -> None:
    metadata = root / "dwd.things" / JOB.fingerprint / "checkpoints" / ID / "chk-4" / "_metadata"
    metadata.parent.mkdir(parents=True)
    metadata.touch()
    assert not finished(flink, root)


def test_a_start_whose_state_is_gone_is_over(flink: Answers, root: Path) -> None:
    Starts(root).note(NAME, Start(ID, JOB.fingerprint, "/gone/savepoint-1"))
    assert not finished(flink, root)


def test_a_start_that_flink_has_not_heard_of_is_asked_for_again_under_the_same_id(flink: Answers, root: Path) -> None:
    bodies = asked(flink, (200, {"resultType": "EOS", "jobID": ID}))
    assert finished(flink, root)
    (settings,) = (body["executionConfig"] for body in bodies if body and "EXECUTE PLAN" in body.get("statement", ""))
    assert settings["$internal.pipeline.job-id"] == ID
    assert settings["pipeline.name"] == JOB.name


def test_a_start_that_flink_hears_of_meanwhile_is_over_too(flink: Answers, root: Path) -> None:
    twice = {"errors": ["Caused by: o.a.f.DuplicateJobSubmissionException: Job has already been submitted."]}
    done = (200, {"resultType": "EOS"})
    asked(flink, *[done] * (len(JOB.bindings)), (500, twice))
    assert finished(flink, root)


def test_a_start_that_flink_refuses_is_given_up(flink: Answers, root: Path) -> None:
    asked(flink, (500, {"errors": ["Caused by: o.a.f.ValidationException: no such table"]}))
    assert not finished(flink, root)


def test_a_start_stays_noted_when_nobody_answers(flink: Answers, root: Path) -> None:
    flink.on("GET /jobs/overview", {"jobs": []})
    flink.on("POST /v4/sessions", None, status=0)
    engine = FlinkEngine(flink.url, flink.url, root.parent / "lake", root, HERE.kafka)
    with pytest.raises(HeadwaterError) as raised:
        engine.finish_start(NAME)
    assert raised.value.unreachable
    assert Starts(root).under_way(NAME) == Start(ID, JOB.fingerprint, None)
