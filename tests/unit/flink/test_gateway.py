"""Statements run through the SQL gateway."""

from pathlib import Path

import pytest

from headwater.problem import HeadwaterError
from resources.flink.gateway import Gateway, StatementRefused, first_line
from tests.unit.flink.conftest import Answers

RESULT = "GET /v4/sessions/s1/operations/o1/result/0?rowFormat=JSON"
NOT_READY = {"resultType": "NOT_READY"}
TRACES = Path(__file__).parent / "traces"


@pytest.fixture
def gateway(flink: Answers) -> Gateway:
    flink.on("POST /v4/sessions", {"sessionHandle": "s1"})
    flink.on("POST /v4/sessions/s1/statements", {"operationHandle": "o1"})
    flink.on("DELETE /v4/sessions/s1", {})
    return Gateway(flink.url)


def test_a_statement_is_run_to_its_end_and_the_session_closed(flink: Answers, gateway: Gateway) -> None:
    flink.on(RESULT, NOT_READY, NOT_READY, {"resultType": "PAYLOAD", "jobID": "j1"})
    with gateway.session({"a": "b"}) as session:
        assert session.execute("EXECUTE PLAN 'x'", {"c": "d"})["jobID"] == "j1"
    assert flink.bodies[:2] == [
        {"properties": {"a": "b"}},
        {"statement": "EXECUTE PLAN 'x'", "executionConfig": {"c": "d"}},
    ]
    assert flink.asked[2:] == [RESULT, RESULT, RESULT, "DELETE /v4/sessions/s1"]


def test_a_rejected_statement_is_told_with_its_last_cause(flink: Answers, gateway: Gateway) -> None:
    flink.on(RESULT, {"errors": [(TRACES / "unknown_column.txt").read_text()]}, status=500)
    with gateway.session({}) as session, pytest.raises(StatementRefused) as raised:
        session.execute("INSERT INTO snk\n  SELECT nope FROM src")
    assert raised.value.failed == (
        "Flink refused «INSERT INTO snk SELECT nope FROM src»: "
        "SqlValidatorException: Column 'nope' not found in any table"
    )
    assert "\tat" not in str(raised.value)
    assert "headwater apply" in raised.value.next_command
    assert flink.asked[-1] == "DELETE /v4/sessions/s1"


@pytest.mark.parametrize(
    "said",
    [
        "a.b.SqlGatewayException: Session 's1' does not exist.",
        "a.b.SqlGatewayException: Can not find the submitted operation in the OperationManager with the o1",
    ],
)
def test_a_gateway_that_has_forgotten_the_session_was_restarted(flink: Answers, gateway: Gateway, said: str) -> None:
    flink.on(RESULT, {"errors": ["Internal server error.", f"<Exception on server side:\n{said}\n\tat x"]}, status=500)
    with gateway.session({}) as session, pytest.raises(HeadwaterError) as raised:
        session.execute("SELECT 1")
    assert raised.value.failed == "Flink's SQL gateway was restarted during «SELECT 1»"
    assert raised.value.unreachable
    assert raised.value.next_command == "headwater apply"


def test_a_statement_that_does_not_end_is_told(flink: Answers, gateway: Gateway) -> None:
    flink.on(RESULT, NOT_READY)
    with gateway.session({}) as session, pytest.raises(HeadwaterError) as raised:
        session.execute("SELECT 1", timeout=0.05)
    assert "did not finish within 0 s: SELECT 1" in raised.value.failed
    assert raised.value.left == "the statement may still take effect"


def test_a_session_that_cannot_be_closed_hides_nothing(flink: Answers) -> None:
    flink.on("POST /v4/sessions", {"sessionHandle": "s1"})
    with Gateway(flink.url).session({}):
        pass
    assert flink.asked[-1] == "DELETE /v4/sessions/s1"


def test_a_long_statement_is_cut_for_messages() -> None:
    assert first_line("a\n  b") == "a b"
    assert first_line("x" * 200, width=10) == "x" * 9 + "…"
