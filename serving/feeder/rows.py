"""From rows as a reader of the table gives them to rows as they are stored."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from headwater.serving.address import MAX_BYTES, encode
from headwater.serving.product import Product
from headwater.serving.stored import Row
from resources.paimon.changes import KIND

if TYPE_CHECKING:
    import pyarrow


class Encoded(NamedTuple):
    """A row with its address.

    Args:
        address: None when the row has none: a part of it is NULL, or it is too long to be a key.
        row: As it is stored.
    """

    address: bytes | None
    row: Row


def encoded(product: Product, batch: "pyarrow.RecordBatch") -> Iterator[tuple[str, Encoded]]:
    """The rows of a batch, each with its kind: `+I` where the batch has none."""
    columns: Mapping[str, list[Any]] = batch.to_pydict()
    count = batch.num_rows
    kinds: Sequence[str] = columns.get(KIND) or ["+I"] * count
    seen = list(dict.fromkeys(column.name for column in (*product.key, *product.columns)))
    keys = _tuples(columns, [column.name for column in product.key], count)
    identities = _tuples(columns, [column.name for column in product.identity], count)
    newest = columns[product.newest.name] if product.newest else [None] * count
    for kind, key, identity, rank, *values in zip(
        kinds, keys, identities, newest, *(columns[name] for name in seen), strict=True
    ):
        address = None if None in key else encode(key, product.key)
        if address is not None and len(address) > MAX_BYTES:
            address = None
        row = Row(
            _rank(product, rank),
            encode(identity, product.identity),
            orjson.dumps(dict(zip(seen, values, strict=True)), default=_plain, option=orjson.OPT_UTC_Z),
        )
        yield kind, Encoded(address, row)


def _tuples(columns: Mapping[str, list[Any]], names: Sequence[str], count: int) -> Sequence[tuple[Any, ...]]:
    return list(zip(*(columns[name] for name in names), strict=True)) if names else [()] * count


def _rank(product: Product, value: Any) -> bytes:
    if product.newest is None:
        return b""
    return b"\0" if value is None else b"\1" + encode((value,), (product.newest,))


def _plain(value: Any) -> str:
    """A decimal with all its digits, as a text: a JSON number is read as a binary one by most."""
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} is not served")
