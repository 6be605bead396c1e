"""How the moments at which events were sent and seen become figures."""

import pytest

from benchmarks.events import RATE, _created
from benchmarks.visibility import figures_of, latencies


def test_the_warm_up_is_left_out_and_rounds_follow_the_moment_of_sending() -> None:
    sent = [1000.0 + number / RATE for number in range(39 * RATE)]
    # The first fifteen seconds are warm-up; then come two rounds of twelve seconds.
    seen = [moment + (9.0 if moment < 1015.0 else 0.5 if moment < 1027.0 else 0.7) for moment in sent]
    rounds = latencies(sent, seen)
    assert [len(values) for values in rounds] == [12 * RATE, 12 * RATE]
    assert [max(values) for values in rounds] == pytest.approx([0.5, 0.7])


def test_an_event_that_was_sent_and_never_seen_is_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        latencies([1.0, 2.0], [1.5])


def test_latency_is_held_against_the_checkpoint_interval() -> None:
    rounds = [tuple(index / 100 for index in range(1, 201))] * 3
    p50, p99 = figures_of(5, rounds, rounds)
    assert (p50.ours[0], p50.reference[0], p50.ratio) == (1.0, 5.0, pytest.approx(0.2))
    assert p99.ours[0] == 1.98
    assert "dm.kpi_minute, one job further on: 1.98 s" in p99.note


def test_an_event_names_the_moment_it_was_sent() -> None:
    row = _created(7, 1_795_000_000.25)["after"]
    assert row["order_id"] == 7
    assert row["created_at"] == row["updated_at"] == "2026-11-18T11:06:40.250Z"
    assert row["order_day"] == "2026-11-18"
