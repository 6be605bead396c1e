"""Incidents in words for people, and as JSON for programs."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from headwater.alerts.condition import Condition, Kind
from headwater.alerts.incident import Change, Incident, Notice
from headwater.duration import elapsed

_OPENINGS = {
    Change.OPENED: "{severity}: {words}",
    Change.UPDATED: "{severity}, update: {words}",
    Change.REPEATED: "{severity}, still: {words}",
    Change.RESOLVED: "over: {words}",
}

# Beyond so many the rest is counted: a message is to be read on a telephone.
_MOST = 12


def title(notice: Notice) -> str:
    """One line: how bad, and what, as in `error: dwd.orders is stale, 12 min 3 s behind its sources`."""
    incident = notice.incident
    words = incident.lead.condition.words
    return _OPENINGS[notice.change].format(severity=incident.severity.value, words=words)


def body(notice: Notice, at: datetime, zone: ZoneInfo) -> str:
    """Everything there is to know of it, a line for each, and what to do.

    Args:
        notice: What is told.
        at: When, UTC.
        zone: The zone that times are given in; its name is said.
    """
    return "\n".join(f"{f'{name}:':<9} {value}" for name, value in _lines(notice, at, zone) if value)


def as_json(incident: Incident) -> dict[str, Any]:
    """The incident for programs. Times are ISO-8601 in UTC."""
    lead = incident.lead.condition
    return {
        "id": incident.id,
        "state": "over" if incident.over_at else "open" if incident.opened_at else "watched",
        "severity": incident.severity.value,
        "cause": incident.cause,
        "kind": lead.kind.value,
        "subject": lead.subject,
        "words": lead.words,
        "owner": detail(incident, "owner") or None,
        "promise": detail(incident, "promise") or None,
        "reality": detail(incident, "reality") or None,
        "hop": _hop(incident) or None,
        "since": _iso(incident.since),
        "opened_at": _iso(incident.opened_at),
        "told_at": _iso(incident.told_at),
        "over_at": _iso(incident.over_at),
        "affects": list(incident.affects),
        "conditions": [_condition_json(condition) for condition in incident.conditions],
        "includes": list(incident.absorbed),
        "silenced": incident.muted or None,
        "url": detail(incident, "url") or None,
        "next": detail(incident, "next_command") or None,
    }


def detail(incident: Incident, name: str) -> str:
    """What the condition nearest to the cause that has something to say says under this name, or ""."""
    return next((value for each in incident.conditions if (value := getattr(each, name))), "")


def when(instant: datetime, zone: ZoneInfo) -> str:
    """An instant in a zone, which is named."""
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def _lines(notice: Notice, at: datetime, zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    incident = notice.incident
    is_over = notice.change is Change.RESOLVED
    owners = dict.fromkeys(each.owner for each in incident.conditions if each.owner)
    yield "what", f"{incident.lead.condition.words}{' (as it was last)' if is_over else ''}"
    yield "promise", detail(incident, "promise")
    yield "reality", "" if is_over else detail(incident, "reality")
    yield "hop", _hop(incident)
    yield "since", f"{when(incident.since, zone)} ({elapsed(at - incident.since)})"
    yield "over", when(incident.over_at, zone) if incident.over_at else ""
    yield "owner", _listed(tuple(owners))
    yield "also", "" if is_over else _listed(tuple(each.words for each in _others(incident)))
    yield "affects", _listed(incident.affects)
    yield "look at", detail(incident, "url")
    yield "next", _when_over(incident) if is_over else detail(incident, "next_command")
    yield "includes", _listed(incident.absorbed)
    yield "incident", incident.id
    yield "as of", when(at, zone)


def _hop(incident: Incident) -> str:
    """Where the time goes: as it was measured, and else where the job is that does not run."""
    measured = (each.hop for each in incident.conditions if each.kind is Kind.FRESHNESS)
    return next(filter(None, measured), "") or detail(incident, "hop")


def _when_over(incident: Incident) -> str:
    if incident.lead.condition.kind in (Kind.RUN, Kind.BACKFILL):
        return "nothing, if a later run has done its work; one that nobody has repeated is forgotten after some hours"
    return "nothing; it is over"


def _others(incident: Incident) -> list[Condition]:
    """What holds beside the lead; of a crowd, not that it is one."""
    return [each for each in incident.conditions[1:] if each.kind is not Kind.CLUSTER]


def _listed(words: tuple[str, ...]) -> str:
    shown = "; ".join(words[:_MOST])
    return shown + (f"; and {len(words) - _MOST} more" if len(words) > _MOST else "")


def _condition_json(condition: Condition) -> dict[str, Any]:
    return {
        "kind": condition.kind.value,
        "subject": condition.subject,
        "severity": condition.severity.value,
        "words": condition.words,
        "since": _iso(condition.since),
        "owner": condition.owner or None,
        "promise": condition.promise or None,
        "reality": condition.reality or None,
        "hop": condition.hop or None,
        "url": condition.url or None,
        "next": condition.next_command or None,
    }


def _iso(instant: datetime | None) -> str | None:
    return (
        None if instant is None else instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
