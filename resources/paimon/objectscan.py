"""Objects of a lake as DuckDB's Python file systems are: some data files, each opened once, and nothing else.

DuckDB reads one opened file from many threads, each time by `seek` and then `read`. A file with one position, as
s3fs and fsspec's ArrowFSWrapper give, hands a thread the bytes of another one's place; here each thread has its own.
"""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fsspec import AbstractFileSystem

from resources.paimon.objectstore import SCHEME, key_of

if TYPE_CHECKING:
    from pyarrow import NativeFile
    from pyarrow.fs import FileSystem


class DataObjects(AbstractFileSystem):
    """The file system that a DuckDB is given.

    Args:
        store: Where the objects lie.
        keys: All that can be opened, `bucket/…`.
    """

    protocol = "s3"
    cachable = False

    def __init__(self, store: "FileSystem", keys: Sequence[str]) -> None:
        super().__init__()
        self._objects = {key: _Object(store, key) for key in keys}

    def glob(self, path: str, maxdepth: int | None = None, **options: Any) -> list[str]:
        """The path itself: data files are named one by one."""
        key = key_of(path)
        return [key] if key in self._objects else []

    def exists(self, path: str, **options: Any) -> bool:
        return key_of(path) in self._objects

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        """Name, size in bytes and type. Raises FileNotFoundError."""
        return {"name": path, "size": self._object(path).size, "type": "file"}

    def modified(self, path: str) -> datetime:
        """One moment for all: a data file is never changed once written."""
        return datetime(2000, 1, 1, tzinfo=UTC)

    def open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        cache_options: dict[str, Any] | None = None,
        compression: str | None = None,
        **options: Any,
    ) -> Any:
        """The object, to be read. Raises FileNotFoundError, and PermissionError for anything else than reading."""
        if mode != "rb":
            raise PermissionError(f"{path} can only be read")
        return _Reader(self._object(path))

    def _object(self, path: str) -> "_Object":
        try:
            return self._objects[key_of(path)]
        except KeyError:
            raise FileNotFoundError(f"{path} is not among the files of this read") from None


class _Object:
    """An object, opened when it is first asked for; any number of threads read it."""

    def __init__(self, store: "FileSystem", key: str) -> None:
        self._store = store
        self._key = key
        self._lock = threading.Lock()
        self._opened: NativeFile | None = None

    @property
    def file(self) -> "NativeFile":
        with self._lock:
            if self._opened is None:
                with self.explaining():
                    self._opened = self._store.open_input_file(self._key)
            return self._opened

    @contextlib.contextmanager
    def explaining(self) -> Iterator[None]:
        """Have an error name the object as the query's plan does."""
        try:
            yield
        except OSError as error:
            raise OSError(f"{SCHEME}{self._key}: {error}") from error

    @property
    def size(self) -> int:
        return self.file.size()


class _Reader:
    """An opened object with a place of its own for each thread."""

    def __init__(self, source: _Object) -> None:
        self._source = source
        self._place = threading.local()

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence:
            raise ValueError("only places from the beginning are known")
        self._place.at = offset
        return offset

    def tell(self) -> int:
        return getattr(self._place, "at", 0)

    def read(self, size: int) -> bytes:
        at = self.tell()
        file = self._source.file
        with self._source.explaining():
            found = file.read_at(size, at)
        self._place.at = at + len(found)
        return found

    def close(self) -> None:
        """The object stays open for those that read it still."""

    def flush(self) -> None:
        pass
