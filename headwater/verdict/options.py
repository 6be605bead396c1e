"""What a job's options and the versions of its engine mean for its state; the compiled plan says nothing of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from headwater.verdict.judge import Judgement
from headwater.verdict.verdict import Finding, Outcome


@dataclass(frozen=True, slots=True)
class Settings:
    """How a job is run.

    Args:
        properties: Flink's options of the job, as submitted.
        engine: The versions of Flink and of its connectors; "" where they were not noted.
    """

    properties: Mapping[str, str]
    engine: str = ""


_JOB, _ENGINE = "job", "engine"
# Judged in the compiled plan, operator by operator; parallelism is no part of what a job is.
_ELSEWHERE = (
    "parallelism.default",
    "table.exec.state.ttl",
    "table.optimizer.",
    "table.exec.mini-batch.",
    "table.exec.sink.",
)
# Key groups are cut by it; Flink refuses state that was cut otherwise, once it is set
# (https://nightlies.apache.org/flink/flink-docs-release-2.0/docs/dev/datastream/execution/parallel/).
_CUTS_STATE = ("pipeline.max-parallelism",)
# A source that is silent for longer holds the watermark, and with it windows, back or lets them close.
_MOVES_WATERMARKS = ("table.exec.source.idle-timeout", "pipeline.auto-watermark-interval")


def option_findings(now: Settings, before: Settings) -> Iterable[Finding]:
    """Every option and version that differs, with what it does to the state and the rows."""
    for key in sorted(now.properties.keys() | before.properties.keys()):
        was, is_now = before.properties.get(key), now.properties.get(key)
        if was != is_now and not key.startswith(_ELSEWHERE):
            edit = f"option {key} was {was or 'not set'}, is {is_now or 'not set'}"
            yield Finding(_outcome(key), _JOB, edit + _consequence(key))
    if before.engine and now.engine != before.engine:
        edit = (
            f"ran with {before.engine}, runs with {now.engine}; headwater plan --trial shows whether it reads the state"
        )
        yield Finding(Outcome.COMPATIBLE, _ENGINE, edit)


def with_options(judged: Judgement, now: Settings, before: Settings) -> Judgement:
    """The judgement on two plans, with what differs in how they are run."""
    findings = (*judged.verdict.findings, *option_findings(now, before))
    ordered = tuple(sorted(findings, key=lambda finding: -finding.outcome.severity))
    return replace(judged, verdict=replace(judged.verdict, findings=ordered))


def _outcome(key: str) -> Outcome:
    if key in _CUTS_STATE:
        return Outcome.REBUILD
    return Outcome.MEANING_CHANGES if key in _MOVES_WATERMARKS else Outcome.COMPATIBLE


def _consequence(key: str) -> str:
    if key in _CUTS_STATE:
        return "; state is cut into as many parts, and cannot be cut otherwise"
    return "; windows close earlier or later beside a silent source" if key in _MOVES_WATERMARKS else ""
