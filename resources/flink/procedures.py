"""Paimon's own procedures, run by the SQL gateway in batch."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from headwater.compile import procedures
from headwater.compile.storage import create_catalog
from headwater.compile.text import file_uri
from headwater.model import TableName
from resources.flink.gateway import Gateway, Session

_SECONDS = 600.0
# Whoever waits holds the table's lock: a compaction that went on without it would be a second writer.
_COMPACTION_SECONDS = 6 * 3600.0
_PROPERTIES = {
    "execution.runtime-mode": "batch",
    "table.dml-sync": "true",
    "parallelism.default": "1",
    "table.local-time-zone": "UTC",
    "restart-strategy.type": "none",
}


class Procedures:
    """A session in which procedures are called. Each call may raise HeadwaterError, with Flink's last cause."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def expire_snapshots(self, table: TableName, older_than: datetime, retain: int, most: int) -> int:
        """See LakeProcedures.expire_snapshots."""
        rows = self._rows(procedures.expire_snapshots(table, older_than=older_than, retain=retain, most=most))
        return int(rows[0][0])

    def expire_tags(self, table: TableName) -> None:
        """See LakeProcedures.expire_tags."""
        self._rows(procedures.expire_tags(table))

    def delete_tag(self, table: TableName, tag: str) -> None:
        """See LakeProcedures.delete_tag."""
        self._rows(procedures.delete_tag(table, tag))

    def orphans(self, table: TableName, older_than: datetime, *, dry_run: bool) -> tuple[int, int]:
        """See LakeProcedures.orphans."""
        rows = self._rows(procedures.remove_orphan_files(table, older_than=older_than, dry_run=dry_run))
        return int(rows[0][0]), int(rows[1][0])

    def compact(self, table: TableName, kept: timedelta) -> None:
        """See LakeProcedures.compact."""
        self._rows(procedures.compact(table, kept=kept), timeout=_COMPACTION_SECONDS)

    def _rows(self, statement: str, *, timeout: float = _SECONDS) -> list[list[str]]:
        return self._session.rows(statement, timeout=timeout)


@contextmanager
def calling(gateway_url: str, lake: Path) -> Iterator[Procedures]:
    """A session over the lake, closed at the end. Raises HeadwaterError (unreachable)."""
    gateway = Gateway(gateway_url)
    try:
        with gateway.session(_PROPERTIES) as session:
            session.execute(create_catalog(file_uri(lake)))
            yield Procedures(session)
    finally:
        gateway.close()
