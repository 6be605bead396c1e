"""Looks at a stack, one after the other, by a clock that a test sets."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count

from headwater.alerts.condition import Condition, Kind, Severity, explained, key_of
from headwater.alerts.course import Sighting, advance
from headwater.alerts.incident import Change, Incident, Notice
from headwater.alerts.policy import Policy
from headwater.alerts.silence import Silence

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
STEP = 10
KAFKA = key_of(Kind.PROCESS, "kafka")
FLINK = key_of(Kind.CLUSTER, "flink")


def process(name: str, words: str = "is BACKOFF") -> Condition:
    return Condition(Kind.PROCESS, name, Severity.ERROR, f"{name} {words}", START)


def job(table: str, severity: Severity = Severity.ERROR) -> Condition:
    return Condition(
        Kind.JOB, table, severity, f"the job of {table} fails", START, f"table:{table}", (KAFKA, FLINK), owner="team"
    )


def late(table: str, by: str | None = None, *, affects: tuple[str, ...] = (), stale: bool = True) -> Condition:
    """A table that is late, the hop that eats the time being of the job of `by`, or of its own."""
    severity = Severity.ERROR if stale else Severity.WARNING
    hop = f"{by or table}, checkpoint"
    words = f"{table} is {'stale' if stale else 'late'}"
    group = f"table:{by or table}"
    return Condition(
        Kind.FRESHNESS, table, severity, words, START, group, (KAFKA, FLINK), owner="team", hop=hop, affects=affects
    )


@dataclass
class Looks:
    """A stack of twenty jobs as seen each ten seconds. `told` has every notice so far."""

    policy: Policy = field(default_factory=lambda: Policy(repeat_every=timedelta(hours=1)))
    at: datetime = START
    incidents: tuple[Incident, ...] = ()
    told: list[Notice] = field(default_factory=list)
    jobs: int = 20
    numbers: count = field(default_factory=count)  # type: ignore[type-arg]

    def see(
        self,
        *conditions: Condition,
        seconds: float = STEP,
        blind: Iterable[str] = (),
        silences: tuple[Silence, ...] = (),
    ) -> list[Notice]:
        """Look every ten seconds for so long, and find these conditions each time; give what was told."""
        notices: list[Notice] = []
        for _ in range(max(1, round(seconds / STEP))):
            self.at += timedelta(seconds=STEP)
            found = tuple(replace(each, since=self.at) for each in explained(conditions, self.jobs))
            seen = Sighting(self.at, found, frozenset(blind), silences)
            self.incidents, new = advance(self.incidents, seen, self.policy, lambda: f"i{next(self.numbers)}")
            self.incidents = tuple(each for each in self.incidents if each.over_at is None)
            notices += new
        self.told += notices
        return notices

    def changes(self) -> list[tuple[Change, str]]:
        """What was told so far, each with the cause."""
        return [(notice.change, notice.incident.cause) for notice in self.told]


def until(looks: Looks, seconds: float) -> datetime:
    return looks.at + timedelta(seconds=seconds)
