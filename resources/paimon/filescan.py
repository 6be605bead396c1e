"""A DuckDB that may read some files, and nothing else outside of it."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from resources.paimon.lakefiles import LakeFiles

if TYPE_CHECKING:
    import duckdb

MEMORY_LIMIT = "2GB"


@contextlib.contextmanager
def file_connection(
    paths: Mapping[LakeFiles, Sequence[str]], memory_limit: str = MEMORY_LIMIT
) -> "Iterator[duckdb.DuckDBPyConnection]":
    """A DuckDB in memory that reaches these files and nothing else outside of it; its zone is UTC.

    Args:
        paths: By the access to them.
    """
    connection = open_over(paths, memory_limit)
    try:
        yield connection
    finally:
        connection.close()


def open_over(
    paths: Mapping[LakeFiles, Sequence[str]], memory_limit: str, spill_limit: str | None = None
) -> "duckdb.DuckDBPyConnection":
    """As `file_connection`; the caller closes it.

    Args:
        spill_limit: What may be spilled below the working directory, as `2GB`; DuckDB's own limit when left out.
    """
    import duckdb

    connection = duckdb.connect(":memory:", config={"memory_limit": memory_limit})
    if spill_limit is not None:
        connection.execute("SET max_temp_directory_size = $1", [spill_limit])
    for files, some in paths.items():
        files.attach(connection, some)
    connection.execute("SET allowed_paths = $1", [[path for some in paths.values() for path in some]])
    connection.execute("SET enable_external_access = false")
    connection.execute("SET TimeZone = 'UTC'")
    return connection
