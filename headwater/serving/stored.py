"""A row as it lies in the store: what callers see, and, where the newest of several is served, what it is newest by."""

from typing import NamedTuple


class Row(NamedTuple):
    """One row of a product. Of two rows of one address the greater one is served: they compare part by part.

    Args:
        newest: What it is newest by, in bytes that sort as the values do; empty where an address has one row.
        identity: The table's own key, encoded; empty for a table without one.
        body: What callers see, as a JSON object.
    """

    newest: bytes
    identity: bytes
    body: bytes


def pack(row: Row) -> bytes:
    """As it is stored of a product that serves the newest row."""
    return b"".join((len(row.newest).to_bytes(2, "big"), len(row.identity).to_bytes(2, "big"), *row))


def unpack(stored: bytes) -> Row:
    """What `pack` gave."""
    newest = 4 + int.from_bytes(stored[:2], "big")
    identity = newest + int.from_bytes(stored[2:4], "big")
    return Row(stored[4:newest], stored[newest:identity], stored[identity:])


def body(stored: bytes, *, ranked: bool) -> bytes:
    """What callers see of a stored row; `ranked` says that its product serves the newest of several."""
    if not ranked:
        return stored
    return stored[4 + int.from_bytes(stored[:2], "big") + int.from_bytes(stored[2:4], "big") :]
