"""Which path serves a table, and that its rows are those of the native reader, over tables that Python wrote."""

from functools import partial
from pathlib import Path

import duckdb
import orjson
import pytest

from headwater.batch import Comparison, Operator
from headwater.model import TableName
from headwater.stack import Stack
from resources.duckdb import Session
from resources.paimon.layout import table_path
from resources.paimon.reader import PinnedTable
from tests.unit.batch.daily import Write

NAME = TableName.parse("dwd.keyed")
merging = partial(PinnedTable, merge_from=0)
COLUMNS = {"market": "STRING", "id": "BIGINT", "status": "STRING", "at": "BIGINT", "price": "DECIMAL(12, 2)"}
DEDUPLICATE = {"bucket": "1", "write-only": "true"}
PARTIAL = DEDUPLICATE | {"merge-engine": "partial-update"}
GROUPS = {"fields.at.sequence-group": "status", "ignore-delete": "true"}
COMMITS = [
    [("hk", 1, "created", 5, None), ("hk", 2, "created", 5, None), ("br", 9, "created", 1, None)],
    [("hk", 1, "late", 3, None), ("hk", 3, "created", None, None)],
    [("hk", 1, None, 5, None), ("br", 8, "created", 1, None)],
]


def keyed(write: Write, options: dict[str, str], commits: int = 3) -> None:
    for rows in COMMITS[:commits]:
        write(str(NAME), COLUMNS, rows, options, key=["market", "id"], partition_by=["market"])


def grouped(stack: Stack) -> None:
    """Give the table a sequence group; Python does not write to one that has some."""
    file = Path(table_path(stack.lake, NAME), "schema", "schema-0")
    schema = orjson.loads(file.read_bytes())
    file.write_bytes(orjson.dumps({**schema, "options": schema["options"] | GROUPS}))


def rows(stack: Stack, snapshot: int, **options: object) -> list[tuple]:
    table = merging(stack.lake, NAME, snapshot, **options).reader().read_all()  # type: ignore[arg-type]
    return sorted((tuple(row.values()) for row in table.to_pylist()), key=str)


@pytest.mark.parametrize("options", [DEDUPLICATE, PARTIAL], ids=["deduplicate", "partial-update"])
def test_runs_are_merged_as_the_native_reader_merges_them(stack: Stack, write: Write, options: dict[str, str]) -> None:
    keyed(write, options)
    if options is PARTIAL:
        grouped(stack)
    for snapshot in (1, 2, 3):
        assert rows(stack, snapshot) == rows(stack, snapshot, native_only=True)
    served = merging(stack.lake, NAME, 3).served
    assert (served.path, served.native) == ("merged", 0)
    assert (served.files, served.merged) == (2, 3)  # those of br touch no other


def test_a_few_rows_are_merged_by_the_native_reader_which_has_begun_sooner(stack: Stack, write: Write) -> None:
    keyed(write, DEDUPLICATE)
    served = PinnedTable(stack.lake, NAME, 3).served
    assert (served.merged, served.native, served.files) == (0, 3, 2)
    assert "too few rows" in served.reason


def test_a_sequence_wins_and_of_equal_ones_the_later(stack: Stack, write: Write) -> None:
    keyed(write, PARTIAL)
    grouped(stack)
    assert rows(stack, 2, columns=["id", "status"]) == [(1, "created"), (2, "created"), (3, "created"), (9, "created")]
    assert rows(stack, 3, columns=["id", "status"])[0] == (1, None)


def test_what_is_not_known_is_left_to_the_native_reader_and_said(stack: Stack, write: Write) -> None:
    keyed(write, DEDUPLICATE | {"sequence.field": "at"}, 2)
    served = merging(stack.lake, NAME, 2).served
    assert served.path == "native"
    assert "sequence.field is not known to the fast path" in served.reason
    assert "by the native reader, as its option sequence.field" in str(served)


def test_columns_and_comparisons_reach_the_scan(stack: Stack, write: Write) -> None:
    keyed(write, DEDUPLICATE)
    where = (Comparison("market", Operator.EQUAL, ("br",)), Comparison("id", Operator.GREATER, (8,)))
    table = merging(stack.lake, NAME, 3, ["status"], where)
    assert all("market=br" in path for path in table.plan.paths)
    assert rows(stack, 3, columns=["id"], where=where) == [(9,)]
    superseded = (Comparison("status", Operator.EQUAL, ("late",)),)
    assert rows(stack, 3, columns=["id"], where=superseded) == []


def test_renamed_added_and_widened_columns_are_found_in_older_files(stack: Stack, write: Write) -> None:
    keyed(write, DEDUPLICATE, 2)
    folder = Path(table_path(stack.lake, NAME), "schema")
    schema = orjson.loads((folder / "schema-0").read_bytes())
    fields = [dict(field) for field in schema["fields"]]
    fields[2]["name"], fields[4]["type"] = "state", "DECIMAL(20, 2)"
    fields.append({"id": 5, "name": "coupon", "type": "BIGINT"})
    (folder / "schema-1").write_bytes(orjson.dumps({**schema, "id": 1, "fields": fields, "highestFieldId": 5}))
    table = merging(stack.lake, NAME, 2, ["id", "state", "price", "coupon"])
    found = table.reader().read_all()
    assert table.served.native == 0
    assert sorted(found["state"].to_pylist()) == ["created", "created", "created", "late"]
    assert found["coupon"].to_pylist() == [None] * 4
    assert str(found.schema.field("price").type) == "decimal128(20, 2)"


def test_a_changed_type_that_does_not_widen_is_left_to_the_native_reader(stack: Stack, write: Write) -> None:
    keyed(write, DEDUPLICATE, 1)
    folder = Path(table_path(stack.lake, NAME), "schema")
    schema = orjson.loads((folder / "schema-0").read_bytes())
    fields = [dict(field) for field in schema["fields"]]
    fields[3]["type"] = "STRING"
    (folder / "schema-1").write_bytes(orjson.dumps({**schema, "id": 1, "fields": fields}))
    assert "the type of at was changed" in merging(stack.lake, NAME, 1).served.reason


def test_two_writers_with_the_same_sequence_numbers_are_told_apart(stack: Stack, write: Write) -> None:
    from dataclasses import replace

    from resources.paimon.datafiles import DataFile
    from resources.paimon.sections import Disordered, sections

    first = DataFile("a", 0, 0, 2, 0, 0, 1, (1,), (5,))
    assert [
        len(section.runs) for section in sections([first, replace(first, path="b", least_key=(6,), greatest_key=(9,))])
    ]
    with pytest.raises(Disordered):
        sections([first, replace(first, path="b", first_sequence=1, last_sequence=2)])


def test_a_query_reaches_no_files_but_those_of_its_tables(stack: Stack, write: Write, tmp_path: Path) -> None:
    keyed(write, DEDUPLICATE, 1)
    other = tmp_path / "other.parquet"
    duckdb.sql(f"COPY (SELECT 1 AS a) TO '{other}'")
    with Session([merging(stack.lake, NAME, 1)]) as session:
        assert session.rows(f"SELECT count(*) FROM {NAME}").rows == [(3,)]
        for sql in (
            f"FROM read_parquet('{other}')",
            f"FROM '{other}'",
            f"FROM glob('{tmp_path}/*')",
            f"FROM read_text('{other}')",
        ):
            with pytest.raises(Exception, match="disabled by configuration"):
                session.rows(f"SELECT * {sql}")
