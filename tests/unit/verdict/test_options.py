"""Options of a job and versions of its engine, as findings."""

from headwater.verdict.options import Settings, option_findings
from headwater.verdict.verdict import Outcome


def found(
    now: dict[str, str], before: dict[str, str], engines: tuple[str, str] = ("e", "e")
) -> list[tuple[Outcome, str]]:
    said = option_findings(Settings(now, engines[0]), Settings(before, engines[1]))
    return [(finding.outcome, str(finding)) for finding in said]


def test_equal_settings_have_no_finding() -> None:
    assert found({"a": "1"}, {"a": "1"}) == []


def test_a_checkpoint_interval_leaves_the_state_as_it_is_and_parallelism_is_no_part_of_the_job() -> None:
    before = {"parallelism.default": "1", "execution.checkpointing.interval": "1 s"}
    assert found({"parallelism.default": "2"}, before) == [
        (Outcome.COMPATIBLE, "job: option execution.checkpointing.interval was 1 s, is not set"),
    ]


def test_another_number_of_key_groups_needs_a_rebuild() -> None:
    ((outcome, edit),) = found({"pipeline.max-parallelism": "64"}, {})
    assert outcome is Outcome.REBUILD
    assert "was not set, is 64; state is cut into as many parts" in edit


def test_a_silence_that_is_waited_for_longer_moves_windows() -> None:
    ((outcome, _),) = found({"table.exec.source.idle-timeout": "9 s"}, {"table.exec.source.idle-timeout": "1 s"})
    assert outcome is Outcome.MEANING_CHANGES


def test_what_the_compiled_plan_says_is_judged_there() -> None:
    assert found({"table.exec.state.ttl": "1 h"}, {}) == []


def test_another_engine_is_named_and_one_that_was_not_noted_is_not() -> None:
    ((outcome, edit),) = found({}, {}, ("flink-2.0.3", "flink-2.0.2"))
    assert (outcome, edit[:50]) == (Outcome.COMPATIBLE, "engine: ran with flink-2.0.2, runs with flink-2.0.")
    assert found({}, {}, ("flink-2.0.3", "")) == []
