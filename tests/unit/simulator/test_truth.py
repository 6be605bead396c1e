"""The truth against a fold of the records' bytes that knows nothing of how they were made."""

import json
import re
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.model import Market
from simulator.record import DISPATCH, DRIVER_STATUS, EVENTS, ORDERS, PRICING, REDEMPTION, REQUEST, Record, Sort
from simulator.replay import ReplaySpan, imagine
from simulator.stream import ORDERLY, ORDINARY, Disorder
from simulator.truth import Truth, detail_file

Row = dict[str, Any]

ROUGH = Disorder(repeated=0.08, late=0.1, delayed=0.1, forgotten=0.02, malformed=0.08)

# Column → (type, required), in the declared order of the sources.
COLUMNS = {
    ORDERS: {
        "order_id": ("int", True), "market": ("str", True), "order_day": ("day", True), "user_id": ("int", False),
        "city": ("str", False), "area": ("str", False), "user_area": ("str", False), "vehicle_type": ("str", True),
        "status": ("str", True), "created_at": ("instant", True),
        "completed_at": ("instant", False), "cancelled_at": ("instant", False), "updated_at": ("instant", True),
    },
    PRICING: {
        "order_id": ("int", True), "market": ("str", True), "order_day": ("day", True), "created_at": ("instant", True),
        "price": ("decimal", True), "currency": ("str", False), "price_category": ("str", True),
        "coupon_id": ("int", False), "priced_at": ("instant", True),
    },
    DISPATCH: {
        "order_id": ("int", True), "market": ("str", True), "order_day": ("day", True), "created_at": ("instant", True),
        "driver_id": ("int", True), "driver_area": ("str", False), "matched_at": ("instant", True),
        "dispatched_at": ("instant", True),
    },
    DRIVER_STATUS: {
        "event_id": ("int", True), "driver_id": ("int", True), "market": ("str", True), "city": ("str", False),
        "area": ("str", False), "status": ("str", True), "vehicle_type": ("str", False),
        "occurred_at": ("instant", True),
    },
    REQUEST: {
        "event_id": ("int", True), "user_id": ("int", True), "market": ("str", True), "area": ("str", True),
        "vehicle_type": ("str", True), "requested_at": ("instant", True),
    },
    REDEMPTION: {
        "event_id": ("int", True), "market": ("str", True), "campaign": ("str", True), "coupon_id": ("int", True),
        "user_id": ("int", True), "order_id": ("int", True), "action": ("str", True), "amount": ("decimal", True),
        "occurred_at": ("instant", True),
    },
}  # fmt: skip
SEQUENCE = {ORDERS: "updated_at", PRICING: "priced_at", DISPATCH: "dispatched_at"}


class Rejected(Exception):
    """The record must be kept as rejected; the argument says why."""


def read(record: Record) -> Row | None:
    """The row that the record carries, None for a delete. Raises Rejected as `ods.rejected` would."""
    try:
        said = json.loads(record.value)
    except ValueError:
        raise Rejected("not_json") from None
    if not isinstance(said, dict):
        raise Rejected("not_json")
    if record.topic not in EVENTS:
        if said.get("op") == "d":
            assert said["after"] is None
            assert said["before"] is not None
            return None
        if said.get("op") not in ("c", "u") or not isinstance(said.get("after"), dict):
            raise Rejected("wrong_shape")
        assert (said["before"] is None) == (said["op"] == "c")
        said = said["after"]
    return {column: _value(said, column, *kind) for column, kind in COLUMNS[record.topic].items()}


def _value(said: Row, column: str, kind: str, required: bool) -> Any:
    value = said.get(column)
    if value is None:
        if required:
            raise Rejected(f"missing:{column}")
        return None
    try:
        match kind:
            case "int":
                return int(value)
            case "day":
                return date.fromisoformat(value).isoformat()
            case "instant":
                if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value):
                    raise ValueError(value)
                return value
            case "decimal":
                return str(Decimal(value))
            case _:
                return value
    except (ValueError, InvalidOperation):
        raise Rejected(f"type:{column}") from None


class Folded:
    """Every table, from nothing but the records in order of arrival: the newest sequence of each group wins."""

    def __init__(self, records: list[Record], markets: tuple[Market, ...]) -> None:
        self.zones = {market.code: market.zone for market in markets}
        self.orders: dict[int, Row] = defaultdict(dict)
        self.events: dict[int, Row] = {}
        self.on_time: dict[int, Row] = {}
        self.apps: dict[str, dict[int, Row]] = {REQUEST: {}, REDEMPTION: {}}
        self.rejected: Counter[tuple[str, str]] = Counter()
        newest_event = ""
        for record in records:
            try:
                row = read(record)
            except Rejected as rejected:
                self.rejected[record.topic, str(rejected)] += 1
                continue
            if row is None:
                continue
            if record.topic == DRIVER_STATUS:
                newest_event = max(newest_event, row["occurred_at"])
                self.events[row["event_id"]] = row
                if instant(newest_event) - instant(row["occurred_at"]) < timedelta(seconds=20):
                    self.on_time[row["event_id"]] = row
                continue
            if record.topic in (REQUEST, REDEMPTION):
                self.apps[record.topic][row["event_id"]] = row
                continue
            sequence = SEQUENCE[record.topic]
            held = self.orders[row["order_id"]]
            if held.get(sequence) is None or row[sequence] >= held[sequence]:
                held.update(row)

    def kpi_minute(self) -> dict[tuple[str, ...], Row]:
        found: dict[tuple[str, ...], Row] = defaultdict(Counter)
        for order in self.orders.values():
            for column, measure in (
                ("created_at", "created"), ("matched_at", "matched"), ("completed_at", "completed"),
                ("cancelled_at", "cancelled"),
            ):  # fmt: skip
                if order.get(column) is not None:
                    minute = order[column][:17] + "00.000Z"
                    category = order.get("price_category") or "unpriced"
                    row = found[order["market"], minute, category, order["vehicle_type"]]
                    row[measure] += 1
                    if measure == "completed":
                        row["revenue"] += Decimal(order.get("price") or 0)
                    if measure == "matched":
                        row["waiting_seconds"] += waited(order)
        return found

    def daily_orders(self) -> dict[tuple[str, ...], Row]:
        found: dict[tuple[str, ...], Row] = {}
        for order in self.orders.values():
            for column in ("created_at", "matched_at", "completed_at", "cancelled_at"):
                if order.get(column) is None:
                    continue
                local = instant(order[column]).astimezone(self.zones[order["market"]]).date().isoformat()
                key = (order["market"], local, order.get("price_category") or "unpriced", order["vehicle_type"])
                empty = {"created": 0, "matched": 0, "completed": 0, "cancelled": 0, "revenue": Decimal(0), "waits": []}
                row = found.setdefault(key, empty)
                row[column.removesuffix("_at")] += 1
                if column == "completed_at":
                    row["revenue"] += Decimal(order.get("price") or 0)
                if column == "matched_at":
                    row["waits"].append(waited(order))
        return found

    def driver_activity(self) -> dict[tuple[str, ...], tuple[int, int]]:
        events: dict[tuple[str, ...], list[Row]] = defaultdict(list)
        for event in self.on_time.values():
            start = instant(event["occurred_at"])
            start = start.replace(minute=start.minute - start.minute % 5, second=0, microsecond=0)
            events[event["market"], start.strftime("%Y-%m-%dT%H:%M:%S.000Z"), event["status"]].append(event)
        return {key: (len(rows), len({row["driver_id"] for row in rows})) for key, rows in events.items()}

    def budgets(self) -> dict[tuple[str, str], Decimal]:
        found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for event in self.apps[REDEMPTION].values():
            sign = {"redeemed": 1, "returned": -1}[event["action"]]
            found[event["market"], event["campaign"]] += sign * Decimal(event["amount"])
        return found

    def risk(self, who: str, at: str, theirs: str) -> dict[tuple[str, int, str], list[int]]:
        """As the model does it: each order in four quarters, and only those with one of their own."""
        found: dict[tuple[str, int, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for order in self.orders.values():
            if order.get(at) is None or order.get(who) is None or "created_at" not in order:
                continue
            quarter = instant(order[at])
            quarter = quarter.replace(minute=quarter.minute - quarter.minute % 15, second=0, microsecond=0)
            for step in range(4):
                place = (quarter + timedelta(minutes=15 * step)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
                row = found[order["market"], order[who], place]
                row[0] += step == 0
                row[1] += 1
                row[2] += order.get("cancelled_at") is not None
                row[3] += order[theirs] != order["area"]
        return {key: row for key, row in found.items() if row[0]}


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def waited(order: Row) -> int:
    return (instant(order["matched_at"]) - instant(order["created_at"])) // timedelta(seconds=1)


def assert_true(truth: Truth, records: list[Record], markets: tuple[Market, ...]) -> None:
    folded = Folded(records, markets)
    assert {row["order_id"]: {k: v for k, v in row.items() if v is not None} for row in truth.orders} == {
        order_id: {k: v for k, v in row.items() if v is not None} for order_id, row in folded.orders.items()
    }
    assert {row["event_id"]: row for row in truth.driver_status} == {
        event_id: {**row, "event_day": row["occurred_at"][:10]} for event_id, row in folded.events.items()
    }
    keys = ("market", "minute_at", "price_category", "vehicle_type")
    measures = ("created", "matched", "completed", "cancelled", "revenue", "waiting_seconds")
    assert {tuple(row[key] for key in keys): {m: Decimal(row[m]) for m in measures} for row in truth.kpi_minute} == {
        key: {measure: Decimal(row[measure]) for measure in measures} for key, row in folded.kpi_minute().items()
    }
    assert all(row["minute_day"] == row["minute_at"][:10] for row in truth.kpi_minute)
    daily = folded.daily_orders()
    keys = ("market", "local_date", "price_category", "vehicle_type")
    assert {tuple(row[key] for key in keys) for row in truth.daily_orders} == set(daily)
    for row in truth.daily_orders:
        other = daily[tuple(row[key] for key in keys)]
        for measure in ("created", "matched", "completed", "cancelled"):
            assert row[measure] == other[measure]
        assert Decimal(row["revenue"]) == other["revenue"]
        waits = other["waits"]
        assert row["average_wait_seconds"] == (sum(waits) / len(waits) if waits else None)
    assert {
        (row["market"], row["window_start"], row["status"]): (row["events"], row["drivers"])
        for row in truth.driver_activity
        if row["events"]
    } == folded.driver_activity()
    assert {row["event_id"]: row for row in truth.coupon_redemption} == {
        event_id: {**row, "event_day": row["occurred_at"][:10]} for event_id, row in folded.apps[REDEMPTION].items()
    }
    assert {(row["market"], row["campaign"]): Decimal(row["spent"]) for row in truth.coupon_budget} == folded.budgets()
    assert len(folded.apps[REQUEST]) == len(truth.orders)
    for risk, who, at, theirs in (
        (truth.user_risk, "user_id", "created_at", "user_area"),
        (truth.driver_risk, "driver_id", "matched_at", "driver_area"),
    ):
        assert {(row["market"], row[who], row["quarter_at"]): list(row.values())[4:] for row in risk} == folded.risk(
            who, at, theirs
        )
    assert folded.rejected == Counter(
        {(topic, why): n for topic, reasons in truth.sent.malformed.items() for why, n in reasons.items()}
    )


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    start=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)),
    minutes=st.integers(1, 90),
    orders=st.integers(0, 300),
    disorder=st.sampled_from([ORDERLY, ORDINARY, ROUGH]),
)
def test_truth_equals_a_fold_of_what_was_sent(
    markets: tuple[Market, ...], seed: int, start: datetime, minutes: int, orders: int, disorder: Disorder
) -> None:
    start = start.replace(second=0, microsecond=0, tzinfo=UTC)
    records, truth = imagine(markets, ReplaySpan(start, minutes, orders, seed, disorder))
    assert len(truth.orders) == orders
    assert_true(truth, records, markets)


@pytest.fixture(scope="module")
def rough(markets: tuple[Market, ...]) -> tuple[list[Record], Truth]:
    """A span long enough for orders to end, with much disorder."""
    return imagine(markets, ReplaySpan(datetime(2026, 11, 22, 3, tzinfo=UTC), 120, 4_000, disorder=ROUGH))


def test_a_span_holds_every_fate(rough: tuple[list[Record], Truth]) -> None:
    _, truth = rough
    assert {row["status"] for row in truth.orders} == {"created", "matched", "completed", "cancelled"}
    assert {row["price"] is None for row in truth.orders} == {True, False}
    cancelled = [row for row in truth.orders if row["status"] == "cancelled"]
    assert {row["matched_at"] is None for row in cancelled} == {True, False}
    assert "unpriced" in {row["price_category"] for row in truth.kpi_minute}


def test_upstream_deletes_orders_that_the_truth_keeps(rough: tuple[list[Record], Truth]) -> None:
    records, truth = rough
    deleted = {int(record.key) for record in records if record.topic == ORDERS and b'"op":"d"' in record.value}
    assert deleted
    assert deleted <= {row["order_id"] for row in truth.orders if row["status"] in ("completed", "cancelled")}


def test_windows_touched_by_forgotten_events_are_named(rough: tuple[list[Record], Truth]) -> None:
    records, truth = rough
    forgotten = [json.loads(r.value) for r in records if r.topic == DRIVER_STATUS and r.sort is Sort.LATE]
    touched = Counter()
    for event in forgotten:
        start = instant(event["occurred_at"])
        start = start.replace(minute=start.minute - start.minute % 5, second=0, microsecond=0)
        touched[event["market"], start.strftime("%Y-%m-%dT%H:%M:%S.000Z"), event["status"]] += 1
    assert touched
    assert touched == {
        (row["market"], row["window_start"], row["status"]): row["late"] for row in truth.driver_activity if row["late"]
    }


def test_a_window_is_closed_once_the_watermark_has_passed_its_end(rough: tuple[list[Record], Truth]) -> None:
    _, truth = rough
    newest = max(instant(row["occurred_at"]) for row in truth.driver_status)
    for row in truth.driver_activity:
        passed = newest - timedelta(seconds=20) >= instant(row["window_end"]) - timedelta(milliseconds=1)
        assert row["closed"] == passed
    assert {row["closed"] for row in truth.driver_activity} == {True, False}


def test_the_truth_can_be_read_back_from_its_files(rough: tuple[list[Record], Truth], tmp_path: Path) -> None:
    _, truth = rough
    file = tmp_path / "deep" / "truth.json"
    truth.write(file)
    said = json.loads(file.read_text())
    assert said["dm.kpi_minute"] == list(truth.kpi_minute)
    assert said["rpt.daily_orders"] == list(truth.daily_orders)
    assert said["dwd.orders"]["rows"] == 4_000 == sum(said["dwd.orders"]["by_market"].values())
    assert said["ods.rejected"]["by_topic"] == truth.sent.malformed
    for table, rows in (("dwd.orders", truth.orders), ("dwd.driver_status", truth.driver_status)):
        lines = detail_file(file, table).read_text(encoding="utf-8").splitlines()
        assert [json.loads(line) for line in lines] == list(rows)
