"""Loads a warehouse folder, from a cache when no file of it has changed."""

import gc
import hashlib
import pickle
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from functools import cache as remembered
from pathlib import Path
from typing import Any

from headwater.layout import Layout, Stamp, scan
from headwater.model import Warehouse
from headwater.problem import HeadwaterError

_UNREADABLE = (
    OSError,
    EOFError,
    pickle.UnpicklingError,
    AttributeError,
    ImportError,
    IndexError,
    TypeError,
    ValueError,
    KeyError,
)


def load(root: Path, cache: Path | None = None) -> Warehouse:
    """Load and check a warehouse folder.

    Args:
        root: The folder with the layers in it.
        cache: A file to keep the loaded warehouse in. It is used again while every file of the folder has the same
            path, time and size, and Headwater's own source is the same; a damaged one is made anew. Give a file
            that only this user can write: it is a pickle.

    Raises InvalidWarehouse with every problem found, and HeadwaterError when there is no such folder.
    """
    if not root.is_dir():
        raise HeadwaterError(
            f"There is no warehouse folder {root}",
            next_command="give one by --warehouse PATH or HEADWATER_WAREHOUSE",
        )
    layout = scan(root)
    if cache is None:
        return _read(layout)
    warehouse = None if layout.problems else _remembered(cache, layout)
    if warehouse is None:
        warehouse = _read(layout)
        _remember(cache, layout, warehouse)
    return warehouse


def _read(layout: Layout) -> Warehouse:
    from headwater.reading import read  # pydantic and sqlglot: not needed when the cache answers

    return read(layout)


@remembered
def _source_version() -> str:
    """Changes whenever Headwater's own source, or the Python that pickles, does."""
    package = Path(__file__).parent
    stamps = [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in sorted(package.rglob("*.py"))]
    return hashlib.sha256(repr((sys.version, stamps)).encode()).hexdigest()


def _key(layout: Layout) -> tuple[str, str, tuple[str, ...], dict[str, Stamp]]:
    folders = tuple(folder.path for folder in layout.folders)
    return _source_version(), str(layout.root), folders, layout.stamps


def _sharing(value: Any, known: dict[Any, Any]) -> Any:
    """The same value, in which texts and frozen values that are equal are one object: a pickle holds each once.

    Tables of one warehouse have many columns in common, and reading them is most of reading the cache.
    """
    if isinstance(value, tuple):
        return tuple(_sharing(part, known) for part in value)
    if isinstance(value, Mapping):
        return {_sharing(key, known): _sharing(part, known) for key, part in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        value = type(value)(*(_sharing(getattr(value, field.name), known) for field in fields(value) if field.init))
        return known.setdefault(value, value)
    # By its type too: a member of an enumeration equals the text of its value, and must not become one.
    return known.setdefault((type(value), value), value) if isinstance(value, str) else value


class _Pickler(pickle.Pickler):
    """Keeps values as calls of their class: the way frozen dataclasses with slots pickle by default is slow to read.

    So is a path in its parts, as it is pickled by default.
    """

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, Path):
            return Path, (str(obj),)
        if is_dataclass(obj) and not isinstance(obj, type):
            return type(obj), tuple(getattr(obj, field.name) for field in fields(obj) if field.init)
        return NotImplemented


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Nothing that is read here is garbage, and looking for some takes half of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _remembered(cache: Path, layout: Layout) -> Warehouse | None:
    try:
        with cache.open("rb") as file, _without_collecting():
            if pickle.load(file) != _key(layout):
                return None
            warehouse = pickle.load(file)
    except _UNREADABLE:
        return None
    return warehouse if isinstance(warehouse, Warehouse) else None


def _remember(cache: Path, layout: Layout, warehouse: Warehouse) -> None:
    partial = cache.with_suffix(".partial")
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            pickle.dump(_key(layout), file, pickle.HIGHEST_PROTOCOL)
            _Pickler(file, pickle.HIGHEST_PROTOCOL).dump(_sharing(warehouse, {}))
        partial.replace(cache)
    except OSError:
        partial.unlink(missing_ok=True)  # a cache that cannot be written only costs time
