"""What a backfill has done, kept on disk."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from headwater.backfill.build import Request
from headwater.backfill.kind import Kind
from headwater.backfill.scope import Scope
from headwater.model import TableName
from headwater.stack import Ports, Stack
from resources.backfill.record import begin

ORDERS = TableName.parse("dwd.orders")
FIRST, SECOND = Scope(date(2026, 11, 1), date(2026, 11, 7)), Scope(date(2026, 11, 8), date(2026, 11, 14))
REQUEST = Request(ORDERS, Kind.CORRECT, Scope(FIRST.first, SECOND.last))


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path / "home", tmp_path / "warehouse", Ports())


def test_the_same_request_again_goes_on_behind_what_is_done(stack: Stack) -> None:
    record = begin(stack, REQUEST)
    assert not record.resumed
    record.write(ORDERS, FIRST, 17)
    record.finish(ORDERS, FIRST)
    record.write(ORDERS, SECOND, 18)

    again = begin(stack, REQUEST)
    assert again.resumed
    assert (again.id, again.user) == (record.id, record.user)
    assert again.is_done(ORDERS, FIRST)
    assert not again.is_done(ORDERS, SECOND)
    assert all(again.may_be_written(ORDERS, piece) for piece in (FIRST, SECOND))


def test_another_request_begins_anew(stack: Stack) -> None:
    record = begin(stack, REQUEST)
    record.finish(ORDERS, FIRST)
    for other in (
        replace(REQUEST, kind=Kind.FILL),
        replace(REQUEST, scope=Scope(FIRST.first, SECOND.last, ("hk",))),
        replace(REQUEST, downstream=False),
    ):
        begun = begin(stack, other)
        assert not begun.resumed
        assert begun.id != record.id
        assert not begun.is_done(ORDERS, FIRST)


def test_a_job_that_was_stopped_for_a_moment_is_not_forgotten_by_another_request(stack: Stack) -> None:
    begin(stack, REQUEST).pause(ORDERS)
    assert begin(stack, replace(REQUEST, kind=Kind.FILL)).paused == "dwd.orders"
    begin(stack, REQUEST).pause(None)
    assert begin(stack, REQUEST).paused == ""


def test_one_that_has_come_to_its_end_is_forgotten(stack: Stack) -> None:
    record = begin(stack, REQUEST)
    record.finish(ORDERS, FIRST)
    record.close()
    assert not begin(stack, REQUEST).resumed


def test_a_record_that_was_cut_off_while_it_was_written_is_none(stack: Stack) -> None:
    record = begin(stack, REQUEST)
    record.finish(ORDERS, FIRST)
    (record.folder / "record.json").write_text('{"id": "')
    assert not begin(stack, REQUEST).resumed


def test_a_commit_that_was_begun_counts_as_written_until_its_snapshot_is_known(stack: Stack) -> None:
    record = begin(stack, REQUEST)
    record.begin_commit(ORDERS, FIRST)
    again = begin(stack, REQUEST)
    assert (again.may_be_written(ORDERS, FIRST), again.may_be_written(ORDERS, SECOND)) == (True, False)
    record.write(ORDERS, FIRST, 17)
    record.begin_commit(ORDERS, FIRST)
    assert list(begin(stack, REQUEST).written.values()) == [17]
