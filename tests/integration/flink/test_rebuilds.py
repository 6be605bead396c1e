"""Tables made anew beside their running job, for changes that the job's state cannot follow."""

from typing import Any

import pytest

from headwater.plan.stages import CatchUp, DiscardShadow, ReplaceRows, SubmitJob
from headwater.problem import HeadwaterError
from headwater.shadow import shadow
from headwater.verdict.verdict import Outcome
from resources.paimon.store import FilesystemTableStore
from tests.integration.flink.house import House

SALES, TOTALS, LARGE, LOG = "dwd.sales#", "dm.totals#", "dm.large#", "dwd.log#"

SALES_TABLE = """
    description: sales
    owner: tests
    key: [id]
    columns: {id: {type: BIGINT}, kind: {type: STRING}, amount: {type: BIGINT}}
    job: {checkpoint_interval: 300ms}
    """
TOTALS_TABLE = """
    description: totals
    owner: tests
    key: [kind]
    columns: {kind: {type: STRING}, amount: {type: BIGINT}}
    job: {checkpoint_interval: 300ms}
    """
LARGE_TABLE = """
    description: totals that are large
    owner: tests
    key: [kind]
    columns: {kind: {type: STRING}, amount: {type: BIGINT}}
    job: {checkpoint_interval: 300ms}
    """
LOG_TABLE = """
    description: every sale as it came
    owner: tests
    partition_by: [kind]
    columns: {kind: {type: STRING}, n: {type: BIGINT}}
    job: {checkpoint_interval: 300ms, on_incompatible: rebuild}
    """
ALL = "SELECT kind, SUM(amount) AS amount FROM dwd.sales# GROUP BY kind\n"
NO_SMALL = "SELECT kind, SUM(amount) AS amount FROM dwd.sales# WHERE amount > 5 GROUP BY kind\n"


@pytest.fixture
def totals(house: House) -> House:
    """`dm.totals`, an aggregate over `dwd.sales`, and `dm.large`, which reads its changes."""
    house.source("sale", "id: {type: BIGINT, required: true}\nkind: {type: STRING}\namount: {type: BIGINT}\n")
    house.write("dwd/sales#/table.yaml", SALES_TABLE)
    house.write("dwd/sales#/select.sql", "SELECT id, kind, amount FROM ods.sale#\n")
    house.write("dm/totals#/table.yaml", TOTALS_TABLE)
    house.write("dm/totals#/select.sql", ALL)
    house.write("dm/large#/table.yaml", LARGE_TABLE)
    house.write("dm/large#/select.sql", "SELECT kind, amount FROM dm.totals# WHERE amount >= 10\n")
    house.send("sale#", [sale(1, "a", 10), sale(2, "b", 4), sale(3, "a", 3), sale(4, "c", 4), sale(5, "c", 20)])
    house.apply(SALES, TOTALS, LARGE)
    house.await_rows(TOTALS, [total("a", 13), total("b", 4), total("c", 24)])
    house.await_rows(LARGE, [total("a", 13), total("c", 24)])
    return house


def test_a_rebuilt_table_replaces_the_old_rows_in_one_commit_and_its_readers_follow(totals: House) -> None:
    totals.write("dm/totals#/select.sql", NO_SMALL)
    refused = totals.plan(TOTALS)
    assert refused.verdicts[totals.table(TOTALS)].outcome is Outcome.REBUILD
    assert f"headwater apply --rebuild {totals.named(TOTALS)}" in refused.refusals[0]
    planned = totals.plan(TOTALS, rebuild=[TOTALS])
    assert planned.refusals == ()
    kinds = [type(stage) for stage in planned.stages]
    assert [kind for kind in kinds if kind in (CatchUp, ReplaceRows, DiscardShadow)] == [
        CatchUp,
        ReplaceRows,
        DiscardShadow,
    ]
    before, snapshot = totals.job(TOTALS), totals.snapshot(TOTALS)

    told = totals.apply(TOTALS, rebuild=[TOTALS])
    compared = next(line for line in told if " against " in line)
    assert compared.endswith(": 0 rows the same, 2 changed, 0 new, 1 gone")
    rebuilt = [total("a", 10), total("c", 20)]
    assert totals.rows(TOTALS) == rebuilt
    assert all(
        rows in ([total("a", 13), total("b", 4), total("c", 24)], rebuilt) for rows in totals.versions(TOTALS, snapshot)
    )
    assert totals.job(TOTALS).fingerprint != before.fingerprint
    assert "savepoint-" in str(totals.health(TOTALS).restored_from)
    totals.await_rows(LARGE, [total("a", 10), total("c", 20)])

    totals.send("sale#", [sale(6, "a", 3), sale(7, "b", 30), sale(1, "a", 11)])
    totals.await_rows(TOTALS, [total("a", 11), total("b", 30), total("c", 20)])
    totals.await_rows(LARGE, [total("a", 11), total("b", 30), total("c", 20)])
    assert totals.plan(TOTALS).is_empty
    assert nothing_is_left(totals, TOTALS)


@pytest.mark.parametrize("stage", ["stop job dm.totals#__shadow", "start job dm.totals# "])
def test_a_rebuild_that_is_cut_off_goes_on_without_being_asked_again(totals: House, stage: str) -> None:
    totals.write("dm/totals#/select.sql", NO_SMALL)
    with pytest.raises(CutOffError):
        totals.apply(TOTALS, rebuild=[TOTALS], tell=cut_off(totals.named(stage)))
    assert not totals.has_job(TOTALS)
    totals.send("sale#", [sale(6, "b", 30)])

    begun = [stage for stage in totals.plan(TOTALS).stages if isinstance(stage, SubmitJob)]
    assert begun[0].resume
    totals.apply(TOTALS)
    totals.await_rows(TOTALS, [total("a", 10), total("b", 30), total("c", 20)])
    totals.await_rows(LARGE, [total("a", 10), total("b", 30), total("c", 20)])
    assert nothing_is_left(totals, TOTALS)


def test_a_rebuild_that_is_no_longer_wanted_leaves_the_running_job_alone(totals: House) -> None:
    before = totals.job(TOTALS).id
    totals.write("dm/totals#/select.sql", NO_SMALL)
    with pytest.raises(CutOffError):
        totals.apply(TOTALS, rebuild=[TOTALS], tell=cut_off(totals.named("wait until dm.totals#__shadow has read")))
    totals.write("dm/totals#/select.sql", ALL)
    assert [type(stage) for stage in totals.plan(TOTALS).stages] == [DiscardShadow]
    totals.apply(TOTALS)
    assert totals.job(TOTALS).id == before
    assert nothing_is_left(totals, TOTALS)


def test_an_empty_rebuild_does_not_empty_the_table(totals: House) -> None:
    before = totals.job(TOTALS).id
    totals.write("dm/totals#/select.sql", NO_SMALL.replace("> 5", "> 5000"))
    with pytest.raises(HeadwaterError, match="__shadow is empty, and would take 3 rows"):
        totals.apply(TOTALS, rebuild=[TOTALS])
    assert totals.job(TOTALS).id == before
    assert totals.rows(TOTALS) == [total("a", 13), total("b", 4), total("c", 24)]


def test_a_table_without_a_key_is_rebuilt_as_a_whole_where_its_declaration_says_so(house: House) -> None:
    house.source("sale", "id: {type: BIGINT, required: true}\nkind: {type: STRING}\namount: {type: BIGINT}\n")
    house.source("refund", "id: {type: BIGINT, required: true}\nkind: {type: STRING}\n")
    house.write("dwd/log#/table.yaml", LOG_TABLE)
    house.write("dwd/log#/select.sql", "SELECT kind, amount AS n FROM ods.sale#\n")
    house.send("sale#", [sale(1, "a", 10), sale(2, "b", 4)])
    house.send("refund#", [{"id": 1, "kind": "a"}])
    house.apply(LOG)
    house.await_values(LOG, ("kind", "n"), [("a", 10), ("b", 4)])

    sold = "SELECT s.kind, s.amount AS n FROM ods.sale# AS s JOIN ods.refund# AS r ON s.id = r.id\n"
    house.write("dwd/log#/select.sql", sold)
    assert house.plan(LOG).verdicts[house.table(LOG)].outcome is Outcome.REBUILD
    house.apply(LOG)
    house.await_values(LOG, ("kind", "n"), [("a", 10)])
    house.send("refund#", [{"id": 2, "kind": "b"}])
    house.await_values(LOG, ("kind", "n"), [("a", 10), ("b", 4)])
    assert nothing_is_left(house, LOG)


class CutOffError(BaseException):
    """The process that applies ends here."""


def cut_off(beginning: str) -> Any:
    def tell(line: str) -> None:
        if line.startswith(beginning):
            raise CutOffError

    return tell


def nothing_is_left(house: House, table: str) -> bool:
    beside = shadow(house.table(table))
    stack = house.stack
    consumers = list(stack.lake.glob(f"*/*/consumer/consumer-{beside}"))
    is_made = FilesystemTableStore(stack.lake).table(beside) is not None
    return not (is_made or consumers or house.has_job(str(beside)) or (stack.job_state / str(beside)).exists())


def sale(number: int, kind: str, amount: int) -> dict[str, Any]:
    return {"id": number, "kind": kind, "amount": amount}


def total(kind: str, amount: int) -> dict[str, Any]:
    return {"kind": kind, "amount": amount}
