"""What `headwater parity` says, and its exit status."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import cli
from headwater.model import Model, TableName
from headwater.parity.verdict import Difference, Kind, Parity, Verdict
from headwater.problem import HeadwaterError
from resources.parity import repair
from resources.parity.run import Outcome

WAREHOUSE = str(Path(__file__).parents[3] / "warehouse")
Answers = Callable[..., Result]


def parity(name: TableName, *differences: Difference) -> Parity:
    explained = bool(differences) and all(each.explained for each in differences)
    return Parity(
        model=name,
        verdict=Verdict.LATE if explained else Verdict.WRONG if differences else Verdict.EQUAL,
        engine="duckdb",
        snapshot=7,
        watermark=None,
        rows=12,
        at=datetime(2026, 11, 22, tzinfo=UTC),
        seconds=1.25,
        in_flight=2,
        differing=len(differences),
        explained=len(differences) if explained else 0,
        differences=differences,
    )


WRONG = Difference({"order_id": "7"}, Kind.CHANGED, {"price": ("1.00", "2.00")})
LATE = Difference({"market": "hk"}, Kind.MISSING, {}, explained=True, because="2 records came late", late=2)


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Answers:
    """Run the command while comparisons find these things."""

    def run(found: dict[str, tuple[Difference, ...] | HeadwaterError], *arguments: str) -> Result:
        def compared(_stack: Any, _declared: Any, model: Model, **_: Any) -> Outcome:
            differences = found.get(str(model.name), ())
            if isinstance(differences, HeadwaterError):
                raise differences
            return Outcome(parity(model.name, *differences))

        monkeypatch.setattr(repair, "observed", compared)
        monkeypatch.setenv("HEADWATER_HOME", str(tmp_path))
        return CliRunner().invoke(cli, ["parity", "--warehouse", WAREHOUSE, *arguments], standalone_mode=False)

    return run


def test_an_equal_table_is_fine(ask: Answers) -> None:
    result = ask({}, "dwd.orders")
    assert result.return_value == 0 or result.exit_code == 0
    assert "✓ dwd.orders: equal; 12 rows at snapshot 7 against duckdb, 2 keys in flight (1.2 s)" in result.output


def test_a_difference_is_told_by_key_and_column_and_is_a_no(ask: Answers) -> None:
    result = ask({"dwd.orders": (WRONG,)}, "dwd.orders")
    assert result.return_value == 1
    assert "✗ dwd.orders: wrong, 1 keys differ" in result.output
    assert "order_id=7: price is 1.00, by batch 2.00" in result.output


def test_json_is_one_object_for_one_table_and_a_list_for_all(ask: Answers) -> None:
    one = ask({"dm.driver_activity": (LATE,)}, "dm.driver_activity", "--json")
    said = json.loads(one.stdout)
    assert (one.return_value, said["verdict"], said["rows_compared"]) == (1, "late data explains it", 12)
    assert said["differences"][0]["because"] == "2 records came late"
    every = ask({}, "--json")
    assert {each["model"] for each in json.loads(every.stdout)} >= {"dwd.orders", "dm.kpi_minute"}


def test_a_table_that_cannot_be_compared_does_not_keep_others_from_their_turn(ask: Answers) -> None:
    result = ask({"dwd.orders": HeadwaterError("no broker answers", unreachable=True)})
    assert result.return_value == 3
    assert "✓ dm.kpi_minute: equal" in result.output
    assert "dwd.orders was not compared: no broker answers" in result.output
