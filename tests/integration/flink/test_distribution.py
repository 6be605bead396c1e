"""A table whose rows a topic distributes: the same rows, made once, by the same job, which keeps its state."""

import json
from decimal import Decimal
from typing import Any

import pytest

from headwater.plan.stages import CreateTopic
from headwater.verdict.verdict import Outcome
from tests.integration.flink.house import House
from tests.integration.waiting import eventually

TABLE = """\
    description: what each shop has left
    owner: tests
    key: [shop]
    columns: {shop: {type: STRING}, sales: {type: BIGINT}, left_over: {type: "DECIMAL(38, 2)"}}
    job: {checkpoint_interval: 500ms}
    """


@pytest.fixture
def totals(house: House) -> House:
    """`dm.totals` over a topic: shops with nothing left have no row."""
    house.source("sales", "shop: {type: STRING, required: true}\namount: {type: 'DECIMAL(12, 2)', required: true}")
    house.write("dm/totals#/table.yaml", TABLE)
    house.write(
        "dm/totals#/select.sql",
        "SELECT shop, COUNT(*) AS sales, SUM(amount) AS left_over FROM ods.sales#\n"
        "GROUP BY shop HAVING SUM(amount) > 0",
    )
    return house


def sold(house: House, *sales: tuple[str, str]) -> None:
    house.send("sales#", [{"shop": shop, "amount": amount} for shop, amount in sales])


def holds(house: House, **left: tuple[int, str]) -> None:
    expected = [
        {"shop": shop, "sales": sales, "left_over": Decimal(over)} for shop, (sales, over) in sorted(left.items())
    ]
    house.await_rows("dm.totals#", expected)


def records(house: House) -> list[tuple[str, dict[str, Any] | None]]:
    """Everything on the topic, in order: the shop, and its row or None where it is gone."""
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer(
        {"bootstrap.servers": house.stack.kafka, "group.id": "totals", "enable.partition.eof": True, "log_level": 0}
    )
    try:
        consumer.assign([TopicPartition(house.named("dm.totals#"), 0, 0)])
        found = []
        while (message := consumer.poll(10)) is not None and not message.error():
            key, value = message.key(), message.value()
            assert key is not None
            row = None if value is None else json.loads(value, parse_float=Decimal, parse_int=int)
            found.append((json.loads(key)["shop"], row))
        return found
    finally:
        consumer.close()


def folded(house: House) -> dict[str, dict[str, Any]]:
    """What a consumer that reads the topic from its start ends up with."""
    return {shop: row for shop, row in dict(records(house)).items() if row is not None}


def by_shop(house: House, *shops: str) -> dict[str, dict[str, Any]]:
    return {row["shop"]: row for row in house.rows("dm.totals#") if not shops or row["shop"] in shops}


def equals(house: House, *shops: str) -> None:
    eventually(
        lambda: folded(house) == by_shop(house, *shops),
        lambda: f"the topic, {folded(house)}, to say what the table says, {by_shop(house, *shops)}",
    )


def test_a_topic_is_added_to_a_running_job_and_says_what_the_table_says(totals: House) -> None:
    name = totals.table("dm.totals#")
    sold(totals, ("a", "5.00"), ("b", "1.50"), ("c", "9.00"))
    totals.apply("dm.totals#")
    holds(totals, a=(1, "5.00"), b=(1, "1.50"), c=(1, "9.00"))

    totals.write("dm/totals#/table.yaml", TABLE + "distribute: kafka\n")
    plan = totals.plan("dm.totals#", trial=True)
    assert plan.refusals == ()
    assert plan.verdicts[name].outcome is Outcome.COMPATIBLE
    assert next(stage for stage in plan.stages if isinstance(stage, CreateTopic)).topic.name == str(name)
    assert plan.trials[name].refusal == ""
    totals.apply("dm.totals#")
    assert totals.plan("dm.totals#").stages == ()

    # Its state is that of before: the sums go on. A shop with nothing left is gone from both, and may come back.
    sold(totals, ("a", "0.25"), ("b", "-1.50"), ("d", "2.00"), ("e", "1.00"), ("e", "-1.00"), ("e", "3.00"))
    holds(totals, a=(2, "5.25"), c=(1, "9.00"), d=(1, "2.00"), e=(3, "3.00"))
    equals(totals, "a", "b", "d", "e")
    assert ("b", None) in records(totals)

    # What did not change since is not on the topic; a start without state writes every row anew.
    totals.apply("dm.totals#", fresh=["dm.totals#"])
    equals(totals)
    assert "c" in folded(totals)

    totals.write("dm/totals#/table.yaml", TABLE)
    assert totals.plan("dm.totals#").verdicts[name].outcome is Outcome.COMPATIBLE
    totals.apply("dm.totals#")
    before = records(totals)
    sold(totals, ("a", "0.75"))
    holds(totals, a=(3, "6.00"), c=(1, "9.00"), d=(1, "2.00"), e=(3, "3.00"))
    assert records(totals) == before
