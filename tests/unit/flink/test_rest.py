"""HTTP to Flink: what is repeated, what is not, and what a person is told."""

from pathlib import Path

import pytest

from headwater.problem import HeadwaterError
from resources.flink import rest
from resources.flink.rest import FlinkRefusal, FlinkRest, last_cause
from tests.unit.flink.conftest import Answers

TRACES = Path(__file__).parent / "traces"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "_RETRY_SECONDS", 0.3)


@pytest.mark.parametrize(
    ("trace", "cause"),
    [
        ("syntax", "ParseException: Incorrect syntax near the keyword 'WHERE' at line 1, column 16."),
        ("unknown_column", "SqlValidatorException: Column 'nope' not found in any table"),
        ("unknown_table", "SqlValidatorException: Object 'nowhere' not found"),
        ("savepoint", "IOException: Failed to create savepoint directory at file:/proc/nowhere"),
        ("unknown_job", "FlinkJobNotFoundException: Could not find Flink job (00000000000000000000000000000000)"),
    ],
)
def test_of_a_java_trace_the_last_cause_is_told(trace: str, cause: str) -> None:
    assert last_cause((TRACES / f"{trace}.txt").read_text()) == cause


@pytest.mark.parametrize(
    ("trace", "cause"),
    [
        ("", "no reason given"),
        ("plain words", "plain words"),
        ("a.b.Outer$Inner: first\n  second\n\tat a.b.C", "Inner: first second"),
        (
            "Internal server error.\n<Exception on server side:\norg.apache.X: why\n\tat a.b\n",
            "X: why",
        ),
        (
            'a.b.ParseException: Encountered "one" at line 1.\nWas expecting one of:\n    <ID> ...\n\tat a.b.C',
            'ParseException: Encountered "one" at line 1.',
        ),
    ],
)
def test_a_trace_of_any_shape_becomes_one_line(trace: str, cause: str) -> None:
    assert last_cause(trace) == cause


def test_a_get_is_repeated_while_nothing_answers(flink: Answers) -> None:
    flink.on("GET /x", None, status=0)
    flink.on("GET /x", {"a": 1})
    assert FlinkRest(flink.url, "Flink").get("/x") == {"a": 1}
    assert flink.asked == ["GET /x", "GET /x"]


def test_a_get_is_repeated_while_the_server_has_no_leader(flink: Answers) -> None:
    flink.on("GET /x", {"errors": ["Service temporarily unavailable due to an ongoing leader election."]}, status=503)
    flink.on("GET /x", {"a": 1})
    assert FlinkRest(flink.url, "Flink").get("/x") == {"a": 1}


@pytest.mark.parametrize("method", ["post", "patch", "delete"])
def test_what_changes_something_is_sent_once(flink: Answers, method: str) -> None:
    flink.on(f"{method.upper()} /x", None, status=0)
    flink.on(f"{method.upper()} /x", {"a": 1})
    with pytest.raises(HeadwaterError) as raised:
        getattr(FlinkRest(flink.url, "Flink"), method)("/x")
    assert raised.value.unreachable
    assert len(flink.asked) == 1


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_server_that_is_not_there_is_unreachable(method: str) -> None:
    with pytest.raises(HeadwaterError) as raised:
        getattr(FlinkRest("http://127.0.0.1:1", "Flink's JobManager"), method)("/x")
    assert raised.value.failed.startswith("Flink's JobManager does not answer at http://127.0.0.1:1 (")
    assert "can be applied again" in raised.value.left
    assert raised.value.next_command == "headwater status, or headwater doctor"
    assert raised.value.unreachable


def test_a_refusal_carries_status_and_cause_and_is_not_repeated(flink: Answers) -> None:
    flink.on("GET /x", {"errors": ["Not found", "a.b.SomeException: no\n\tat a.b"]}, status=404)
    with pytest.raises(FlinkRefusal) as raised:
        FlinkRest(flink.url, "Flink's JobManager").get("/x")
    assert (raised.value.status, raised.value.unreachable) == (404, False)
    assert str(raised.value) == "Flink's JobManager refused: Not found a.b.SomeException: no"
    assert len(flink.asked) == 1


def test_an_empty_success_is_an_empty_answer(flink: Answers) -> None:
    flink.on("PATCH /x", {}, status=202)
    assert FlinkRest(flink.url, "Flink").patch("/x") == {}
