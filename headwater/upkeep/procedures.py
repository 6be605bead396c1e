"""What upkeep asks of the engine that knows the lake's format."""

from datetime import datetime, timedelta
from typing import Protocol

from headwater.model import TableName


class LakeProcedures(Protocol):
    """Paimon's procedures. Each call may raise HeadwaterError, with the engine's last cause."""

    def expire_snapshots(self, table: TableName, older_than: datetime, retain: int, most: int) -> int:
        """Expire snapshots from before a moment, all but the newest `retain`, at most `most`; give how many went."""
        ...

    def expire_tags(self, table: TableName) -> None:
        """Expire tags that were made to last for a time which is over."""
        ...

    def delete_tag(self, table: TableName, tag: str) -> None:
        """Delete a tag, with the files that only it holds."""
        ...

    def orphans(self, table: TableName, older_than: datetime, *, dry_run: bool) -> tuple[int, int]:
        """Remove files from before a moment that nobody needs, or count them; give their number and bytes."""
        ...

    def compact(self, table: TableName, kept: timedelta) -> None:
        """Compact a table, and keep its snapshots for so long; returns when that is committed."""
        ...
