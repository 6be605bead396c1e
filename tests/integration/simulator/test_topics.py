"""What lies on the topics after a replay, and after a live run that was stopped, killed and robbed of its broker."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headwater.model import Market
from headwater.stack import HOME_VARIABLE, Stack
from resources.local.processes import processes
from simulator.demand import Rate
from simulator.instant import MINUTE
from simulator.live import RUN
from simulator.markets import read_markets, trades
from simulator.progress import Progress, load
from simulator.record import TOPICS, Record
from simulator.replay import ReplaySpan, imagine, replay
from simulator.sink import ensure_topics
from simulator.stream import Script, records
from tests.conftest import PROJECT
from tests.integration.waiting import eventually

Values = dict[str, list[tuple[bytes, bytes]]]


class Topics:
    """Everything that arrives on the topics from now on. Each has one partition, so that offsets are in order."""

    def __init__(self, bootstrap: str) -> None:
        from confluent_kafka import Consumer

        self._consumer = Consumer(
            {"bootstrap.servers": bootstrap, "group.id": "reader", "enable.auto.commit": False, "log_level": 0}
        )
        self.first = {topic: self._end(topic) for topic in TOPICS}

    def arrived(self) -> Values:
        return {topic: self._read(topic) for topic in TOPICS}

    def _end(self, topic: str) -> int:
        from confluent_kafka import KafkaError, KafkaException, TopicPartition

        ends: list[int] = []

        def told() -> bool:
            try:
                ends.append(self._consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=30)[1])
            except KafkaException as error:
                # A topic that was made just now has no leader yet.
                if error.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION:
                    raise
            return bool(ends)

        eventually(told, f"the end of {topic}")
        return ends[-1]

    def _read(self, topic: str) -> list[tuple[bytes, bytes]]:
        from confluent_kafka import TopicPartition

        count, found = self._end(topic) - self.first[topic], []
        self._consumer.assign([TopicPartition(topic, 0, self.first[topic])])
        while len(found) < count:
            for message in self._consumer.consume(min(5_000, count - len(found)), timeout=10):
                assert message.error() is None
                found.append((message.key(), message.value()))
        return found


@pytest.fixture
def topics(stack: Stack) -> Topics:
    ensure_topics(stack.kafka)
    return Topics(stack.kafka)


@pytest.fixture
def markets() -> tuple[Market, ...]:
    return read_markets(PROJECT / "warehouse")


def by_topic(sent: list[Record]) -> Values:
    return {topic: [(each.key, each.value) for each in sent if each.topic == topic] for topic in TOPICS}


def test_a_replay_puts_every_record_on_its_topic_once_and_in_order(
    stack: Stack, topics: Topics, markets: tuple[Market, ...]
) -> None:
    span = ReplaySpan(datetime(2031, 11, 22, 3, tzinfo=UTC), 60, 2_000)
    truth = replay(stack.kafka, markets, span)
    expected, imagined = imagine(markets, span)
    arrived = topics.arrived()
    assert arrived == by_topic(expected)
    assert truth.orders == imagined.orders
    assert {topic: len(values) for topic, values in arrived.items()} == truth.sent.records
    for place in truth.rejected:
        index = place.offset - topics.first[place.topic]
        record = [each for each in expected if each.topic == place.topic][index]
        assert (record.sort, record.reason) == ("malformed", place.reason)
    assert len(truth.rejected) == sum(sum(reasons.values()) for reasons in truth.sent.malformed.values()) > 0


@contextmanager
def live(stack: Stack, home: Path) -> Iterator[subprocess.Popen[str]]:
    """A live simulator of its own state folder; ended, if the test did not."""
    words = ["live", "--rate", "40", "--history", "5", "--home", str(home), "--warehouse", str(PROJECT / "warehouse")]
    command = [sys.executable, "-m", "simulator", *words, "--bootstrap", stack.kafka]
    environment = {**os.environ, HOME_VARIABLE: str(home)}
    process = subprocess.Popen(command, cwd=PROJECT, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def progress(home: Path) -> Progress:
    found = load(home / "simulator" / "live.json")
    assert found is not None
    return found


def goes_on(home: Path, after: int = 0, milliseconds: int = 3_000) -> None:
    file = home / "simulator" / "live.json"
    eventually(lambda: file.exists() and progress(home).sent_through > after, "live records", seconds=120)
    first = progress(home).sent_through
    eventually(lambda: progress(home).sent_through > first + milliseconds, "more live records", seconds=120)


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "Stopped; everything up to" in said


def due(markets: tuple[Market, ...], reached: Progress) -> list[Record]:
    """Every record that was due up to there."""
    play, settings = trades(markets), reached.settings
    rate = Rate(play, settings.orders_per_second, settings.seed)
    minutes = range(reached.stretches[0][0], reached.sent_through // MINUTE + 1)
    everything = records(Script(settings.seed, RUN, play, rate), minutes)
    return [record for record in everything if record.sent_at <= reached.sent_through]


def test_a_stop_and_a_start_leave_every_record_on_its_topic_once(
    stack: Stack, topics: Topics, markets: tuple[Market, ...], tmp_path: Path
) -> None:
    for _ in range(2):
        with live(stack, tmp_path) as process:
            goes_on(tmp_path)
            end(process)
    reached = progress(tmp_path)
    arrived = topics.arrived()
    assert arrived == by_topic(due(markets, reached))
    assert {topic: len(values) for topic, values in arrived.items()} == reached.sent.records


def test_a_killed_broker_costs_no_record_and_doubles_none(
    stack: Stack, topics: Topics, markets: tuple[Market, ...], tmp_path: Path
) -> None:
    with live(stack, tmp_path) as process:
        goes_on(tmp_path)
        broker = next(each.pid for each in processes(stack) if each.name == "kafka")
        assert broker is not None
        os.kill(broker, signal.SIGKILL)
        goes_on(tmp_path, after=progress(tmp_path).sent_through + 3_000)
        end(process)
    assert topics.arrived() == by_topic(due(markets, progress(tmp_path)))


def test_after_a_kill_nothing_is_lost_and_only_the_last_seconds_come_twice(
    stack: Stack, topics: Topics, markets: tuple[Market, ...], tmp_path: Path
) -> None:
    with live(stack, tmp_path) as process:
        goes_on(tmp_path)
        process.kill()
        process.wait()
    with live(stack, tmp_path) as process:
        goes_on(tmp_path, after=progress(tmp_path).sent_through)
        end(process)
    reached = progress(tmp_path)
    expected, arrived = by_topic(due(markets, reached)), topics.arrived()
    for topic in TOPICS:
        assert set(arrived[topic]) == set(expected[topic])
        assert len(arrived[topic]) < len(expected[topic]) * 1.5
