"""Parity on real engines: beside a running stream, of a damaged row, and of records that come too late."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest

from headwater.loader import load
from headwater.model import Model, Warehouse
from headwater.parity.verdict import Kind, Verdict
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.batch.rows import duck_flows, input_columns
from resources.parity.keep import LATE
from resources.parity.repair import repaired, write_rows
from resources.parity.run import compare
from resources.query import answer
from tests.integration.flink.events import COUNTS, EVENTS
from tests.integration.flink.house import House
from tests.integration.waiting import eventually

WINDOWS = "dm.windows#"


def at(second: int, number: int, size: int | None = None) -> dict[str, object]:
    """A record of the topic, so many seconds after three o'clock."""
    moment = f"2026-11-22T{3 + second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.000Z"
    return {"id": number, "size": number if size is None else size, "seen_at": moment}


@pytest.fixture
def tables(counts: House) -> tuple[Stack, Warehouse, dict[str, Model]]:
    """A copy of a topic, counts over the copy, and windows over the topic, all running."""
    counts.write(
        "dm/windows#/table.yaml",
        """
        description: sizes per minute
        owner: tests
        key: [window_start, grp]
        columns:
          window_start: {type: TIMESTAMP_LTZ(3)}
          window_end: {type: TIMESTAMP_LTZ(3)}
          grp: {type: BIGINT}
          events: {type: BIGINT}
          size: {type: BIGINT}
        event_time: {column: window_start}
        job: {checkpoint_interval: 500ms}
        """,
    )
    counts.write(
        "dm/windows#/select.sql",
        """
        SELECT
          CAST(window_start AS TIMESTAMP_LTZ(3)) AS window_start, CAST(window_end AS TIMESTAMP_LTZ(3)) AS window_end,
          MOD(id, 2) AS grp, COUNT(*) AS events, SUM(size) AS size
        FROM TABLE(TUMBLE(TABLE ods.event#, DESCRIPTOR(seen_at), INTERVAL '1' MINUTE))
        GROUP BY window_start, window_end, MOD(id, 2)
        """,
    )
    counts.apply(EVENTS, COUNTS, WINDOWS)
    declared = load(counts.stack.warehouse)
    names = (EVENTS, COUNTS, WINDOWS)
    return counts.stack, declared, {name: declared.model(counts.table(name)) for name in names}


def runs_on_duckdb(stack: Stack, declared: Warehouse, model: Model) -> bool:
    """DuckDB is known to run the model's flows as Flink does."""
    try:
        duck_flows(declared, model, input_columns(stack, declared, model))
    except HeadwaterError:
        return False
    return True


@contextmanager
def traffic(house: House) -> Iterator[None]:
    """New and changed records, a few every tenth of a second; ids below 1,000 stay as they are."""
    stop = threading.Event()

    def send() -> None:
        for number in count():
            if stop.wait(0.1):
                return
            house.send("event#", [at(number // 5, 1000 + number % 50, number), at(number // 5, 2000 + number, number)])

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_parity_does_not_flap_beside_traffic_and_tells_damage_by_key_and_column(
    counts: House, tables: tuple[Stack, Warehouse, dict[str, Model]]
) -> None:
    stack, declared, models = tables
    counts.send("event#", [at(0, number) for number in range(20)])
    with traffic(counts):
        for name in (EVENTS, COUNTS):
            eventually(lambda name=name: len(counts.rows(name)) > 0, f"rows in {name}")
        for name in 5 * (EVENTS, COUNTS):
            parity = compare(stack, declared, models[name]).parity
            assert parity.verdict is Verdict.EQUAL, parity.differences
            assert parity.engine == "duckdb"
        assert compare(stack, declared, models[EVENTS]).parity.rows >= 20

        (row,) = (row for row in counts.rows(EVENTS) if row["id"] == 7)
        write_rows(stack, models[EVENTS], [(7, 999, row["seen_at"])])
        eventually(lambda: any(row["size"] == 999 for row in counts.rows(EVENTS)), "the damage")
        damaged = compare(stack, declared, models[EVENTS]).parity
        assert (damaged.verdict, damaged.differing, damaged.looks) == (Verdict.WRONG, 1, 2)
        (difference,) = damaged.differences
        assert (difference.key, difference.kind) == ({"id": "7"}, Kind.CHANGED)
        assert difference.columns == {"size": ("999", "7")}


def test_late_records_explain_a_window_and_its_repair_makes_it_equal(
    counts: House, tables: tuple[Stack, Warehouse, dict[str, Model]]
) -> None:
    stack, declared, models = tables
    counts.send("event#", [at(10, 1), at(20, 2), at(70, 3), at(200, 4)])
    eventually(lambda: len(counts.rows(WINDOWS)) == 3, "the first windows to close")
    windows = models[WINDOWS]
    assert compare(stack, declared, windows).parity.verdict is Verdict.EQUAL

    counts.send("event#", [at(30, 5, 50), at(75, 7, 70), at(201, 9)])
    eventually(lambda: len(counts.rows(EVENTS)) == 7, "the late records in the table without windows")
    eventually(
        lambda: compare(stack, declared, windows).parity.verdict is not Verdict.EQUAL, "the late records to be read"
    )
    if not runs_on_duckdb(stack, declared, windows):
        # Flink batch tells that windows differ; only DuckDB can take records away again to see why.
        with pytest.raises(HeadwaterError, match="whether late data explains them cannot be told"):
            compare(stack, declared, windows)
        return
    late = compare(stack, declared, windows).parity
    assert (late.verdict, late.differing, late.explained) == (Verdict.LATE, 2, 2), late.differences
    assert [(each.columns["size"], each.late) for each in late.differences] == [(("1", "51"), 1), (("3", "73"), 1)]

    mended = repaired(stack, declared, windows).parity
    assert (mended.verdict, mended.repaired) == (Verdict.EQUAL, 2), mended.differences
    sizes = [(row["window_start"].minute, row["grp"], row["size"]) for row in counts.rows(WINDOWS)]
    assert sizes == [(0, 0, 2), (0, 1, 51), (1, 1, 73)]
    kept = answer(
        stack.lake,
        f"SELECT kafka_offset, repaired_at IS NOT NULL FROM {LATE} WHERE model = '{windows.name}' ORDER BY ALL",
    )
    assert kept.rows.rows == [(4, True), (5, True)]

    # A row that no late record explains is wrong, and is not repaired.
    (first, *_) = counts.rows(WINDOWS)
    write_rows(stack, windows, [(*list(first.values())[:4], 77)])
    assert repaired(stack, declared, windows).parity.verdict is Verdict.WRONG
    assert counts.rows(WINDOWS)[0]["size"] == 77
