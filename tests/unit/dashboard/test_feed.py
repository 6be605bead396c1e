"""The one reader of a dashboard's table: what it reads again, and that its numbers are the table's. No Java."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest

from benchmarks.orderlake import PROJECT, OrdersLake, Row, rows_between
from headwater.loader import load
from headwater.stack import Ports, Stack
from serving.dashboard import feed as feeds
from serving.dashboard.comparison import Against
from serving.dashboard.feed import Feed, State
from serving.dashboard.frame import Frame, minute_of

NOW = datetime(2026, 11, 20, 15, 37, tzinfo=UTC)
TODAY = NOW.date()
HOUR = timedelta(hours=1)
WAREHOUSE = load(PROJECT / "warehouse")
MARKETS = WAREHOUSE.markets[:3]
(DASHBOARD,) = WAREHOUSE.dashboards


class Place:
    """A lake, and the days that a feed over it reads."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stack = Stack(home=folder, warehouse=PROJECT / "warehouse", ports=Ports())
        self.read: list[list[date]] = []
        monkeypatch.setattr(feeds, "read_days", self._spy(feeds.read_days))
        self.feed = self.other()

    def other(self) -> Feed:
        return Feed(self.stack, DASHBOARD, MARKETS)

    def make(self, *spans: tuple[datetime, datetime]) -> OrdersLake:
        lake = OrdersLake(self.stack.lake)
        lake.write([row for first, last in spans for row in rows(first, last)], NOW)
        return lake

    def look(self, feed: Feed | None = None) -> Frame:
        """The frame after another look. Raises AssertionError where there is none."""
        chosen = feed or self.feed
        self.read.clear()
        chosen.look()
        assert chosen.state.frame is not None, chosen.state.trouble
        return chosen.state.frame

    def _spy(self, reading: Any) -> Any:
        def read(lake: Path, dashboard: Any, snapshot: int, days: Sequence[date], book: Any) -> Any:
            self.read.append(list(days))
            return reading(lake, dashboard, snapshot, days, book)

        return read


def rows(first: datetime, last: datetime, seed: int = 7) -> list[Row]:
    return list(rows_between(MARKETS, first, last, seed=seed, every=5 * timedelta(minutes=1)))


def totals(frame: Frame, first: datetime, last: datetime) -> dict[str, int]:
    """What all slices sum up to over a span."""
    slices = np.arange(len(frame.slices), dtype=np.int64)
    found = frame.sums(slices, np.array(minute_of(first)), np.array(minute_of(last)))
    return {column: int(sums.sum()) for column, sums in found.items()}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(tmp_path, monkeypatch)


def test_a_frame_has_what_the_table_has(place: Place) -> None:
    place.make((NOW - 2 * HOUR, NOW))
    frame = place.look()
    written = rows(NOW - 2 * HOUR, NOW)
    assert totals(frame, NOW - 2 * HOUR, NOW)["created"] == sum(row[5] for row in written)
    assert totals(frame, NOW - 2 * HOUR, NOW)["revenue"] == sum(row[9] for row in written) * 100
    assert (frame.snapshot.id, frame.now) == (1, NOW)


def test_a_commit_has_only_the_days_read_again_that_it_touches_and_gives_what_reading_all_gives(place: Place) -> None:
    lake = place.make((NOW - 30 * HOUR, NOW - 28 * HOUR), (NOW - 2 * HOUR, NOW))
    place.look()
    assert set(place.read[0]) >= {TODAY, TODAY - timedelta(days=1)}
    lake.write(rows(NOW - HOUR, NOW, seed=8), NOW + timedelta(minutes=1))
    frame = place.look()
    assert place.read == [[TODAY]]
    whole = place.look(place.other())
    for first in (NOW - 30 * HOUR, NOW - 2 * HOUR, NOW - HOUR):
        assert totals(frame, first, NOW) == totals(whole, first, NOW)
    assert (frame.snapshot.id, frame.number) == (2, 2)


def test_a_late_correction_of_yesterday_is_read(place: Place) -> None:
    lake = place.make((NOW - 30 * HOUR, NOW - 28 * HOUR), (NOW - 2 * HOUR, NOW))
    before = place.look()
    lake.write(rows(NOW - 29 * HOUR, NOW - 28 * HOUR, seed=9), NOW + timedelta(minutes=1))
    frame = place.look()
    assert place.read == [[(NOW - 29 * HOUR).date()]]
    span = NOW - 30 * HOUR, NOW - 28 * HOUR
    assert totals(frame, *span) == totals(place.look(place.other()), *span) != totals(before, *span)


def test_nothing_new_gives_the_same_frame_and_reads_nothing(place: Place) -> None:
    place.make((NOW - HOUR, NOW))
    frame = place.look()
    assert place.look() is frame
    assert place.read == []


def test_a_day_that_somebody_wants_is_read_beside_those_that_are_there(place: Place) -> None:
    wanted = TODAY - timedelta(days=5)
    midday = datetime.combine(wanted, datetime.min.time(), UTC) + 12 * HOUR
    place.make((midday, midday + HOUR), (NOW - HOUR, NOW))
    assert totals(place.look(), midday, midday + HOUR)["created"] == 0
    place.feed.want(Against(0, wanted))
    frame = place.look()
    assert TODAY not in place.read[0]
    assert totals(frame, midday, midday + HOUR)["created"] == sum(row[5] for row in rows(midday, midday + HOUR))


def test_a_table_that_was_made_anew_is_read_whole(place: Place) -> None:
    import shutil

    place.make((NOW - 2 * HOUR, NOW))
    place.look()
    shutil.rmtree(place.stack.lake)
    place.make((NOW - HOUR, NOW))
    frame = place.look()
    assert totals(frame, NOW - 2 * HOUR, NOW - HOUR)["created"] == 0
    assert totals(frame, NOW - HOUR, NOW)["created"] == sum(row[5] for row in rows(NOW - HOUR, NOW))


def test_a_table_that_cannot_be_read_leaves_the_last_numbers_and_says_why(place: Place) -> None:
    place.feed.look()
    assert place.feed.state.frame is None
    assert "no snapshot yet" in place.feed.state.trouble
    place.make((NOW - HOUR, NOW))
    frame = place.look()
    snapshot = next(place.stack.lake.rglob("snapshot/snapshot-1"))
    snapshot.write_text("{")
    place.feed.look()
    assert (place.feed.state.frame, bool(place.feed.state.trouble)) == (frame, True)


def test_a_table_without_a_column_of_days_is_read_by_its_minutes(place: Place) -> None:
    place.make((NOW - 2 * HOUR, NOW))
    feed = Feed(place.stack, replace(DASHBOARD, day=None), MARKETS)
    assert totals(place.look(feed), NOW - 2 * HOUR, NOW) == totals(place.look(), NOW - 2 * HOUR, NOW)


class Viewers:
    """Whether anybody looks, and what they are told."""

    def __init__(self) -> None:
        self.are_there = False
        self.asked: SimpleQueue[None] = SimpleQueue()
        self.told: SimpleQueue[State] = SimpleQueue()

    def watched(self) -> bool:
        self.asked.put(None)
        return self.are_there


@pytest.fixture
def viewers(place: Place) -> Iterator[tuple[Viewers, Feed]]:
    """Viewers of a feed that runs, and looks only when it is woken."""
    found = Viewers()
    feed = Feed(
        place.stack,
        DASHBOARD,
        MARKETS,
        watched=found.watched,
        changed=found.told.put,
        poll_seconds=HOUR.total_seconds(),
    )
    yield found, feed
    feed.stop()


def test_the_first_frame_is_made_though_nobody_looks_and_the_next_only_when_somebody_does(
    place: Place, viewers: tuple[Viewers, Feed]
) -> None:
    lake = place.make((NOW - HOUR, NOW))
    they, feed = viewers
    feed.start()
    first = they.told.get(timeout=60)
    lake.write(rows(NOW - HOUR, NOW, seed=8), NOW + timedelta(minutes=1))
    feed.wake()
    they.asked.get(timeout=60)
    assert feed.state is first
    they.are_there = True
    feed.wake()
    second = they.told.get(timeout=60)
    assert (first.frame and first.frame.snapshot.id, second.frame and second.frame.snapshot.id) == (1, 2)


def test_viewers_are_told_of_news_alone(place: Place, viewers: tuple[Viewers, Feed]) -> None:
    they, feed = viewers
    feed.look()
    assert "no snapshot yet" in they.told.get_nowait().trouble
    feed.look()
    assert they.told.empty()
    place.make((NOW - HOUR, NOW))
    feed.look()
    told = they.told.get_nowait()
    assert (told.trouble, told.frame is not None) == ("", True)
    feed.look()
    assert they.told.empty()


def test_a_day_that_is_wanted_wakes_the_feed_and_four_of_them_are_kept(
    place: Place, viewers: tuple[Viewers, Feed]
) -> None:
    place.make((NOW - HOUR, NOW))
    they, feed = viewers
    they.are_there = True
    feed.start()
    they.told.get(timeout=60)
    wanted = [TODAY - timedelta(days=days) for days in range(20, 45, 5)]
    found: list[set[date]] = []
    for day in wanted:
        feed.want(Against(0, day))
        frame = they.told.get(timeout=60).frame
        assert frame is not None
        found.append(frame.blocks.keys() & set(wanted))
    assert found == [set(wanted[max(0, last - 4) : last]) for last in range(1, 6)]
