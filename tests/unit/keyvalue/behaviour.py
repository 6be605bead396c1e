"""What every key-value store must do: one suite, run over LMDB and over a real Redis."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from resources.keyvalue.store import FeederStore, Found, Overtaken, Page, ReaderStore

Answer = TypeVar("Answer")


class Pair:
    """A store as the feeder has it, and readers opened anew for each question."""

    def __init__(self, feeder: FeederStore, reader: Callable[[], ReaderStore]) -> None:
        self.feeder = feeder
        self._reader = reader

    def get(self, product: str, *keys: bytes) -> Found:
        return self._ask(lambda reader: reader.get(product, keys))

    def scan(self, product: str, prefix: bytes = b"", after: bytes | None = None, limit: int = 100) -> Page:
        return self._ask(lambda reader: reader.scan(product, prefix, after, limit))

    def notes(self) -> dict[str, bytes]:
        return dict(self._ask(lambda reader: reader.progress()))

    def load(self, product: str, rows: dict[bytes, bytes], after: bytes = b"1", before: bytes | None = None) -> None:
        with self.feeder.loading(product) as loading:
            loading.put(rows)
            loading.finish(before, after)

    def _ask(self, question: Callable[[ReaderStore], Awaitable[Answer]]) -> Answer:
        async def asked() -> Answer:
            reader = self._reader()
            try:
                return await question(reader)
            finally:
                await reader.close()

        return asyncio.run(asked())


class StoreBehaviour:
    """Inherited by a test class for each store, which has the fixture `pair`."""

    def test_nothing_is_known_of_a_product_that_was_never_stored(self, pair: Pair) -> None:
        assert pair.feeder.position("kpi") is None
        assert pair.feeder.products() == frozenset()
        assert (pair.get("kpi", b"a", b"b"), pair.scan("kpi")) == (
            Found(None, [None, None]),
            Page(None, pair.scan("kpi").rows),
        )
        assert list(pair.scan("kpi").rows) == []

    def test_rows_are_seen_with_the_position_they_belong_to(self, pair: Pair) -> None:
        pair.load("kpi", {b"a": b"1", b"b": b"2"}, after=b"at 1")
        pair.feeder.write("kpi", b"at 1", b"at 2", {b"a": b"3", b"c": b"4"}, [b"b"])
        found = pair.get("kpi", b"a", b"b", b"c", b"d")
        assert (found.position, list(found.rows)) == (b"at 2", [b"3", None, b"4", None])
        assert pair.feeder.position("kpi") == b"at 2"
        assert pair.feeder.current("kpi", [b"a", b"b"]) == {b"a": b"3"}
        assert pair.feeder.products() == {"kpi"}

    def test_a_position_may_be_any_bytes_and_so_may_keys_and_rows(self, pair: Pair) -> None:
        key, row, position = b"\0\xff\x00\x01\n{}", b"\0\0\xff", b"\xff\0 0"
        pair.load("kpi", {key: row}, after=position)
        assert pair.get("kpi", key) == Found(position, [row])

    def test_a_write_that_was_overtaken_changes_nothing(self, pair: Pair) -> None:
        pair.load("kpi", {b"a": b"1"}, after=b"at 2")
        for before in (b"at 1", b"at 3", b""):
            with pytest.raises(Overtaken):
                pair.feeder.write("kpi", before, b"at 4", {b"a": b"2", b"b": b"2"}, [])
        assert pair.get("kpi", b"a", b"b") == Found(b"at 2", [b"1", None])

    def test_a_loading_is_not_seen_before_it_is_finished_and_then_whole(self, pair: Pair) -> None:
        pair.load("kpi", {b"a": b"old", b"gone": b"old"}, after=b"at 1")
        with pair.feeder.loading("kpi") as loading:
            loading.put({b"a": b"new"})
            loading.put({b"b": b"new"})
            assert pair.get("kpi", b"a", b"b", b"gone") == Found(b"at 1", [b"old", None, b"old"])
            loading.finish(b"at 1", b"at 9")
            assert pair.get("kpi", b"a", b"b", b"gone") == Found(b"at 9", [b"new", b"new", None])
        assert list(pair.scan("kpi").rows) == [(b"a", b"new"), (b"b", b"new")]

    def test_a_loading_that_was_overtaken_is_not_served(self, pair: Pair) -> None:
        pair.load("kpi", {b"a": b"1"}, after=b"at 5")
        with pytest.raises(Overtaken), pair.feeder.loading("kpi") as loading:
            loading.put({b"a": b"2"})
            loading.finish(None, b"at 4")
        assert pair.get("kpi", b"a") == Found(b"at 5", [b"1"])

    def test_what_a_loading_that_broke_off_has_put_is_never_seen(self, pair: Pair) -> None:
        pair.load("kpi", {b"a": b"1"}, after=b"at 1")
        with pytest.raises(ZeroDivisionError), pair.feeder.loading("kpi") as loading:
            loading.put({b"a": b"half", b"b": b"half"})
            raise ZeroDivisionError
        assert pair.get("kpi", b"a", b"b") == Found(b"at 1", [b"1", None])
        pair.load("kpi", {b"c": b"3"}, after=b"at 2", before=b"at 1")
        assert list(pair.scan("kpi").rows) == [(b"c", b"3")]

    def test_an_empty_table_is_served_as_empty(self, pair: Pair) -> None:
        pair.load("kpi", {b"a": b"1"}, after=b"at 1")
        pair.load("kpi", {}, after=b"at 2", before=b"at 1")
        assert pair.get("kpi", b"a") == Found(b"at 2", [None])
        pair.feeder.write("kpi", b"at 2", b"at 3", {b"z": b"9"}, [b"a"])
        assert pair.get("kpi", b"z") == Found(b"at 3", [b"9"])

    def test_a_scan_gives_keys_in_the_order_of_their_bytes_page_by_page(self, pair: Pair) -> None:
        keys = [b"", b"\0", b"a", b"a\0", b"a\0\1", b"a\1", b"a\xff", b"a\xff\xff", b"b", b"\xff", b"\xff\xff\x01"]
        pair.load("kpi", dict.fromkeys(keys, b"x") | {b"a": b"y"})
        assert [key for key, _ in pair.scan("kpi", limit=1000).rows] == keys
        assert [key for key, _ in pair.scan("kpi", b"a").rows] == keys[2:8]
        assert [key for key, _ in pair.scan("kpi", b"a\xff").rows] == keys[6:8]
        assert [key for key, _ in pair.scan("kpi", b"\xff").rows] == keys[9:]
        seen, after = [], None
        while page := pair.scan("kpi", b"a", after, limit=2).rows:
            seen += page
            after = page[-1][0]
        assert [key for key, _ in seen] == keys[2:8]
        assert seen[0] == (b"a", b"y")
        assert list(pair.scan("kpi", b"a", b"b").rows) == []
        assert [key for key, _ in pair.scan("kpi", b"b", b"a").rows] == [b"b"]

    def test_products_whose_names_begin_alike_are_apart(self, pair: Pair) -> None:
        for name in ("kpi", "kpi_day", "kp"):
            pair.load(name, {b"a": name.encode()}, after=name.encode())
        pair.feeder.drop("kpi")
        assert pair.feeder.products() == {"kpi_day", "kp"}
        assert pair.get("kpi", b"a") == Found(None, [None])
        assert pair.get("kp", b"a") == Found(b"kp", [b"kp"])
        assert pair.get("kpi_day", b"a") == Found(b"kpi_day", [b"kpi_day"])

    def test_more_rows_than_go_in_one_request_are_stored_and_removed(self, pair: Pair) -> None:
        rows = {number.to_bytes(4, "big"): str(number).encode() for number in range(7_000)}
        pair.load("kpi", rows)
        assert list(pair.get("kpi", *rows).rows) == list(rows.values())
        pair.feeder.write("kpi", b"1", b"2", {}, list(rows)[:6_999])
        assert list(pair.scan("kpi").rows) == [((6_999).to_bytes(4, "big"), b"6999")]

    def test_notes_are_left_for_whoever_asks(self, pair: Pair) -> None:
        pair.feeder.tell({"kpi": b"one", "other": b"two"})
        pair.feeder.tell({"kpi": b"three"})
        assert pair.notes() == {"kpi": b"three", "other": b"two"}
        pair.feeder.drop("kpi")
        assert pair.notes() == {"other": b"two"}
