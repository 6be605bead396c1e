"""What is stored of a product is what its table holds at the snapshot that is stored with it."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from headwater.problem import HeadwaterError
from resources.keyvalue.store import Overtaken
from tests.unit.serving.lake import BY_KEY, NEWEST, Lake, lake

AT = datetime(2026, 11, 22, 3, tzinfo=UTC)


def row(market: str | None, sensor: int, degrees: int, minute: int | None) -> tuple:
    at = None if minute is None else AT + timedelta(minutes=minute)
    return (market, sensor, Decimal(degrees), at)


@pytest.fixture
def warm(tmp_path: Path) -> Iterator[Lake]:
    with lake(tmp_path) as found:
        found.write(row("sg", 1, 30, 0), row("sg", 2, 31, 0), row("hk", 1, 20, 5))
        yield found


def test_the_table_is_stored_whole_first_and_then_by_its_changes(warm: Lake) -> None:
    assert warm.tail.step() == "3 rows stored at snapshot 1: nothing of it was stored"
    assert warm.served() == (1, {"sg/1": "30.00", "sg/2": "31.00", "hk/1": "20.00"})
    assert warm.tail.step() == ""
    warm.write(row("sg", 1, 33, 1), row("in", 1, 40, 0))
    warm.write(row("sg", 1, 35, 2))
    assert warm.tail.step() == "snapshot 1 → 3: 3 changes, 2 put, 0 deleted"
    assert warm.served() == (3, {"sg/1": "35.00", "sg/2": "31.00", "hk/1": "20.00", "in/1": "40.00"})


def test_an_older_row_does_not_take_the_place_of_a_newer_one(warm: Lake) -> None:
    warm.tail.step()
    warm.write(row("hk", 1, 99, 4), row("hk", 1, 98, None))
    assert warm.tail.step() == "snapshot 1 → 2: 2 changes, 0 put, 0 deleted"
    assert warm.served() == (2, {"sg/1": "30.00", "sg/2": "31.00", "hk/1": "20.00"})


def test_rows_without_an_address_are_told_and_not_served(warm: Lake) -> None:
    warm.write(row(None, 1, 1, 0), row("x" * 500, 1, 1, 0))
    assert "2 rows have no address" in warm.tail.step()
    warm.write(row(None, 2, 1, 0))
    assert "1 rows have no address" in warm.tail.step()
    assert len(warm.served()[1]) == 3


def test_a_snapshot_that_has_expired_makes_the_table_be_stored_anew(warm: Lake) -> None:
    warm.tail.step()
    warm.write(row("sg", 1, 33, 1))
    warm.write(row("sg", 2, 34, 1))
    warm.expire(1)
    assert warm.tail.step() == "3 rows stored at snapshot 3: snapshot 1 has expired"
    assert warm.served() == (3, {"sg/1": "33.00", "sg/2": "34.00", "hk/1": "20.00"})


def test_a_table_that_was_made_anew_is_not_taken_for_the_old_one(warm: Lake) -> None:
    warm.tail.step()
    shutil.rmtree(warm.table)
    warm.write(row("fi", 1, -5, 0))
    assert warm.tail.step() == "1 rows stored at snapshot 1: snapshot 1 is another one than before"
    assert warm.served() == (1, {"fi/1": "-5.00"})
    warm.write(row("fi", 2, -6, 0))
    warm.write(row("fi", 3, -7, 0))
    warm.tail.step()
    shutil.rmtree(warm.table)
    warm.write(row("no", 1, -9, 0))
    assert warm.tail.step() == "1 rows stored at snapshot 1: the table was taken back from snapshot 3"
    assert warm.served() == (1, {"no/1": "-9.00"})


def test_rows_that_were_replaced_make_the_table_be_stored_anew(warm: Lake) -> None:
    warm.tail.step()
    warm.write(row("fi", 1, -5, 0), overwrite=True)
    assert warm.tail.step().endswith("snapshot 2 replaced rows")
    assert warm.served() == (2, {"fi/1": "-5.00"})


def test_another_declaration_makes_the_table_be_stored_anew(warm: Lake) -> None:
    warm.tail.step()
    warm.tail.product = replace(NEWEST, columns=NEWEST.columns[:1])
    assert warm.tail.step().endswith("it is declared otherwise than before")


def test_what_is_read_next_is_kept_from_expiring(warm: Lake) -> None:
    warm.tail.step()
    warm.write(row("sg", 1, 33, 1))
    assert _held(warm) == 1
    warm.tail.step()
    assert _held(warm) == 2


def _held(found: Lake) -> int | None:
    file = found.table / "consumer" / "consumer-serving.warmth"
    import json

    return json.loads(file.read_text())["nextSnapshot"]


def test_a_feeder_that_was_overtaken_writes_nothing(warm: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    warm.tail.step()
    before = warm.store.position("warmth")
    assert before is not None
    warm.write(row("sg", 1, 33, 1))
    monkeypatch.setattr(warm.store, "position", lambda _product: before)
    warm.tail.step()
    warm.write(row("sg", 1, 34, 2))
    with pytest.raises(Overtaken):
        warm.tail.step()
    assert warm.served() == (2, {"sg/1": "33.00", "sg/2": "31.00", "hk/1": "20.00"})


def test_a_table_that_cannot_be_read_leaves_what_is_served(warm: Lake) -> None:
    warm.tail.step()
    warm.write(row("sg", 1, 33, 1))
    for file in warm.table.glob("bucket-*/*"):
        file.unlink()
    with pytest.raises(HeadwaterError):
        warm.tail.step()
    assert warm.served() == (1, {"sg/1": "30.00", "sg/2": "31.00", "hk/1": "20.00"})


def test_a_table_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    with lake(tmp_path) as empty:
        assert empty.tail.step() == ""
        assert empty.position is None


def test_a_key_table_without_a_changelog_is_stored_anew_each_time(tmp_path: Path) -> None:
    with lake(tmp_path, BY_KEY) as keyed:
        keyed.write(row("sg", 1, 30, 0), row("hk", 1, 20, 0))
        keyed.tail.step()
        keyed.write(row("sg", 1, 31, 0))
        assert keyed.tail.step() == "2 rows stored at snapshot 2: the table keeps no changelog"
        assert keyed.served() == (2, {"sg/1": "31.00", "hk/1": "20.00"})
