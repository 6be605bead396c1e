"""Conditions of one cause, from the first time they are seen until they are over."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from headwater.alerts.condition import Condition, Kind, Severity


class Change(StrEnum):
    """What became of an incident, as people are told."""

    OPENED = "opened"
    UPDATED = "updated"
    REPEATED = "repeated"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Member:
    """A condition within an incident.

    Args:
        condition: As it was found last.
        first_seen: Since when it holds without a break, or without a silence, as far as was looked.
        seen_at: When it was found last.
        absent_since: Since when it is not found any more; None while it is.
    """

    condition: Condition
    first_seen: datetime
    seen_at: datetime
    absent_since: datetime | None = None

    @property
    def present(self) -> bool:
        return self.absent_since is None


@dataclass(frozen=True, slots=True)
class Incident:
    """Everything that comes of one cause.

    Args:
        id: What it is known by, in messages and in the history.
        members: Never empty.
        opened_at: When people were told of it first; None while it is only watched.
        told_at: When people were told last.
        told_cause: The cause that they were told.
        told_severity: The severity that they were told.
        absorbed: Incidents that turned out to be part of this one.
        muted: Why nobody is told at the moment, or "".
        over_at: When it was over; None until then.
    """

    id: str
    members: tuple[Member, ...]
    opened_at: datetime | None = None
    told_at: datetime | None = None
    told_cause: str = ""
    told_severity: Severity = Severity.WARNING
    absorbed: tuple[str, ...] = ()
    muted: str = ""
    over_at: datetime | None = None

    @property
    def present(self) -> tuple[Member, ...]:
        """Those that hold now; when none does, those that did."""
        return tuple(member for member in self.members if member.present) or self.members

    @property
    def lead(self) -> Member:
        """The condition nearest to the cause: what the incident is called after."""
        return min(self.present, key=_nearness)

    @property
    def cause(self) -> str:
        """What its conditions come of, as far as is known now."""
        return self.lead.condition.cause

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What holds, nearest to the cause first."""
        return tuple(member.condition for member in sorted(self.present, key=_nearness))

    @property
    def severity(self) -> Severity:
        """The worst of what holds."""
        return max((member.condition.severity for member in self.present), key=lambda severity: severity.rank)

    @property
    def since(self) -> datetime:
        """When the first of its conditions began."""
        return min(member.condition.since for member in self.members)

    @property
    def affects(self) -> tuple[str, ...]:
        """Tables and reports that suffer, or depend on one that does; without the one that the incident is about."""
        names = (name for each in self.conditions for name in (*_table(each), *each.affects))
        return tuple(name for name in dict.fromkeys(names) if name != self.lead.condition.subject)


@dataclass(frozen=True, slots=True)
class Notice:
    """A change of an incident that people are to be told."""

    change: Change
    incident: Incident


def _nearness(member: Member) -> tuple[bool, bool, int, int, datetime, str]:
    condition = member.condition
    is_common = condition.cause == condition.key and condition.kind.rank < Kind.JOB.rank
    is_own = condition.cause.partition(":")[2] == condition.subject
    return not is_common, not is_own, condition.kind.rank, -condition.severity.rank, condition.since, condition.key


def _table(condition: Condition) -> tuple[str, ...]:
    is_table = condition.kind in (Kind.JOB, Kind.FRESHNESS, Kind.CHECK, Kind.DRIFT)
    return (condition.subject,) if is_table else ()
