"""The course of incidents from look to look: watched, open, told again, over.

A condition is told once it has held for a while, with all that comes of the same cause. It stays with its incident as
long as it holds, even when the cause that brought it there is gone before it: a table that catches up after its broker
has come back is the same incident still. When a deeper cause is found later, the incident takes it in and says so.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from headwater.alerts.condition import TABLE, Condition, Kind, depth
from headwater.alerts.incident import Change, Incident, Member, Notice
from headwater.alerts.policy import Policy
from headwater.alerts.silence import Silence

# Two looks that lie further apart say nothing of what was between them.
_GAP = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one look found.

    Args:
        at: When, UTC.
        conditions: With their causes (`explained`).
        blind: Kinds, and keys of conditions, that could not be looked at: what is not found of them may hold still.
        silences: Whatever silences something now.
    """

    at: datetime
    conditions: tuple[Condition, ...]
    blind: frozenset[str] = frozenset()
    silences: tuple[Silence, ...] = ()

    def silence(self, condition: Condition) -> Silence | None:
        """What keeps this one quiet, or None."""
        return next((each for each in self.silences if each.covers(condition) and each.until > self.at), None)


def advance(
    incidents: Sequence[Incident], seen: Sighting, policy: Policy, new_id: Callable[[], str]
) -> tuple[tuple[Incident, ...], tuple[Notice, ...]]:
    """The incidents after one more look, those that ended with it among them, and what is to be told.

    Args:
        incidents: Those that are not over, oldest first.
        seen: What was found.
        policy: When to tell.
        new_id: Gives an id that no other incident has.
    """
    found = {condition.key: condition for condition in seen.conditions}
    refreshed = [_refreshed(incident, found, seen) for incident in incidents]
    known = {member.condition.key for incident in refreshed for member in incident.members}
    loose = [Member(condition, seen.at, seen.at) for key, condition in found.items() if key not in known]
    loose += [member for incident in refreshed if incident.opened_at is None for member in incident.members]
    open_ = _merged([incident for incident in refreshed if incident.opened_at is not None], seen, policy)
    joined, apart = _joined(open_, loose)
    watched = _watched(apart, {each.cause: each.id for each in incidents if each.opened_at is None}, new_id)
    outcomes = [_told(incident, seen, policy) for incident in (*joined, *watched)]
    return tuple(each for each, _ in outcomes), tuple(notice for _, notice in outcomes if notice is not None)


def _refreshed(incident: Incident, found: Mapping[str, Condition], seen: Sighting) -> Incident:
    members = (_seen_again(member, found.get(member.condition.key), seen) for member in incident.members)
    kept = tuple(member for member in members if member.present or incident.opened_at is not None)
    return replace(incident, members=kept)


def _seen_again(member: Member, condition: Condition | None, seen: Sighting) -> Member:
    if condition is None:
        if seen.blind.intersection((member.condition.kind, member.condition.key)):
            return member
        return replace(member, absent_since=member.absent_since or seen.at)
    is_broken = seen.at - member.seen_at > _GAP or seen.silence(condition) is not None
    since = min(condition.since, member.condition.since)
    return Member(replace(condition, since=since), seen.at if is_broken else member.first_seen, seen.at)


def _merged(incidents: list[Incident], seen: Sighting, policy: Policy) -> list[Incident]:
    """Members whose cause is that of an older incident go there; one that is left without any is part of it."""
    homes: dict[str, int] = {}
    for number, incident in enumerate(incidents):
        if incident.lead.present and _has_held(incident.lead, seen, policy):
            homes.setdefault(incident.cause, number)
    for number, incident in enumerate(incidents):
        for cause in dict.fromkeys(member.condition.cause for member in incident.members if member.present):
            home = homes.get(cause, number)
            if home != number:
                incidents[home], incidents[number] = _moved(cause, incidents[number], incidents[home])
    return [incident for incident in incidents if incident.members]


def _moved(cause: str, source: Incident, target: Incident) -> tuple[Incident, Incident]:
    """Target and source, after the source's conditions of this cause have gone to the target."""
    moving = tuple(each for each in source.members if each.present and each.condition.cause == cause)
    left = tuple(each for each in source.members if each not in moving)
    if any(member.present for member in left):
        return replace(target, members=(*target.members, *moving)), replace(source, members=left)
    absorbed = (*target.absorbed, source.id, *source.absorbed)
    return replace(target, members=(*target.members, *moving, *left), absorbed=absorbed), replace(source, members=())


def _joined(incidents: Sequence[Incident], loose: Sequence[Member]) -> tuple[list[Incident], list[Member]]:
    """Open incidents with the new conditions that belong to them, and the others."""
    homes: dict[str, int] = {}
    for number, incident in enumerate(incidents):
        for cause in (member.condition.cause for member in incident.members if member.present):
            homes.setdefault(cause, number)
    for number, incident in enumerate(incidents):
        for table in _catching_up(incident):
            homes.setdefault(f"{TABLE}:{table}", number)
    joining: dict[int, list[Member]] = {}
    apart: list[Member] = []
    for member in loose:
        home = homes.get(member.condition.cause)
        (apart if home is None else joining.setdefault(home, [])).append(member)
    joined = [
        replace(incident, members=(*incident.members, *joining.get(number, ())))
        for number, incident in enumerate(incidents)
    ]
    return joined, apart


def _catching_up(incident: Incident) -> tuple[str, ...]:
    """What depends on a cause that is gone: when one of these is late now, that is of the rows that had waited."""
    if any(member.present and member.condition.cause == incident.told_cause for member in incident.members):
        return ()
    return tuple(name for member in incident.members for name in (member.condition.subject, *member.condition.affects))


def _watched(members: Sequence[Member], ids: Mapping[str, str], new_id: Callable[[], str]) -> list[Incident]:
    """What nobody has been told yet, put together by its cause as it is seen now."""
    by_cause: dict[str, list[Member]] = {}
    for member in members:
        by_cause.setdefault(member.condition.cause, []).append(member)
    return [Incident(ids.get(cause) or new_id(), tuple(group)) for cause, group in by_cause.items()]


def _told(incident: Incident, seen: Sighting, policy: Policy) -> tuple[Incident, Notice | None]:
    """The incident after it was decided whether to tell of it."""
    if incident.opened_at is None:
        return _opened(incident, seen, policy)
    left = tuple(each for each in incident.members if not _is_gone(each, seen, policy))
    if not left:
        over = replace(incident, over_at=seen.at, told_at=seen.at)
        return over, Notice(Change.RESOLVED, over)
    incident = replace(incident, members=left, muted=_muted(incident, seen))
    change = None if incident.muted else _change(incident, seen, policy)
    return _telling(incident, change, seen)


def _opened(incident: Incident, seen: Sighting, policy: Policy) -> tuple[Incident, Notice | None]:
    incident = replace(incident, muted=_muted(incident, seen))
    if incident.muted or not any(_has_held(member, seen, policy) for member in _loud(incident, seen)):
        return incident, None
    return _telling(replace(incident, opened_at=seen.at), Change.OPENED, seen)


def _telling(incident: Incident, change: Change | None, seen: Sighting) -> tuple[Incident, Notice | None]:
    if change is None:
        return incident, None
    told = replace(incident, told_at=seen.at, told_cause=incident.cause, told_severity=incident.severity)
    return told, Notice(change, told)


def _change(incident: Incident, seen: Sighting, policy: Policy) -> Change | None:
    if not incident.lead.present:
        return None  # it is about to be over
    worst = [each for each in incident.present if each.condition.severity.rank > incident.told_severity.rank]
    is_worse = any(_has_held(member, seen, policy) for member in worst)
    if is_worse or (_is_news(incident) and _has_held(incident.lead, seen, policy)):
        return Change.UPDATED
    is_due = policy.repeat_every is not None and seen.at - (incident.told_at or seen.at) >= policy.repeat_every
    return Change.REPEATED if is_due else None


def _is_news(incident: Incident) -> bool:
    """Another cause than was told: a deeper one, or one further up the data's way.

    That a deep one is gone, and what came of it is not yet, is none: the incident goes on until all of it is over.
    """
    if incident.cause == incident.told_cause:
        return False
    told = depth(incident.told_cause)
    is_upstream = incident.told_cause.partition(":")[2] in incident.lead.condition.affects
    return depth(incident.cause) < told or (depth(incident.cause) == told and is_upstream)


def _has_held(member: Member, seen: Sighting, policy: Policy) -> bool:
    return seen.at - member.first_seen >= policy.hold_of(member.condition.kind)


def _is_gone(member: Member, seen: Sighting, policy: Policy) -> bool:
    return member.absent_since is not None and seen.at - member.absent_since >= policy.resolve_after


def _muted(incident: Incident, seen: Sighting) -> str:
    """Why nobody is told: its cause is silenced, or all that holds is; "" when people are to hear of it."""
    first = seen.silence(incident.lead.condition)
    if first is None and _loud(incident, seen):
        return ""
    by = first or next(filter(None, map(seen.silence, incident.conditions)), None)
    return by.reason if by else ""


def _loud(incident: Incident, seen: Sighting) -> list[Member]:
    """What holds and is not silenced. That many are ill at once says no more than each of them does."""
    found = (each for each in incident.present if each.condition.kind is not Kind.CLUSTER)
    return [each for each in found if seen.silence(each.condition) is None]
