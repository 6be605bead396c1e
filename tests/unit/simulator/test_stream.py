"""Order, bytes and disorder of what upstream sends."""

import hashlib
import json
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from headwater.model import Market
from simulator.instant import MINUTE, SECOND
from simulator.lifecycle import FIRST_MINUTE, HORIZON_MINUTES, first_id
from simulator.malformed import FLAWS
from simulator.markets import trades
from simulator.record import DRIVER_STATUS, EVENTS, ORDERS, PRICING, REDEMPTION, REQUEST, TOPICS, Record, Sort
from simulator.replay import ReplaySpan, imagine
from simulator.stream import ORDERLY, Disorder, records
from simulator.truth import Truth

START = datetime(2026, 11, 22, 3, tzinfo=UTC)
ENTITIES = {DRIVER_STATUS: "driver_id", REQUEST: "user_id", REDEMPTION: "user_id"}
ROUGH = Disorder(repeated=0.05, late=0.1, delayed=0.1, forgotten=0.02, malformed=0.1)


@pytest.fixture(scope="module")
def span() -> ReplaySpan:
    return ReplaySpan(START, 150, 6_000, seed=7, disorder=ROUGH)


@pytest.fixture(scope="module")
def played(markets: tuple[Market, ...], span: ReplaySpan) -> tuple[list[Record], Truth]:
    return imagine(markets, span)


def digest(records: list[Record]) -> str:
    seen = hashlib.sha256()
    for record in records:
        seen.update(b"%b|%b|%b\n" % (record.topic.encode(), record.key, record.value))
    return seen.hexdigest()


def test_the_same_seed_gives_the_same_bytes_in_the_same_order(markets: tuple[Market, ...]) -> None:
    one = ReplaySpan(START, 30, 500, seed=1)
    assert digest(imagine(markets, one)[0]) == digest(imagine(markets, one)[0])


def test_another_seed_gives_other_records(markets: tuple[Market, ...]) -> None:
    one, other = (imagine(markets, ReplaySpan(START, 30, 500, seed=seed))[0] for seed in (1, 2))
    assert digest(one) != digest(other)


def test_records_come_in_the_order_of_their_sending(played: tuple[list[Record], Truth]) -> None:
    sent = [record.sent_at for record in played[0]]
    assert sent == sorted(sent)


def test_every_topic_is_keyed_by_its_entity(played: tuple[list[Record], Truth]) -> None:
    for record in played[0]:
        if record.sort is Sort.MALFORMED:
            continue
        said = json.loads(record.value)
        row = said if record.topic in EVENTS else said["after"] or said["before"]
        entity = ENTITIES.get(record.topic, "order_id")
        assert record.key == str(row[entity]).encode()


def test_an_update_carries_the_row_before_it(played: tuple[list[Record], Truth]) -> None:
    rows = defaultdict(dict)
    for record in sorted(played[0], key=lambda record: record.event_time):
        if record.topic in EVENTS or record.sort in (Sort.MALFORMED, Sort.REPEATED):
            continue
        said = json.loads(record.value)
        assert said["before"] == rows[record.topic].get(record.key)
        rows[record.topic][record.key] = said["after"]


def test_no_two_changes_of_one_row_have_the_same_sequence(played: tuple[list[Record], Truth]) -> None:
    values = defaultdict(set)
    for record in played[0]:
        if record.topic not in EVENTS and record.sort is not Sort.MALFORMED:
            values[record.topic, record.key, record.event_time].add(record.value)
    assert max(map(len, values.values())) == 1


def test_repeated_records_are_as_many_as_the_truth_says(played: tuple[list[Record], Truth]) -> None:
    records, truth = played
    seen, repeated = set(), dict.fromkeys(TOPICS, 0)
    for record in records:
        if record.sort is not Sort.MALFORMED:
            repeated[record.topic] += (record.topic, record.value) in seen
            seen.add((record.topic, record.value))
    assert repeated == truth.sent.repeated
    assert min(repeated.values()) > 0


def test_out_of_order_records_are_as_many_as_the_truth_says(played: tuple[list[Record], Truth]) -> None:
    records, truth = played
    seen, newest, stale = set(), {}, dict.fromkeys(TOPICS, 0)
    for record in records:
        if record.sort is Sort.MALFORMED or (record.topic, record.value) in seen:
            continue
        seen.add((record.topic, record.value))
        key = (record.topic, record.key)
        stale[record.topic] += record.event_time < newest.get(key, 0)
        newest[key] = max(newest.get(key, 0), record.event_time)
    assert stale == truth.out_of_order
    assert min(stale[topic] for topic in (ORDERS, PRICING)) > 0


def test_only_late_records_are_later_than_sources_allow(played: tuple[list[Record], Truth]) -> None:
    records, truth = played
    late, newest, behind = dict.fromkeys(TOPICS, 0), dict.fromkeys(TOPICS, 0), []
    for record in records:
        if record.sort is Sort.LATE:
            late[record.topic] += 1
            held_back = record.sent_at - record.event_time
            assert held_back > (60 * MINUTE if record.topic == DRIVER_STATUS else 20 * SECOND)
        elif record.sort is Sort.GOOD:
            behind.append(newest[record.topic] - record.event_time)
            assert behind[-1] <= 15 * SECOND
        elif record.sort is Sort.REPEATED and record.topic in EVENTS:
            assert newest[record.topic] - record.event_time <= 15 * SECOND
        if record.sort is not Sort.MALFORMED:
            newest[record.topic] = max(newest[record.topic], record.event_time)
    assert late == truth.sent.late
    assert min(number for topic, number in late.items() if topic not in (REQUEST, REDEMPTION)) > 0
    assert max(behind) > 5 * SECOND  # some are late within what is allowed


def test_malformed_records_never_replace_a_good_one(markets: tuple[Market, ...], span: ReplaySpan) -> None:
    spoilt = Disorder(repeated=0.05, late=0.1, delayed=0.1, forgotten=0.02, malformed=1.0)
    records, truth = imagine(markets, ReplaySpan(START, 60, 600, disorder=spoilt))
    malformed = sum(record.sort is Sort.MALFORMED for record in records)
    assert malformed == sum(sum(reasons.values()) for reasons in truth.sent.malformed.values())
    firsts = sum(record.sort in (Sort.GOOD, Sort.LATE) for record in records)
    deletes = sum(
        record.topic == ORDERS and b'"op":"d"' in record.value for record in records if record.sort is Sort.GOOD
    )
    assert firsts * 0.9 < malformed + deletes


def test_every_flaw_of_every_topic_occurs(played: tuple[list[Record], Truth]) -> None:
    for topic, reasons in played[1].sent.malformed.items():
        assert set(reasons) == {flaw.reason for flaw in FLAWS[topic]}


def test_nothing_that_happens_after_the_span_is_sent(played: tuple[list[Record], Truth], span: ReplaySpan) -> None:
    end = (span.first_minute + span.minutes) * MINUTE
    assert max(record.event_time for record in played[0]) < end


def test_what_happens_at_the_very_end_is_left_out(markets: tuple[Market, ...], span: ReplaySpan) -> None:
    script, minutes = span.script(markets)
    end = next(record.event_time for record in records(script, minutes) if record.topic == PRICING)
    assert all(record.event_time < end for record in records(replace(script, until=end), minutes))


def test_no_record_comes_after_the_horizon_of_its_order(played: tuple[list[Record], Truth], span: ReplaySpan) -> None:
    for record in played[0]:
        if record.topic not in EVENTS:
            placed_in = int(record.key) // 1_000_000 // 64 + FIRST_MINUTE
            assert span.first_minute <= placed_in < span.first_minute + span.minutes
            assert record.sent_at < (placed_in + HORIZON_MINUTES) * MINUTE


def test_without_disorder_every_record_is_good_and_in_order(markets: tuple[Market, ...]) -> None:
    records, truth = imagine(markets, ReplaySpan(START, 60, 1_000, disorder=ORDERLY))
    assert {record.sort for record in records} == {Sort.GOOD}
    assert sum(truth.out_of_order[topic] for topic in (ORDERS, PRICING)) == 0


def test_ids_of_runs_markets_and_minutes_never_meet(markets: tuple[Market, ...]) -> None:
    starts = [
        first_id(run, trade, minute)
        for run in (0, 1)
        for trade in trades(markets)
        for minute in (FIRST_MINUTE, FIRST_MINUTE + 1, FIRST_MINUTE + 365 * 24 * 60 * 20)
    ]
    gaps = [later - earlier for earlier, later in zip(sorted(starts), sorted(starts)[1:], strict=False)]
    assert min(gaps) >= 1_000_000
    assert (max(starts) + 1_000_000) * 10 + 9 < 2**63


def test_event_ids_are_unique(played: tuple[list[Record], Truth]) -> None:
    ids = [row["event_id"] for row in played[1].driver_status]
    assert len(ids) == len(set(ids))
