"""Whether a job is scaled: by examples, and by what holds of every decision."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.ceiling import Ceiling
from headwater.load import Load, Slots
from headwater.model import Freshness, Parallelism
from headwater.scaling import POLICY, Decision, Kind, Reading, decide

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TICK = timedelta(seconds=30)
RANGE = Parallelism(1, 8)
PROMISE = Freshness(timedelta(seconds=30), timedelta(minutes=2))


def seen(
    busy: float | list[float],
    *,
    backlog: Callable[[int], int | None] = lambda _look: 0,
    rate: float = 1000.0,
    bound: int = 128,
    lag: float | None = None,
    looks: int = 12,
) -> list[Reading]:
    """Looks at a job, one each half minute, the newest now."""
    shares = busy if isinstance(busy, list) else [busy] * looks
    first = NOW - (len(shares) - 1) * TICK
    return [
        Reading(
            first + look * TICK,
            Load("Writer", share, bound, backlog(look), rate),
            None if lag is None else timedelta(seconds=lag),
        )
        for look, share in enumerate(shares)
    ]


def decided(
    readings: list[Reading],
    parallelism: int,
    declared: Parallelism = RANGE,
    *,
    room: int = 16,
    scaled: float | None = None,
    freshness: Freshness | None = None,
) -> Decision:
    """What is decided when the job was scaled so many seconds ago."""
    at = None if scaled is None else NOW - timedelta(seconds=scaled)
    return decide(readings, parallelism, declared, NOW, room=room, scaled_at=at, freshness=freshness)


def growing(look: int) -> int:
    return 50_000 + 10_000 * look


def shrinking(look: int) -> int:
    return 200_000 - 15_000 * look


def test_a_job_that_has_no_time_left_is_scaled_to_where_it_has_some() -> None:
    assert decided(seen(0.9), 2) == Decision(Kind.SCALE, 2, 3, "busy for 90% of its time")
    assert decided(seen(0.9), 5).after == 8


def test_a_growing_backlog_takes_a_busy_job_up() -> None:
    found = decided(seen(1.0, backlog=growing), 2)
    assert (found.kind, found.after) == (Kind.SCALE, 4)
    assert found.reason == "busy for 100% of its time; 160,000 records wait, growing by 333 a second"
    assert decided(seen(0.7, backlog=growing), 2).after == 3


def test_a_backlog_that_will_soon_be_gone_takes_no_more_subtasks() -> None:
    assert decided(seen(1.0, backlog=shrinking), 2).kind is Kind.HOLD
    slow = decided(seen(1.0, backlog=lambda look: 9_000_000 - 100 * look), 2)
    assert (slow.kind, slow.after) == (Kind.SCALE, 4)


def test_more_subtasks_do_not_help_a_job_that_has_time_to_spare() -> None:
    assert decided(seen(0.3, backlog=growing), 2).kind is Kind.HOLD
    assert decided(seen(0.7, backlog=lambda _look: 0, lag=300), 2, freshness=PROMISE).kind is Kind.HOLD


def test_a_table_later_than_it_promises_takes_its_busy_job_up() -> None:
    late = seen(0.7, backlog=lambda _look: None, lag=40)
    found = decided(late, 2, freshness=PROMISE)
    assert (found.kind, found.after) == (Kind.SCALE, 3)
    assert found.reason == "busy for 70% of its time; lag 40 s, more than it promises"
    assert decided(late, 2).kind is Kind.HOLD
    assert decided(seen(0.7, backlog=lambda _look: None, lag=20), 2, freshness=PROMISE).kind is Kind.HOLD


def test_an_idle_job_is_scaled_down_to_what_it_needs_however_late_its_table_is() -> None:
    found = decided(seen(0.05, lag=900), 6, freshness=PROMISE)
    assert found == Decision(Kind.SCALE, 6, 1, "busy for no more than 5% of its time in 300 s, and not behind")
    assert decided(seen(0.3), 6).after == 3
    assert decided(seen(0.05), 6, Parallelism(2, 8)).after == 2


def test_a_lull_does_not_take_a_job_down() -> None:
    assert decided(seen([0.6] + [0.05] * 10), 6).kind is Kind.HOLD
    assert decided(seen(0.05, looks=8), 6).kind is Kind.HOLD


def test_a_job_that_stands_before_a_backlog_is_not_taken_down() -> None:
    assert decided(seen(0.0, backlog=lambda _look: 500, rate=0.0), 4).kind is Kind.HOLD


def test_one_busy_look_takes_no_job_up() -> None:
    assert decided(seen([0.5] * 11 + [1.0]), 2).kind is Kind.HOLD
    assert decided(seen(1.0, looks=3), 2).reason == "not watched for long enough yet"


@pytest.mark.parametrize(
    ("readings", "parallelism", "room", "reason"),
    [
        (seen(1.0, bound=2), 2, 16, "busy for 100% of its time; but Writer can use no more than 2"),
        (seen(1.0), 8, 16, "busy for 100% of its time; but it is declared with 8 at most"),
        (seen(1.0), 2, 0, "busy for 100% of its time; but there is no slot that it may have"),
    ],
    ids=["bound", "range", "room"],
)
def test_what_is_in_the_way_of_more_subtasks_is_said(
    readings: list[Reading], parallelism: int, room: int, reason: str
) -> None:
    assert decided(readings, parallelism, room=room) == Decision(Kind.BLOCKED, parallelism, parallelism, reason)


def test_a_job_takes_what_there_is_when_it_cannot_have_all() -> None:
    assert decided(seen(1.0), 4, room=1).after == 5
    assert decided(seen(1.0, bound=6), 4).after == 6


def test_a_job_that_was_scaled_is_left_alone_and_then_judged_by_what_came_after() -> None:
    assert decided(seen(1.0), 2, scaled=299).reason == "cooling down: scaled 299 s ago"
    assert decided(seen(1.0), 2, scaled=300).kind is Kind.SCALE
    busy_before = [*seen([1.0] * 12), Reading(NOW, Load("Writer", 0.5, 128, 0, 1.0))]
    short = Parallelism(1, 8, cool_down=timedelta(seconds=1))
    assert decided(busy_before, 2, short, scaled=20).reason == "not watched for long enough yet"


def test_a_job_outside_of_its_range_is_left_to_a_plan() -> None:
    assert decided(seen(1.0), 9).reason == "9 is outside of the declared range 1 to 8; headwater apply takes it there"


@settings(deadline=None, max_examples=300)
@given(
    place=st.integers(0, 10),
    least=st.integers(1, 3),
    more=st.integers(0, 10),
    busy=st.one_of(
        *(st.lists(st.floats(low, high), min_size=12, max_size=12) for low, high in ((0.86, 1), (0.6, 1), (0, 0.3))),
        st.lists(st.floats(0, 1), min_size=1, max_size=14),
    ),
    waiting=st.one_of(
        st.sampled_from([[0] * 14, [None] * 14, [10**7] * 14]),
        st.lists(st.one_of(st.none(), st.integers(0, 10**7)), min_size=14, max_size=14),
    ),
    rate=st.floats(0, 10**5),
    bound=st.one_of(st.just(128), st.integers(1, 16)),
    lag=st.one_of(st.none(), st.floats(0, 10**5)),
    free=st.integers(0, 6),
    limit=st.one_of(st.none(), st.integers(8, 18)),
    scaled=st.one_of(st.none(), st.integers(250, 900)),
)
def test_no_decision_leaves_the_range_the_ceiling_or_the_cool_down(
    place: int,
    least: int,
    more: int,
    busy: list[float],
    waiting: list[int | None],
    rate: float,
    bound: int,
    lag: float | None,
    free: int,
    limit: int | None,
    scaled: int | None,
) -> None:
    declared = Parallelism(least, least + more)
    parallelism = least + min(place, more)
    ceiling, slots = Ceiling(limit), Slots(free, free + 12)
    room = ceiling.room(slots)
    readings = seen(busy, backlog=waiting.__getitem__, rate=rate, bound=bound, lag=lag)
    found = decided(readings, parallelism, declared, room=room, scaled=scaled, freshness=PROMISE)
    assert (found.after != found.before) == (found.kind is Kind.SCALE)
    assert found.before == parallelism
    assert found.reason
    if found.kind is Kind.SCALE:
        assert found.after in declared
        assert scaled is None or scaled >= declared.cool_down.total_seconds()
    if found.after > found.before:
        assert found.after <= bound
        assert found.after - found.before <= free
        assert limit is None or slots.used + found.after - found.before <= limit


@dataclass
class Cluster:
    """A job whose parts work as hard as they can on what comes, looked at each half minute.

    Args:
        parallelism: Of the job.
        load: What comes, in what one subtask can do.
        backlog: Records that wait.
    """

    parallelism: int
    load: float
    backlog: float = 0.0
    now: datetime = NOW
    scaled_at: datetime | None = None
    readings: list[Reading] = field(default_factory=list)
    changes: list[Decision] = field(default_factory=list)
    at: list[datetime] = field(default_factory=list)

    def run(self, hours: float, declared: Parallelism = RANGE) -> None:
        """Let time pass, and do as is decided."""
        for _ in range(int(timedelta(hours=hours) / TICK)):
            self.now += TICK
            seconds = TICK.total_seconds()
            possible = self.parallelism * 1000.0
            worked = min(possible, self.load * 1000.0 + self.backlog / seconds)
            self.backlog = max(self.backlog + (self.load * 1000.0 - worked) * seconds, 0.0)
            load = Load("Writer", min(worked / possible, 1.0), 128, int(self.backlog), worked)
            self.readings = [*self.readings[-40:], Reading(self.now, load)]
            found = decide(self.readings, self.parallelism, declared, self.now, room=16, scaled_at=self.scaled_at)
            if found.kind is Kind.SCALE:
                self.changes.append(found)
                self.at.append(self.now)
                self.parallelism, self.scaled_at = found.after, self.now


@settings(deadline=None, max_examples=40)
@given(load=st.floats(0, 7.5), parallelism=st.integers(1, 8))
def test_a_load_that_stays_the_same_takes_a_job_one_way_and_leaves_it_there(load: float, parallelism: int) -> None:
    cluster = Cluster(parallelism, load)
    cluster.run(2)
    ups = [change for change in cluster.changes if change.after > change.before]
    downs = [change for change in cluster.changes if change.after < change.before]
    settled = len(cluster.changes)
    # A backlog that built up before is read with the subtasks there are; what was taken for that may be given back.
    assert not (ups and downs) or cluster.changes.index(downs[0]) > cluster.changes.index(ups[-1])
    cluster.run(6)
    assert len(cluster.changes) == settled
    assert load <= cluster.parallelism
    assert int(cluster.backlog) == 0
    assert all(b - a >= RANGE.cool_down for a, b in zip(cluster.at, cluster.at[1:], strict=False))


@settings(deadline=None, max_examples=40)
@given(load=st.floats(1.05, 6))
def test_a_job_that_gets_more_than_it_can_do_is_scaled_up_until_it_can(load: float) -> None:
    cluster = Cluster(1, load)
    cluster.run(0.1)
    assert cluster.parallelism > 1
    cluster.run(2)
    assert int(cluster.backlog) == 0


@settings(deadline=None, max_examples=40)
@given(load=st.floats(0, 0.5), parallelism=st.integers(2, 8))
def test_a_job_that_has_little_to_do_is_scaled_down_to_the_least(load: float, parallelism: int) -> None:
    cluster = Cluster(parallelism, load)
    cluster.run(1)
    assert cluster.parallelism == 1


def test_the_policy_leaves_a_gap_between_up_and_down() -> None:
    assert POLICY.target < POLICY.high < 1
    assert POLICY.up_after < POLICY.down_after
