"""The live upstream by a clock that the test moves: what a stop, a crash, a pause or a new rate does to it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from filelock import FileLock

from headwater.model import Market
from headwater.problem import HeadwaterError
from simulator.demand import Rate
from simulator.instant import MINUTE, SECOND, from_datetime
from simulator.live import RUN, LiveOptions, Player, live
from simulator.markets import trades
from simulator.progress import Progress, Settings, begin, load, save
from simulator.record import DRIVER_STATUS, ORDERS, TOPICS, Record, Sort
from simulator.stream import Script

START = from_datetime(datetime(2026, 11, 22, 11, tzinfo=UTC))


@dataclass
class Broker:
    """Takes records; while `down` it takes none to heart, and while `full` none at all."""

    arrived: list[Record] = field(default_factory=list)
    queued: list[Record] = field(default_factory=list)
    down: bool = False
    room: int = 10**9

    def offer(self, record: Record) -> bool:
        if len(self.queued) >= self.room:
            return False
        self.queued.append(record)
        return True

    def serve(self) -> None:
        pass

    def flush(self, seconds: float) -> bool:
        assert seconds > 0
        if not self.down:
            self.arrived += self.queued
            self.queued = []
        return not self.queued


@dataclass
class Clock:
    """Moves on by what it is asked to wait, and is over at an instant. `at` runs something when an instant has come."""

    now: int
    until: int
    at: dict[int, Callable[[], None]] = field(default_factory=dict)

    def read(self) -> int:
        self.now += 1  # work takes time too
        for due in [instant for instant in self.at if instant <= self.now]:
            self.at.pop(due)()
        return self.now

    def is_set(self) -> bool:
        return self.now >= self.until

    def wait(self, timeout: float) -> bool:
        self.now += max(1, int(timeout * 1_000))
        return self.is_set()


class Upstream:
    """Starts and stops players over one state folder."""

    def __init__(self, markets: tuple[Market, ...], folder: Path, rate: float = 2.0) -> None:
        self.markets, self.file, self.rate = markets, folder / "live.json", rate
        self.said: list[str] = []

    def run(self, broker: Broker, clock: Clock, history: int = 5) -> Progress:
        settings = Settings(1, self.rate, tuple(market.code for market in self.markets))
        progress = begin(load(self.file), settings, clock.now, history)
        play = trades(self.markets)
        script = Script(1, RUN, play, Rate(play, self.rate, 1))
        player = Player(progress, script, broker, self.file, clock, clock.read, self.said.append)
        player.play()
        return player.progress


@pytest.fixture
def upstream(markets: tuple[Market, ...], tmp_path: Path) -> Upstream:
    return Upstream(markets, tmp_path)


def reached(upstream: Upstream) -> int:
    progress = load(upstream.file)
    assert progress is not None
    return progress.sent_through


def values(records: list[Record]) -> list[bytes]:
    return [record.value for record in records]


def test_the_first_start_fills_a_stretch_of_history(upstream: Upstream) -> None:
    broker = Broker()
    upstream.run(broker, Clock(START, START + 2 * SECOND))
    assert broker.arrived[0].sent_at < START - 4 * MINUTE
    assert {record.topic for record in broker.arrived} == set(TOPICS)


def test_a_record_is_sent_when_it_is_due_and_not_before(upstream: Upstream) -> None:
    clock, sent_at = Clock(START, START + 3 * MINUTE), []

    class Watching(Broker):
        def offer(self, record: Record) -> bool:
            sent_at.append((clock.now, record.sent_at))
            return super().offer(record)

    upstream.run(Watching(), clock)
    assert all(now >= due for now, due in sent_at)
    live_ones = [(now, due) for now, due in sent_at if due > START + 10 * SECOND]
    assert max(now - due for now, due in live_ones) < 500


@pytest.mark.parametrize("pauses", [(7,), (61, 5), (3 * 60, 59, 1)])
def test_stopping_and_starting_again_loses_and_doubles_nothing(
    upstream: Upstream, markets: tuple[Market, ...], tmp_path: Path, pauses: tuple[int, ...]
) -> None:
    whole = Broker()
    Upstream(markets, tmp_path / "other").run(whole, Clock(START, START + 12 * MINUTE))
    broken, now = Broker(), START
    for seconds in pauses:
        upstream.run(broken, Clock(now, now + 50 * SECOND))
        now += 50 * SECOND + seconds * SECOND
    last = upstream.run(broken, Clock(now, START + 12 * MINUTE))
    cut = min(last.sent_through, START + 11 * MINUTE)
    assert values([r for r in broken.arrived if r.sent_at <= cut]) == values(
        [r for r in whole.arrived if r.sent_at <= cut]
    )


def test_what_is_counted_is_what_was_sent_over_all_runs(upstream: Upstream) -> None:
    broker = Broker()
    upstream.run(broker, Clock(START, START + MINUTE))
    upstream.run(broker, Clock(START + 2 * MINUTE, START + 3 * MINUTE))
    sent = json.loads(upstream.file.read_text())["sent"]
    assert sent["records"] == {topic: sum(r.topic == topic for r in broker.arrived) for topic in TOPICS}
    assert sent["late"] == {
        topic: sum(r.topic == topic and r.sort is Sort.LATE for r in broker.arrived) for topic in TOPICS
    }
    malformed = sum(record.sort is Sort.MALFORMED for record in broker.arrived)
    assert malformed == sum(sum(reasons.values()) for reasons in sent["malformed"].values()) > 0


def test_after_a_crash_the_last_seconds_are_sent_again_byte_for_byte(
    upstream: Upstream, markets: tuple[Market, ...], tmp_path: Path
) -> None:
    class Crash(Exception):
        pass

    def crash() -> None:
        raise Crash

    whole, broken = Broker(), Broker()
    Upstream(markets, tmp_path / "other").run(whole, Clock(START, START + 5 * MINUTE))
    with pytest.raises(Crash):
        upstream.run(broken, Clock(START, START + 5 * MINUTE, {START + 61_500: crash}))
    broken.arrived, broken.queued = broken.arrived + broken.queued, []
    upstream.run(broken, Clock(START + 70 * SECOND, START + 5 * MINUTE))
    cut = START + 4 * MINUTE
    assert set(values([r for r in broken.arrived if r.sent_at <= cut])) == set(
        values([r for r in whole.arrived if r.sent_at <= cut])
    )
    doubled = len(broken.arrived) - len(whole.arrived)
    assert 0 < doubled < len(whole.arrived) / 5


def placed_in(records: list[Record]) -> set[int]:
    return {
        json.loads(record.value)["source"]["ts_ms"] // MINUTE
        for record in records
        if record.topic == ORDERS and record.sort is Sort.GOOD and b'"op":"c"' in record.value
    }


def test_a_long_pause_stays_without_new_orders_even_after_the_next_starts(upstream: Upstream) -> None:
    broker, back = Broker(), START + 40 * MINUTE
    upstream.run(broker, Clock(START, START + 2 * MINUTE))
    upstream.run(broker, Clock(back, back + 2 * MINUTE))
    upstream.run(broker, Clock(back + 3 * MINUTE, back + 6 * MINUTE))
    minutes = placed_in(broker.arrived)
    assert not minutes & set(range(START // MINUTE + 3, back // MINUTE - 5))
    assert set(range(back // MINUTE - 4, back // MINUTE + 5)) <= minutes


def test_orders_under_way_before_a_pause_come_to_their_end_after_it(upstream: Upstream) -> None:
    broker, back = Broker(), START + 90 * MINUTE
    upstream.run(broker, Clock(START, START + 2 * MINUTE))
    before = {record.key for record in broker.arrived if record.topic == ORDERS and record.sort is Sort.GOOD}
    upstream.run(broker, Clock(back, back + 5 * SECOND))
    ended = {r.key for r in broker.arrived if b'"status":"completed"' in r.value or b'"status":"cancelled"' in r.value}
    assert before <= ended
    good = [r.value for r in broker.arrived if r.sort in (Sort.GOOD, Sort.LATE)]
    assert len(good) == len(set(good))


@pytest.mark.parametrize("rate", [1.0, 3.0])
def test_another_rate_places_orders_whose_ids_never_meet_the_old_ones(upstream: Upstream, rate: float) -> None:
    first, second = Broker(), Broker()
    upstream.run(first, Clock(START, START + 2 * MINUTE))
    upstream.rate = rate
    upstream.run(second, Clock(START + 2 * MINUTE, START + 6 * MINUTE))
    old, new = ({r.key for r in broker.arrived if r.topic == ORDERS} for broker in (first, second))
    assert new
    assert not old & new
    events = [
        {
            json.loads(r.value)["event_id"]
            for r in b.arrived
            if r.topic == DRIVER_STATUS and r.sort is not Sort.MALFORMED
        }
        for b in (first, second)
    ]
    assert not events[0] & events[1]
    assert min(r.sent_at for r in second.arrived) > max(r.sent_at for r in first.arrived)


def test_progress_stands_still_while_the_broker_is_away(upstream: Upstream) -> None:
    broker = Broker()
    clock = Clock(START, START + 3 * MINUTE)
    seen = {}

    def away() -> None:
        broker.down = True

    def look() -> None:
        seen["through"], seen["arrived"] = reached(upstream), len(broker.arrived)
        broker.down = False

    clock.at = {START + 30 * SECOND: away, START + 90 * SECOND: look}
    last = upstream.run(broker, clock)
    assert START + 25 * SECOND < seen["through"] < START + 31 * SECOND
    assert any("waiting" in line for line in upstream.said)
    assert last.sent_through > START + 179 * SECOND
    assert not broker.queued
    assert len(broker.arrived) > seen["arrived"]


def test_a_stop_while_the_broker_is_away_says_what_is_left(upstream: Upstream) -> None:
    broker = Broker()
    clock = Clock(START, START + MINUTE, {START + 20 * SECOND: lambda: setattr(broker, "down", True)})
    with pytest.raises(HeadwaterError) as raised:
        upstream.run(broker, clock)
    assert raised.value.unreachable
    assert "everything up to 2026-11-22T11:00:" in raised.value.left
    assert reached(upstream) < START + 21 * SECOND


def test_a_full_queue_does_not_keep_the_player_from_stopping(upstream: Upstream) -> None:
    broker = Broker(room=100, down=True)
    with pytest.raises(HeadwaterError, match="did not take the last records"):
        upstream.run(broker, Clock(START, START + MINUTE))


def test_progress_survives_its_file(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "live.json"
    progress = Progress(Settings(1, 2.5, ("hk", "us")), ((5, 9), (12, 12)), START + 17)
    assert load(file) is None
    save(progress, file)
    assert load(file) == progress
    save(replace(progress, sent_through=START + 18), file)
    assert load(file) == replace(progress, sent_through=START + 18)
    assert [each.name for each in file.parent.iterdir()] == ["live.json"]


def test_progress_never_goes_back() -> None:
    progress = Progress(Settings(1, 1.0, ("hk",)), ((5, 5),), START)
    assert progress.moved(START - 1, progress.sent).sent_through == START


def test_an_unreadable_progress_is_an_error_with_the_way_out(tmp_path: Path) -> None:
    file = tmp_path / "live.json"
    file.write_text('{"settings": {"seed": 1')
    with pytest.raises(HeadwaterError) as raised:
        load(file)
    assert str(file) in raised.value.failed
    assert raised.value.next_command.startswith(f"rm {file}")


def test_a_second_live_simulator_of_one_state_folder_is_refused(markets: tuple[Market, ...], tmp_path: Path) -> None:
    (tmp_path / "simulator").mkdir()
    with (
        FileLock(tmp_path / "simulator" / "live.lock"),
        pytest.raises(HeadwaterError, match="Another live simulator is at work"),
    ):
        live("127.0.0.1:1", markets, tmp_path, LiveOptions())
