"""`headwater check`: what it prints, and its exit status."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from click.testing import CliRunner, Result

from cli.check import command
from headwater.checks.kinds import Check, Kind, NotNull, Range, Severity, Unique
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from tests.unit.batch.checking import blocking, declared, sql_check, warehouse
from tests.unit.batch.daily import ORDER_COLUMNS, Write

AT = datetime(2026, 11, 22, 3, tzinfo=UTC)
Run = Callable[..., Result]


@pytest.fixture
def run(stack: Stack, write: Write, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command over a table of three orders with these checks."""
    write("dwd.orders", ORDER_COLUMNS, [("hk", number, AT, Decimal(number - 2), "x") for number in (1, 2, 3)])
    del stack

    def checked(*arguments: str, checks: tuple[Kind | Check, ...], columns: str = "200") -> Result:
        monkeypatch.setattr("resources.declarations.warehouse", lambda _stack: warehouse(declared(*checks)))
        return CliRunner().invoke(command, list(arguments), env={"COLUMNS": columns})

    return checked


def test_all_fine_is_0_and_a_line_for_each_check(run: Run) -> None:
    result = run(checks=(NotNull(("market",)), Unique(("order_id",))))
    assert result.exit_code == 0
    heading, *lines = [line.split() for line in result.output.splitlines()]
    assert heading == ["table", "check", "found", "read", "snapshots"]
    told = ["fine", "(read", "whole:", "it", "is", "the", "first", "look)", "3", "whole", "→", "1"]
    assert lines == [
        ["✓", "dwd.orders", "not_null_market", *told],
        ["✓", "dwd.orders", "unique_order_id", *told],
    ]


def test_a_failed_check_is_1_with_the_rows_that_offend(run: Run) -> None:
    result = run("dwd.orders", checks=(blocking(Range("price", "0", None)),))
    assert result.exit_code == 1
    assert "✗  dwd.orders  range_price  1 rows; reports wait (read whole: it is the first look)" in result.output
    assert "dwd.orders range_price: market=hk, order_id=1, price=-1.00" in result.output


def test_what_was_found_is_there_on_a_narrow_terminal_too(run: Run) -> None:
    long = NotNull(tuple(ORDER_COLUMNS))
    result = run(checks=(long, blocking(Range("price", "0", None))), columns="80")
    assert "…" not in result.output
    assert " 1 rows" in result.output
    assert "whole → 1" in result.output


def test_a_check_that_only_warns_leaves_the_status_alone(run: Run) -> None:
    result = run(checks=(Check(Range("price", "0", None), Severity.WARN),))
    assert result.exit_code == 0
    assert "!  dwd.orders  range_price  1 rows" in result.output


def test_the_second_time_only_changes_are_read_unless_all_is_asked_for(run: Run, write: Write) -> None:
    checks = (NotNull(("price",)),)
    run(checks=checks)
    write("dwd.orders", ORDER_COLUMNS, [("hk", 4, AT, None, "x")])
    again = json.loads(run("--json", checks=checks).output)["checks"][0]
    assert (again["rows_read"], again["after_snapshot"], again["snapshot"], again["failing"]) == (1, 1, 2, 1)
    whole = json.loads(run("--json", "--whole", checks=checks).output)["checks"][0]
    assert (whole["rows_read"], whole["after_snapshot"], whole["said"]) == (4, None, "read whole: as was asked for")


def test_what_could_not_be_evaluated_is_told_beside_what_could(run: Run) -> None:
    result = run("--json", checks=(sql_check("SELECT INITCAP(status) AS s FROM dwd.orders"), NotNull(("price",))))
    assert result.exit_code == 1
    told = json.loads(result.output)
    assert [check["check"] for check in told["checks"]] == ["not_null_price"]
    ((failure),) = told["failures"]
    assert (failure["model"], failure["check"]) == ("dwd.orders", "no_negative_price")
    assert "DuckDB, which computes this" in failure["reason"]


def test_a_table_without_checks_is_refused_by_name(run: Run) -> None:
    result = run("dwd.order", checks=(NotNull(("price",)),))
    assert isinstance(result.exception, HeadwaterError)
    assert str(result.exception).startswith("dwd.order is not declared\n  left:  with checks: dwd.orders\n")
    result = run("dwd.orders", checks=())
    assert str(result.exception).startswith("dwd.orders declares no check")
