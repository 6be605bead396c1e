"""A table held against its batch result, at a position of its stream that the test says."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow
import pytest

from headwater.engines import Snapshot
from headwater.loader import load
from headwater.model import JobOptions, Model, TableName, Warehouse
from headwater.parity.verdict import Kind, Parity, Verdict
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.batch.inputs import Inputs, PinnedTopic
from resources.kafka import Span
from resources.paimon.store import FilesystemTableStore
from resources.paimon.writer import upsert
from resources.parity import run
from resources.parity.position import Position
from resources.parity.repair import insert
from resources.parity.run import compare
from tests.unit.batchresult.conftest import Topics

THINGS = TableName.parse("dwd.things")
_SOURCE = (
    "columns:\n  id: {type: BIGINT, required: true}\n  x: {type: STRING}\n  n: {type: DOUBLE}\n"
    "  at: {type: TIMESTAMP_LTZ(3)}\n"
)


class Desk:
    """A topic and a table that its stream keeps."""

    def __init__(self, stack: Stack, folder: Path, topics: Topics, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stack, self.folder, self.topics = stack, folder, topics
        self.begin, self.read = 0, 2**40
        self.declared = Warehouse(folder, ())
        monkeypatch.setattr(run, "look", lambda *_, **__: self.position())

    def declare(self, table: str, sql: str) -> None:
        files = {
            "ods/things/table.yaml": "description: d\nowner: o\ntopic: {name: things, format: json}\n" + _SOURCE,
            "dwd/things/table.yaml": f"description: d\nowner: o\n{table}",
            "dwd/things/select.sql": sql,
        }
        for path, text in files.items():
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

        self.declared = load(self.folder)

    @property
    def model(self) -> Model:
        return self.declared.model(THINGS)

    def send(self, records: Iterable[dict[str, Any]]) -> None:
        self.topics.setdefault("things", []).extend(json.dumps(record).encode() for record in records)

    def stream(self, rows: Sequence[dict[str, Any]]) -> None:
        """What the stream has written."""
        model = self.model
        columns = [replace(column, required=column.name in model.key) for column in model.columns]
        upsert(
            self.stack.lake,
            replace(model, columns=tuple(columns)),
            lambda schema: pyarrow.Table.from_pylist(list(rows), schema=schema),
        )

    def position(self) -> Position:
        snapshot = FilesystemTableStore(self.stack.lake).latest_snapshot(THINGS)
        assert isinstance(snapshot, Snapshot)
        span = Span("things", 0, self.begin, len(self.topics["things"]))
        return Position(
            snapshot, Inputs(topics=(PinnedTopic(TableName.parse("ods.things"), (span,), {0: self.read}),)), {}
        )

    def compare(self, model: Model | None = None, **options: Any) -> Parity:
        return compare(self.stack, self.declared, model or self.model, **options).parity


@pytest.fixture
def desk(stack: Stack, tmp_path: Path, topics: Topics, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(stack, tmp_path / "warehouse", topics, monkeypatch)


@pytest.fixture
def copied(desk: Desk) -> Desk:
    """Three things, copied."""
    desk.declare(f"key: [id]\n{_SOURCE}", "SELECT id, x, n, `at` FROM ods.things")
    desk.send({"id": number, "x": "a", "n": number / 2} for number in (1, 2, 3))
    return desk


def row(number: int, x: str | None = "a", n: float | None = None) -> dict[str, Any]:
    return {"id": number, "x": x, "n": number / 2 if n is None else n, "at": None}


def test_the_same_rows_are_equal_at_the_first_look(copied: Desk) -> None:
    copied.stream([row(1), row(2), row(3)])
    parity = copied.compare()
    assert (parity.verdict, parity.rows, parity.looks, parity.differences) == (Verdict.EQUAL, 3, 1, ())
    assert parity.inputs == {"ods.things/0": 3}


def test_each_key_that_differs_is_told_with_the_columns_that_do(copied: Desk) -> None:
    copied.stream([row(1, "b"), row(2), row(4)])
    parity = copied.compare()
    assert (parity.verdict, parity.differing, parity.looks) == (Verdict.WRONG, 3, 2)
    told = {each.key["id"]: (each.kind, each.columns) for each in parity.differences}
    assert told["1"] == (Kind.CHANGED, {"x": ("b", "a")})
    assert told["3"][0] is Kind.MISSING
    assert told["4"] == (Kind.EXTRA, {"x": ("a", None), "n": ("2.0", None), "at": (None, None)})
    assert str(parity.differences[0]) == "id=1: x is b, by batch a"


def test_nothing_is_said_of_keys_that_records_touch_which_the_stream_may_not_have_read(copied: Desk) -> None:
    copied.stream([row(1, "old"), row(2)])
    copied.send([{"id": 1, "x": "new"}, {"id": 5}])
    copied.read = 2
    parity = copied.compare()
    assert (parity.verdict, parity.rows, parity.in_flight) == (Verdict.EQUAL, 1, 3)
    copied.read = 5
    assert copied.compare().differing == 3


def test_nothing_is_said_of_keys_that_an_unclear_record_touches(copied: Desk) -> None:
    copied.stream([row(1), row(2), row(3, "whatever")])
    copied.send([{"id": 3, "x": {"no": "text"}}])
    parity = copied.compare()
    assert (parity.verdict, parity.unclear) == (Verdict.EQUAL, 1)


def test_nothing_is_said_of_keys_whose_records_are_no_longer_on_the_topic(copied: Desk) -> None:
    copied.stream([row(1, "older than the topic"), row(2), row(3)])
    copied.begin = 1
    parity = copied.compare()
    assert (parity.verdict, parity.unclear, parity.rows) == (Verdict.EQUAL, 1, 2)


def test_floating_numbers_may_differ_by_the_tolerance_and_no_more(copied: Desk) -> None:
    copied.stream([row(1), row(2, n=1.0 + 1e-12), row(3)])
    assert copied.compare().verdict is Verdict.EQUAL
    assert copied.compare(tolerance=0.0).verdict is Verdict.WRONG


def test_sums_are_compared_and_a_group_that_a_new_record_touches_is_left(desk: Desk) -> None:
    desk.declare(
        "key: [x]\ncolumns: {x: {type: STRING}, total: {type: BIGINT}}\n",
        "SELECT x, COUNT(*) AS total FROM ods.things GROUP BY x",
    )
    desk.send({"id": number, "x": x} for number, x in enumerate("aabbb"))
    desk.stream([{"x": "a", "total": 2}, {"x": "b", "total": 4}])
    parity = desk.compare()
    assert [(each.key, each.columns) for each in parity.differences] == [({"x": "b"}, {"total": ("4", "3")})]
    desk.read = 4
    parity = desk.compare()
    assert (parity.verdict, parity.in_flight, parity.rows) == (Verdict.EQUAL, 1, 1)


def test_where_what_a_change_touches_is_not_known_a_difference_is_told_after_four_looks(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.declare(
        "key: [x]\ncolumns: {x: {type: STRING}, total: {type: BIGINT}}\n",
        "SELECT x, COUNT(*) AS total FROM ods.things GROUP BY x HAVING COUNT(*) > 1",
    )
    desk.send({"id": number, "x": x} for number, x in enumerate("aab"))
    desk.stream([{"x": "a", "total": 3}])
    parity = desk.compare()
    assert (parity.verdict, parity.looks) == (Verdict.WRONG, 4)

    # A row that moves at every look is not settled.
    original = Desk.position

    def moving(self: Desk) -> Position:
        self.send([{"id": 9, "x": "a"}])
        return original(self)

    monkeypatch.setattr(Desk, "position", moving)
    assert desk.compare().verdict is Verdict.EQUAL


def test_a_group_that_the_stream_had_forgotten_is_explained(desk: Desk) -> None:
    desk.declare(
        "key: [at]\ncolumns: {at: {type: TIMESTAMP_LTZ(3)}, total: {type: BIGINT}}\nevent_time: {column: at}\n",
        "SELECT `at`, COUNT(*) AS total FROM ods.things WHERE `at` IS NOT NULL GROUP BY `at`",
    )
    desk.send({"id": number, "at": "2020-11-22T03:00:00Z"} for number in range(3))
    desk.stream([{"at": datetime(2020, 11, 22, 3, tzinfo=UTC), "total": 1}])
    assert desk.compare().verdict is Verdict.WRONG
    forgetful = replace(desk.model, job=JobOptions(state_ttl=timedelta(hours=36)))
    parity = desk.compare(forgetful)
    assert (parity.verdict, parity.explained) == (Verdict.LATE, 1)
    assert "state_ttl" in parity.differences[0].because


def test_a_table_that_no_stream_keeps_is_refused(desk: Desk) -> None:
    desk.declare(f"key: [id]\n{_SOURCE}", "SELECT id, x, n, `at` FROM ods.things")
    with pytest.raises(HeadwaterError, match="not kept up to date by a stream"):
        desk.compare(desk.declared.model(TableName.parse("ods.things")))


def test_rows_are_repaired_by_an_insert_that_casts_texts(copied: Desk) -> None:
    statement = insert(copied.model, [(1, "it's", 0.5, datetime(2026, 11, 22, 3, tzinfo=UTC)), (2, None, None, None)])
    assert statement == (
        "INSERT INTO `dwd`.`things` (`id`, `x`, `n`, `at`)\n"
        "SELECT CAST(c0 AS BIGINT), CAST(c1 AS STRING), CAST(c2 AS DOUBLE), CAST(c3 AS TIMESTAMP_LTZ(3))\n"
        "FROM (VALUES\n('1', 'it''s', '0.5', '2026-11-22 03:00:00.000000'),\n"
        "('2', CAST(NULL AS STRING), CAST(NULL AS STRING), CAST(NULL AS STRING))\n) AS v(c0, c1, c2, c3)"
    )
