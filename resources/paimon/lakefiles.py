"""The files of a lake, in a folder of this machine or in an object store: how they are listed, read and handed over.

A sweep over thousands of tables asks for each of them: a folder's are read with plain strings and system calls.
"""

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from headwater.problem import HeadwaterError

if TYPE_CHECKING:
    import duckdb


class NotGiven(HeadwaterError):
    """The place where a lake's files lie cannot be reached, or lets nobody in: nothing is known of the file."""


class LakeFiles(Protocol):
    """The files of a lake. Paths are spelled as the lake is: `/srv/lake/dwd.db/orders`, `s3://bucket/lake/…`.

    The methods that read or list raise NotGiven.
    """

    def read(self, path: str, /) -> bytes | None:
        """A small file's bytes, or None when it does not exist."""
        ...

    def read_each(self, paths: Sequence[str], /) -> list[bytes | None]:
        """As `read`, of many."""
        ...

    def exists(self, path: str, /) -> bool:
        """A file is there."""
        ...

    def names(self, folder: str, /) -> Sequence[str]:
        """What lies in a folder, by name; empty when the folder does not exist."""
        ...

    def tables(self, lake: str, databases: Sequence[str], /) -> Sequence[tuple[str, str]]:
        """The tables of a lake, each as the names of its database's folder, one of these, and of its own."""
        ...

    def url(self, path: str, /) -> str:
        """The path as the native reader wants it."""
        ...

    def native_options(self) -> Mapping[str, str]:
        """What the native reader must know to reach them."""
        ...

    def attach(self, connection: "duckdb.DuckDBPyConnection", paths: Sequence[str], /) -> None:
        """Let a DuckDB read these files."""
        ...

    def remedy(self, reason: str, /) -> str:
        """What leads on when a reader could not read them, for the reason that it gave."""
        ...


def read_small(path: str, /) -> bytes | None:
    """A small local file's bytes, or None when it does not exist."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        chunk = os.read(descriptor, 65536)
        content = chunk
        while len(chunk) == 65536:
            chunk = os.read(descriptor, 65536)
            content += chunk
        return content
    finally:
        os.close(descriptor)


class LocalFiles:
    """`LakeFiles` in a folder of this machine."""

    read = staticmethod(read_small)

    def read_each(self, paths: Sequence[str], /) -> list[bytes | None]:
        return [read_small(path) for path in paths]

    def exists(self, path: str, /) -> bool:
        return os.access(path, os.F_OK)

    def names(self, folder: str, /) -> Sequence[str]:
        try:
            return os.listdir(folder)  # noqa: PTH208 - a sweep asks for thousands
        except (FileNotFoundError, NotADirectoryError):
            return ()

    def tables(self, lake: str, databases: Sequence[str], /) -> Sequence[tuple[str, str]]:
        found = []
        for database in databases:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                entries = os.scandir(f"{lake}/{database}")
                found += [(database, entry.name) for entry in entries if Path(entry.path, "schema").is_dir()]
        return found

    def url(self, path: str, /) -> str:
        return f"file://{path}"

    def native_options(self) -> Mapping[str, str]:
        return {}

    def attach(self, connection: "duckdb.DuckDBPyConnection", paths: Sequence[str], /) -> None:
        """DuckDB reads local files by itself."""

    def remedy(self, reason: str, /) -> str:
        return "headwater doctor"


LOCAL = LocalFiles()


@dataclass(frozen=True, slots=True)
class RemoteLake:
    """A lake that is not a folder of this machine.

    Args:
        url: Without a slash at its end; the databases lie below it, `<url>/dwd.db/orders`.
    """

    url: str
    files: LakeFiles

    def __str__(self) -> str:
        return self.url


Lake = Path | RemoteLake
"""Where a lake is; its text is what the paths of its files begin with."""


def files_of(lake: Lake) -> LakeFiles:
    """The access to a lake's files."""
    return lake.files if isinstance(lake, RemoteLake) else LOCAL


def lake_at(address: str) -> Lake:
    """The lake in a folder, or in an object store, `s3://bucket/prefix`.

    Raises HeadwaterError for a folder that is not there, and for other schemes.
    """
    scheme, mark, _ = address.partition("://")
    if not mark:
        folder = Path(address).absolute()
        if folder.is_dir():
            return folder
        raise HeadwaterError(
            f"There is no folder {folder}",
            next_command="name the folder that holds the lake's databases, such as dwd.db",
        )
    if scheme != "s3":
        raise HeadwaterError(
            f"A lake is read from a folder or from s3://bucket/prefix, and {address} is neither",
            next_command="write s3:// for s3a:// too; of other stores use the address that speaks S3, AWS_ENDPOINT_URL",
        )
    from resources.paimon.objectstore import s3_lake

    return s3_lake(address)
