"""Values of a topic's fields, as the typed view of it reads them."""

from decimal import Decimal

from tests.integration.flink.house import House


def test_an_optional_decimal_keeps_every_digit(house: House) -> None:
    columns = "id: {type: BIGINT, required: true}\namount: {type: 'DECIMAL(20, 2)'}\n"
    house.source("bill", columns, form="debezium-json", key="[id]")
    house.write(
        "dwd/bills#/table.yaml",
        """
        description: bills
        owner: tests
        key: [id]
        columns: {id: {type: BIGINT}, amount: {type: 'DECIMAL(20, 2)'}}
        job: {checkpoint_interval: 500ms}
        """,
    )
    house.write("dwd/bills#/select.sql", "SELECT id, amount FROM ods.bill#\n")
    record = '{{"before": null, "after": {{"id": {}, "amount": {}}}, "op": "c", "ts_ms": 1}}'
    amounts = ["12345678901234567.89", '"1.50"', "null", '"many"', "0.1"]
    house.send("bill#", [record.format(number, amount) for number, amount in enumerate(amounts)])
    house.apply("dwd.bills#")
    expected = [(0, Decimal("12345678901234567.89")), (1, Decimal("1.50")), (2, None), (4, Decimal("0.10"))]
    house.await_values("dwd.bills#", ("id", "amount"), expected)
