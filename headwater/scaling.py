"""Whether a running job needs more subtasks or fewer: decided from what was seen of it, without asking anybody.

The load that a parallelism can bear is taken to grow with it. A job is scaled up when its busiest part has nearly no
time left, or falls behind, and then to where that part would be busy for `Policy.target` of its time; it is scaled down
only to where it still would be busy for less than that. `Policy.high` is greater than `Policy.target`, so a load that
stays the same takes a job up or down, and leaves it there.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from headwater.load import Load
from headwater.model import Freshness, Parallelism


@dataclass(frozen=True, slots=True)
class Policy:
    """When to act. Shares are of the busiest part's time.

    Args:
        high: Busier than this all the while: too few subtasks.
        target: As busy as a scaled job should be.
        up_after: How long a job is watched before it is scaled up.
        down_after: How long before it is scaled down: longer, since a lull is no end.
        readings: How often it must have been looked at in that time.
        behind: A backlog is worth a job's attention when reading it takes longer than this.
        catch_up: A backlog that will be gone within this time needs nobody.
    """

    high: float = 0.85
    target: float = 0.6
    up_after: timedelta = timedelta(seconds=75)
    down_after: timedelta = timedelta(minutes=5)
    readings: int = 3
    behind: timedelta = timedelta(seconds=10)
    catch_up: timedelta = timedelta(minutes=10)


POLICY = Policy()


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at a running job.

    Args:
        at: When.
        load: How hard it works.
        lag: Of its table, in event time; None where that is not known.
    """

    at: datetime
    load: Load
    lag: timedelta | None = None


class Kind(StrEnum):
    """What a decision comes to. BLOCKED: more subtasks were needed, and cannot be had or would not help."""

    HOLD = "hold"
    SCALE = "scale"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a job, and why, in words.

    Args:
        kind: Whether anything changes.
        before: Its parallelism.
        after: The one it should have; the same unless `kind` is SCALE.
        reason: For people.
    """

    kind: Kind
    before: int
    after: int
    reason: str


def decide(
    readings: Sequence[Reading],
    parallelism: int,
    declared: Parallelism,
    now: datetime,
    *,
    room: int,
    freshness: Freshness | None = None,
    scaled_at: datetime | None = None,
    policy: Policy = POLICY,
) -> Decision:
    """Decide on one job.

    Args:
        readings: Of this job, oldest first. Those from before `scaled_at` say nothing.
        parallelism: That it runs with.
        declared: The range and the cool-down.
        now: The moment, as of the newest reading.
        room: How many slots more it may take (headwater.ceiling).
        freshness: What its table promises.
        scaled_at: When it was scaled last, by whomever; None when never.
        policy: When to act.
    """

    def hold(reason: str, kind: Kind = Kind.HOLD) -> Decision:
        return Decision(kind, parallelism, parallelism, reason)

    if parallelism not in declared:
        return hold(f"{parallelism} is outside of the declared range {declared}; headwater apply takes it there")
    if scaled_at is not None and now - scaled_at < declared.cool_down:
        return hold(f"cooling down: scaled {_seconds(now - scaled_at)} ago")
    seen = [reading for reading in readings if scaled_at is None or reading.at > scaled_at]
    lately = _within(seen, now, policy.up_after, policy)
    if lately is None:
        return hold("not watched for long enough yet")
    trend = _Trend.of(lately, freshness, policy)
    if trend.needs_more:
        wanted = max(math.ceil(parallelism * trend.busy / policy.target), parallelism + 1)
        wanted = min(wanted, 2 * parallelism, declared.most)
        load = lately[-1].load
        if parallelism >= load.bound:
            return hold(f"{trend}; but {load.busiest} can use no more than {load.bound}", Kind.BLOCKED)
        if wanted == parallelism:
            return hold(f"{trend}; but it is declared with {declared.most} at most", Kind.BLOCKED)
        if room < 1:
            return hold(f"{trend}; but there is no slot that it may have", Kind.BLOCKED)
        after = min(wanted, load.bound, parallelism + room)
        return Decision(Kind.SCALE, parallelism, after, str(trend))
    for_long = _within(seen, now, policy.down_after, policy)
    if for_long is None or trend.is_behind or parallelism == declared.least:
        return hold(str(trend))
    busy = max(reading.load.busy for reading in for_long)
    enough = max(math.ceil(parallelism * busy / policy.target), declared.least)
    if enough >= parallelism:
        return hold(str(trend))
    reason = f"busy for no more than {busy:.0%} of its time in {_seconds(policy.down_after)}, and not behind"
    return Decision(Kind.SCALE, parallelism, enough, reason)


@dataclass(frozen=True, slots=True)
class _Trend:
    """What some readings in a row say.

    Args:
        busy: How busy the busiest part was, on average.
        always_high: It was busier than it should be at every look.
        backlog: Records that wait now; None when no source counts them.
        growth: By how many a second they became more; by how many fewer, when negative.
        behind: How long reading the backlog would take if nothing more came; None without one.
        lag: Of the table, now.
        late: It is beyond what the table promises.
        policy: When to act.
    """

    busy: float
    always_high: bool
    backlog: int | None
    growth: float
    behind: timedelta | None
    lag: timedelta | None
    late: bool
    policy: Policy

    @classmethod
    def of(cls, readings: Sequence[Reading], freshness: Freshness | None, policy: Policy) -> "_Trend":
        first, last = readings[0], readings[-1]
        loads = [reading.load for reading in readings]
        busy = sum(load.busy for load in loads) / len(loads)
        seconds = max((last.at - first.at).total_seconds(), 1.0)
        growth = ((last.load.backlog or 0) - (first.load.backlog or 0)) / seconds
        promised = (freshness.warn_after or freshness.fail_after) if freshness else None
        return cls(
            busy=busy,
            always_high=min(load.busy for load in loads) >= policy.high,
            backlog=last.load.backlog,
            growth=growth,
            behind=_behind(last.load),
            lag=last.lag,
            late=last.lag is not None and promised is not None and last.lag > promised,
            policy=policy,
        )

    @property
    def is_behind(self) -> bool:
        """It has more to read than a moment's worth."""
        return self.behind is not None and self.behind > self.policy.behind

    @property
    def is_catching_up(self) -> bool:
        """It has a backlog that will be gone soon."""
        return bool(self.backlog) and self.backlog <= -self.growth * self.policy.catch_up.total_seconds()

    @property
    def needs_more(self) -> bool:
        """It has no time left, or it works for most of it and still falls behind.

        One that falls behind with time to spare waits for something that more subtasks would not bring. Nor would
        they help where the table is late and nothing waits to be read: then it is its sources that are.
        """
        if self.is_catching_up:
            return False
        falls_behind = (self.is_behind and self.growth > 0) or (self.late and self.backlog != 0)
        return self.always_high or (falls_behind and self.busy >= self.policy.target)

    def __str__(self) -> str:
        texts = [f"busy for {self.busy:.0%} of its time"]
        if self.backlog:
            speed = f"{abs(self.growth):,.0f} a second"
            moving = f"{'growing' if self.growth > 0 else 'shrinking'} by {speed}" if self.growth else "no fewer"
            texts.append(f"{self.backlog:,} records wait, {moving}")
        if self.lag is not None:
            texts.append(f"lag {_seconds(self.lag)}" + (", more than it promises" if self.late else ""))
        return "; ".join(texts)


def _within(readings: Sequence[Reading], now: datetime, span: timedelta, policy: Policy) -> Sequence[Reading] | None:
    """The readings of the last while; None when they do not reach back so far, or are too few."""
    found = [reading for reading in readings if now - reading.at <= span]
    reaches = bool(readings) and now - readings[0].at >= span
    return found if reaches and len(found) >= policy.readings else None


def _behind(load: Load) -> timedelta | None:
    if not load.backlog:
        return None
    return timedelta(seconds=min(load.backlog / load.rate, 1e9)) if load.rate > 0 else timedelta.max


def _seconds(value: timedelta) -> str:
    return f"{value.total_seconds():.0f} s"
