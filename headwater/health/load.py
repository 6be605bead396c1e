"""Does a job keep up: is it held up, does it fall behind. Judged over several looks, since a burst is no trouble."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from headwater.engines import TaskLoad
from headwater.health.look import Load, Look

# Flink itself calls half of the time, or more, high back pressure
# (https://nightlies.apache.org/flink/flink-docs-release-2.0/docs/ops/monitoring/back_pressure/).
_HIGH = 0.5
# Metrics are ten seconds old at worst: over a shorter time a share of it would mean nothing.
_SHORTEST = timedelta(seconds=45)
_LOOKS = 4
# A source is behind when what waits would take it longer than this to read.
_BEHIND = timedelta(seconds=60)

# What Flink, and the names that topics and tables are bound under, add to an operator's name.
_ADDED = re.compile(r"(__bound|__raw)\b.*|\[\d+\].*")


@dataclass(frozen=True, slots=True)
class _Share:
    """How a task has spent the time between two looks."""

    name: str
    held_up: float
    busy: float


def held_up(look: Look) -> str:
    """Which task waits for which, for at least half of the time; "" when none does, or not enough is known.

    The time is that since the earliest look that is remembered, or, at a first look, since the job started. The
    task that others wait for comes after them, waits for nobody, and is the busiest of those.
    """
    if not look.loads:
        return ""
    latest = look.loads[-1]
    if len(look.loads) > 1:
        first, since = look.loads[0], f"in the last {_seconds(latest.at - look.loads[0].at)}"
    elif look.health is not None and look.health.since is not None:
        first, since = Load(look.health.since, ()), "since it started"
    else:
        return ""
    if latest.at - first.at < _SHORTEST:
        return ""
    shares = _shares(first.tasks, latest.tasks)
    held = [number for number, share in enumerate(shares) if share.held_up >= _HIGH]
    if not held:
        return ""
    worst = max((shares[number] for number in held), key=lambda share: share.held_up)
    after = [share for share in shares[held[-1] + 1 :] if share.held_up < _HIGH]
    said = f"«{short(worst.name)}» was held up {worst.held_up:.0%} of the time {since}"
    if not after:
        return said
    busiest = max(after, key=lambda share: share.busy)
    return f"{said}, by «{short(busiest.name)}», which was busy {busiest.busy:.0%}"


def falls_behind(look: Look) -> str:
    """Which source has more waiting at each look than at the one before; "" when none does, or not enough is known."""
    if len(look.loads) < _LOOKS:
        return ""
    loads = look.loads[-_LOOKS:]
    span = loads[-1].at - loads[0].at
    if span < _SHORTEST:
        return ""
    found = []
    for tasks in zip(*(load.tasks for load in loads), strict=False):
        waiting = [task.waiting for task in tasks if task.waiting is not None]
        grows = len(waiting) == _LOOKS and waiting == sorted(waiting) and waiting[-1] > waiting[0]
        rate = (tasks[-1].read - tasks[0].read) / span.total_seconds()
        if grows and waiting[-1] > rate * _BEHIND.total_seconds():
            reads = f"it reads {rate:,.0f} a second" if rate else "it reads none"
            more = f"{waiting[-1]:,} records wait for «{short(tasks[-1].name)}», {waiting[-1] - waiting[0]:,} more"
            found.append(f"{more} than {_seconds(span)} ago, and {reads}")
    return "; ".join(found)


def waiting(look: Look) -> int | None:
    """Records that wait at the broker for the job's sources; None where none of them is known."""
    known = [task.waiting for task in (look.health.tasks if look.health else ()) if task.waiting is not None]
    return sum(known) if known else None


def short(name: str) -> str:
    """A task by its first operator, as the author knows it: `Source: orders`, `GroupAggregate`, `Writer : orders`."""
    return _ADDED.sub("", name.partition(" -> ")[0]).strip()


def _shares(before: Sequence[TaskLoad], after: Sequence[TaskLoad]) -> list[_Share]:
    earlier = {task.name: task for task in before}
    shares = []
    for task in after:
        first = earlier.get(task.name, TaskLoad(task.name, 0, 0, 0))
        held, busy = task.held_up - first.held_up, task.busy - first.busy
        # The time is that of the metrics, which are older than the look: what was spent in it adds up to it.
        total = held + busy + task.idle - first.idle
        shares.append(_Share(task.name, held / total, busy / total) if total > 0 else _Share(task.name, 0, 0))
    return shares


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.0f} s"
