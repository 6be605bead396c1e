"""What a span of a table's changes comes to, and what that makes of the rows that are stored.

The changes of one key in a span of a changelog are its rows that came and those that went. Whatever their order, what
is left when equal ones cancel out is the row before and the row after: a table holds at most one row of a key at
either end. So nothing rests on the order in which files of a changelog are read.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from headwater.serving.product import Product
from headwater.serving.stored import Row, pack, unpack
from serving.feeder.rows import Encoded


@dataclass(slots=True)
class Net:
    """What came of changes, address by address.

    Args:
        came: The rows that are there afterwards, of those that were touched.
        touched: The identities of all rows that changed; of a table without a key none.
        bodies: Of each address the body of one of its rows, gone or not: it holds the values of the address.
        unclear: Addresses of which the changes do not say what is there: they are to be read again.
        homeless: How many rows have no address.
    """

    came: dict[bytes, list[Row]] = field(default_factory=dict)
    touched: dict[bytes, set[bytes]] = field(default_factory=dict)
    bodies: dict[bytes, bytes] = field(default_factory=dict)
    unclear: set[bytes] = field(default_factory=set)
    homeless: int = 0


@dataclass(frozen=True, slots=True)
class Writes:
    """What is to be put and deleted."""

    puts: Mapping[bytes, bytes]
    deletes: Collection[bytes]


def net(changes: Iterable[tuple[str, Encoded]]) -> Net:
    """Add up changes."""
    sums: dict[tuple[bytes | None, bytes], Counter[Row]] = {}
    for kind, (address, row) in changes:
        of_key = sums.setdefault((address, row.identity), Counter())
        of_key[row] += 1 if kind.startswith("+") else -1
    found = Net()
    for (address, identity), rows in sums.items():
        left = {row: count for row, count in rows.items() if count}
        if not left:
            continue
        came = [row for row, count in left.items() if count > 0]
        if address is None:
            found.homeless += len(came)
            continue
        found.touched.setdefault(address, set()).add(identity)
        found.bodies[address] = next(iter(left)).body
        if identity and (len(came) > 1 or sum(left[row] for row in came) > 1):
            found.unclear.add(address)
        found.came.setdefault(address, []).extend(came)
    return found


def plain_writes(found: Net, reread: Mapping[bytes, Row]) -> Writes:
    """Where an address has one row. `reread` has the unclear ones that are there."""
    puts: dict[bytes, bytes] = {}
    deletes: list[bytes] = []
    for address in found.touched:
        rows = found.came.get(address, [])
        row = reread.get(address) if address in found.unclear else rows[0] if rows else None
        if row is None:
            deletes.append(address)
        else:
            puts[address] = row.body
    return Writes(puts, deletes)


def newest_writes(
    found: Net,
    current: Mapping[bytes, bytes],
    reread: Callable[[Collection[bytes]], Mapping[bytes, Row]],
) -> Writes:
    """Where the newest row of an address is served.

    Rows that are not stored are all less than the one that is. As long as that one stays, or what comes is not less,
    the newest is known; only when it goes or falls back, the table is asked which is next.

    Args:
        current: What is stored at the addresses that were touched.
        reread: Gives the newest rows of addresses, read from the table.
    """
    puts: dict[bytes, bytes] = {}
    asked: set[bytes] = set(found.unclear)
    for address in found.touched.keys() - asked:
        stored = current.get(address)
        served = unpack(stored) if stored is not None else None
        best = max(found.came.get(address, ()), default=None)
        stays = served is not None and (not served.identity or served.identity not in found.touched[address])
        if served is not None and stays:
            best = served if best is None else max(best, served)
        elif served is not None and (best is None or best[:2] < served[:2]):
            asked.add(address)
            continue
        if best is not None and best != served:
            puts[address] = pack(best)
    deletes: list[bytes] = []
    if asked:
        known = reread(asked)
        puts |= {address: pack(known[address]) for address in asked if address in known}
        deletes = [address for address in asked if address not in known]
    return Writes(puts, deletes)


def keep_newest(kept: dict[bytes, Row], rows: Iterable[tuple[str, Encoded]]) -> int:
    """Add rows to the newest ones of each address; give how many have none."""
    homeless = 0
    for _, (address, row) in rows:
        if address is None:
            homeless += 1
        elif address not in kept or kept[address] < row:
            kept[address] = row
    return homeless


def stored(product: Product, rows: Mapping[bytes, Row]) -> dict[bytes, bytes]:
    """Rows as they lie in the store."""
    return {address: pack(row) if product.newest else row.body for address, row in rows.items()}
