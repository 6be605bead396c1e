"""What a span of changes comes to, whatever the order in which they are read."""

import random
from collections.abc import Collection, Mapping

import pytest

from headwater.serving.stored import Row, pack, unpack
from serving.feeder.netting import Writes, keep_newest, net, newest_writes, plain_writes
from serving.feeder.rows import Encoded

A, B = b"a", b"b"


def encoded(address: bytes, identity: int, newest: int, value: int) -> Encoded:
    return Encoded(address, Row(bytes([newest]), bytes([identity]), b"%d" % value))


def applied(stored: dict[bytes, bytes], writes: Writes) -> dict[bytes, bytes]:
    return {key: row for key, row in {**stored, **writes.puts}.items() if key not in writes.deletes}


def test_changes_that_cancel_out_are_none() -> None:
    one, two = encoded(A, 1, 1, 10), encoded(A, 1, 1, 11)
    assert net([("-U", one), ("+U", two), ("-U", two), ("+U", one)]).touched == {}


def test_a_row_that_came_and_went_again_is_deleted_or_left_out() -> None:
    one = encoded(A, 1, 1, 10)
    assert plain_writes(net([("+I", one), ("-D", one)]), {}) == Writes({}, [])
    assert plain_writes(net([("-D", one)]), {}) == Writes({}, [A])


def test_two_rows_left_of_one_key_are_read_again() -> None:
    found = net([("+I", encoded(A, 1, 1, 10)), ("+I", encoded(A, 1, 1, 11))])
    assert found.unclear == {A}
    assert plain_writes(found, {A: Row(b"", b"", b"12")}) == Writes({A: b"12"}, [])
    assert plain_writes(found, {}) == Writes({}, [A])


@pytest.mark.parametrize("seed", range(60))
def test_the_newest_of_any_history_in_any_order_is_the_newest_of_its_end(seed: int) -> None:
    chance = random.Random(seed)
    table: dict[int, Encoded] = {}
    stored: dict[bytes, bytes] = {}
    asked = 0

    def reread(addresses: Collection[bytes]) -> Mapping[bytes, Row]:
        nonlocal asked
        asked += 1
        kept: dict[bytes, Row] = {}
        keep_newest(kept, (("+I", row) for row in table.values()))
        return {address: row for address, row in kept.items() if address in addresses}

    for _ in range(30):
        changes: list[tuple[str, Encoded]] = []
        for _ in range(chance.randint(1, 6)):
            identity = chance.randint(1, 6)
            before = table.pop(identity, None)
            if before is not None:
                changes.append(("-U", before))
            if before is None or chance.random() < 0.6:
                address = A if identity <= 3 else B
                table[identity] = encoded(address, identity, chance.randint(0, 4), chance.randint(0, 3))
                changes.append(("+U", table[identity]))
        chance.shuffle(changes)
        found = net(changes)
        current = {address: stored[address] for address in found.touched if address in stored}
        stored = applied(stored, newest_writes(found, current, reread))
        kept: dict[bytes, Row] = {}
        keep_newest(kept, (("+I", row) for row in table.values()))
        assert {address: unpack(row) for address, row in stored.items()} == kept
    assert asked < 30


def test_a_row_that_is_packed_comes_out_the_same() -> None:
    for row in (Row(b"", b"", b"{}"), Row(b"\0\xff", b"x" * 300, b'{"a":1}')):
        assert unpack(pack(row)) == row
