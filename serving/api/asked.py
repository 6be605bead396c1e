"""What a request asks for: an address, several, or a page of those that begin alike."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

import orjson

from headwater.serving.address import MAX_BYTES, encode, parse, part
from headwater.serving.product import Product
from serving.api.problems import Problem, malformed

MOST_KEYS = 500
MOST_ROWS = 1000
ROWS = 100
MOST_BODY = 128 * 1024
MOST_TARGET = 4096

_ESCAPED = re.compile(rb"(?:[^%]|%[0-9A-Fa-f]{2})*\Z", re.DOTALL)
_CURSOR = re.compile(r"[A-Za-z0-9_-]{1,800}\Z", re.ASCII)
_BAD_QUERY = re.compile(rb"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Scan:
    """A page.

    Args:
        values: Of the leading columns of the key.
        prefix: The same, encoded.
        after: The address that the page begins behind, or None for the first one.
        limit: Rows at most.
    """

    values: tuple[Any, ...]
    prefix: bytes
    after: bytes | None
    limit: int


def segments(raw_path: bytes) -> list[str]:
    """The parts of a path, each decoded once: an escaped slash is part of a text. Raises the problem «malformed»."""
    found = []
    for segment in raw_path.split(b"/")[1:]:
        is_escaped = b"%" in segment
        if is_escaped and not _ESCAPED.match(segment):
            raise malformed("the path has a % that no two hexadecimal digits follow")
        try:
            found.append((unquote_to_bytes(segment) if is_escaped else segment).decode())
        except UnicodeDecodeError:
            raise malformed("the path is not UTF-8") from None
    return found


def address(product: Product, texts: Sequence[str]) -> tuple[tuple[Any, ...], bytes]:
    """The values of an address in a path, and its bytes. Raises the problem «malformed»."""
    return _address(product, texts, lambda text, column: parse(text, column.type))


def addresses(product: Product, body: bytes) -> list[tuple[tuple[Any, ...], bytes]]:
    """Those in the body of a batch, `{"keys": [[…], …]}`. Raises the problem «malformed»."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise malformed(f"the body is not JSON: {error}") from None
    if not isinstance(said, dict) or list(said) != ["keys"] or not isinstance(said["keys"], list):
        raise malformed('the body is to be {"keys": [[…], …]}')
    keys = said["keys"]
    if not 0 < len(keys) <= MOST_KEYS:
        raise malformed(f"a batch has 1 to {MOST_KEYS} keys, and this one {len(keys)}")
    found = []
    for place, key in enumerate(keys):
        if not isinstance(key, list):
            raise malformed(f"keys[{place}] is not a list of the parts of an address")
        try:
            found.append(_address(product, key, lambda value, column: part(value, column.type)))
        except Problem as problem:
            raise malformed(f"keys[{place}]: {problem.detail}") from None
    return found


def scan(product: Product, query: bytes) -> Scan:
    """A page: leading columns of the key by name, `limit`, and `page` as an earlier answer gave it.

    Raises the problem «malformed».
    """
    given = _parameters(query)
    limit = _limit(given.pop("limit", None))
    cursor = given.pop("page", None)
    named = [column for column in product.key if column.name in given]
    unknown = given.keys() - {column.name for column in product.key}
    if unknown:
        known = ", ".join([column.name for column in product.key] + ["limit", "page"])
        raise malformed(f"there is no parameter «{min(unknown)[:40]}»; there are {known}")
    if tuple(named) != product.key[: len(named)]:
        raise malformed(f"a page is of leading columns of the key: {', '.join(c.name for c in product.key)}")
    values = []
    for column in named:
        try:
            values.append(parse(given[column.name], column.type))
        except ValueError as error:
            raise malformed(f"{column.name}: {error}") from None
    prefix = encode(values, product.key)
    if len(prefix) > MAX_BYTES:
        raise malformed("the address is too long")
    return Scan(tuple(values), prefix, _after(cursor, prefix), limit)


def cursor(last: bytes) -> str:
    """What leads to the page behind an address."""
    return base64.urlsafe_b64encode(last).decode().rstrip("=")


def _address(product: Product, parts: Sequence[Any], read: Any) -> tuple[tuple[Any, ...], bytes]:
    if len(parts) != len(product.key):
        names = ", ".join(column.name for column in product.key)
        raise malformed(f"an address of {product.name} has {len(product.key)} parts: {names}")
    values = []
    for text, column in zip(parts, product.key, strict=True):
        try:
            values.append(read(text, column))
        except ValueError as error:
            raise malformed(f"{column.name}: {error}") from None
    found = encode(values, product.key)
    if len(found) > MAX_BYTES:
        raise malformed("the address is too long")
    return tuple(values), found


def _parameters(query: bytes) -> dict[str, str]:
    if not query:
        return {}
    if _BAD_QUERY.search(query):
        raise malformed("the query has a % that no two hexadecimal digits follow")
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=32
        )
    except ValueError:
        raise malformed("the query is not name=value, apart by &") from None
    found = dict(pairs)
    if len(found) < len(pairs):
        raise malformed("a parameter stands twice")
    return found


def _limit(text: str | None) -> int:
    if text is None:
        return ROWS
    if not re.fullmatch(r"[1-9][0-9]{0,3}", text, re.ASCII) or int(text) > MOST_ROWS:
        raise malformed(f"limit is a whole number from 1 to {MOST_ROWS}")
    return int(text)


def _after(text: str | None, prefix: bytes) -> bytes | None:
    if text is None:
        return None
    try:
        found = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) if _CURSOR.match(text) else None
    except (binascii.Error, ValueError):
        found = None
    if found is None or not found.startswith(prefix) or len(found) > MAX_BYTES:
        raise malformed("page is not one that an answer for the same columns gave")
    return found
