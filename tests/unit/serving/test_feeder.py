"""Products that come and go while the feeder runs."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from headwater.stack import Ports, Stack
from resources.paimon.consumers import holding, next_snapshot
from serving.feeder.feeder import Course, Feeder
from serving.feeder.tail import CONSUMER
from tests.integration.waiting import eventually
from tests.unit.serving.lake import NAME, NEWEST, Lake, lake
from tests.unit.serving.shop import Borrowed

ROW = ("sg", 1, Decimal(30), datetime(2026, 11, 22, 3, tzinfo=UTC))


@pytest.fixture
def fed(tmp_path: Path) -> Iterator[tuple[Lake, Feeder]]:
    with lake(tmp_path) as found:
        found.write(ROW)
        feeder = Feeder(Stack(tmp_path, tmp_path / "warehouse", Ports()), found.store)
        yield found, feeder
        feeder.follow(replace(found.warehouse, products=()))


def test_a_product_is_fed_as_soon_as_it_is_declared_and_removed_with_its_declaration(
    fed: tuple[Lake, Feeder],
) -> None:
    found, feeder = fed
    feeder.follow(replace(found.warehouse, products=(NEWEST,)))
    eventually(lambda: found.position is not None, "the product to be stored")
    assert found.served() == (1, {"sg/1": "30.00"})
    found.write(("sg", 2, Decimal(31), ROW[3]))
    eventually(lambda: found.served()[0] == 2, "the second snapshot")
    assert holding(found.folder, CONSUMER) == {(NAME, "serving.warmth")}
    feeder.follow(replace(found.warehouse, products=()))
    assert found.store.products() == frozenset()
    assert holding(found.folder, CONSUMER) == frozenset()


def test_a_product_that_is_declared_otherwise_is_stored_anew(fed: tuple[Lake, Feeder]) -> None:
    found, feeder = fed
    feeder.follow(replace(found.warehouse, products=(NEWEST,)))
    eventually(lambda: found.position is not None, "the product to be stored")
    other = replace(NEWEST, columns=NEWEST.columns[:1])
    feeder.follow(replace(found.warehouse, products=(other,)))
    eventually(lambda: (at := found.position) is not None and at.shape == other.shape, "the other shape")


def test_a_table_that_cannot_be_read_is_told_and_tried_again(tmp_path: Path) -> None:
    with lake(tmp_path) as found:
        found.write(ROW)
        hidden = found.table.rename(found.table.with_name("hidden"))
        found.table.mkdir()
        (found.table / "schema").mkdir()
        (found.table / "schema" / "schema-0").write_text("no json")
        course = Course(found.tail, every=0.01)
        course.start()
        eventually(lambda: "is not JSON" in str(_note(found).get("problem")), "the problem to be told")
        (found.table / "schema" / "schema-0").unlink()
        (found.table / "schema").rmdir()
        found.table.rmdir()
        hidden.rename(found.table)
        eventually(lambda: found.position is not None, "the product to be stored")
        eventually(lambda: _note(found).get("problem") == "", "all to be well")
        course.end()


def _note(found: Lake) -> dict[str, object]:
    notes = asyncio.run(Borrowed(found.store).progress())
    return orjson.loads(notes.get("warmth", b"{}"))


def test_a_consumer_that_is_held_is_read_as_paimon_s_own_are(fed: tuple[Lake, Feeder]) -> None:
    found, _ = fed
    found.tail.step()
    assert b'"nextSnapshot" : 1' in (found.table / "consumer" / "consumer-serving.warmth").read_bytes()
    (found.table / "consumer" / "consumer-serving.warmth").rename(found.table / "consumer" / f"consumer-{NAME}")
    assert next_snapshot(found.folder, NAME, NAME) == 1
