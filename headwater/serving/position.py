"""How far the data goes that is served of a product. It is stored with the rows, in one step."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Self


@dataclass(frozen=True, slots=True)
class Position:
    """The snapshot of the table that all rows of a product are from. Times are milliseconds since 1970.

    Args:
        snapshot: Paimon's id of it.
        committed_at: When it was committed; tells it from another one of this number.
        as_of: Event time up to which it has everything, as `headwater lag` reckons it: its watermark and the lateness
            that the table's sources are allowed. When it was committed, where the table has no watermark.
        shape: Of the product when it was stored (headwater.serving.product).
    """

    snapshot: int
    committed_at: int
    as_of: int
    shape: str

    def encode(self) -> bytes:
        """As it is stored."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, stored: bytes) -> Self:
        """What `encode` gave. Raises ValueError, KeyError or TypeError for anything else."""
        return cls(**json.loads(stored))


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return int(moment.timestamp() * 1000)


def instant(at: int) -> datetime:
    """The moment, in UTC."""
    return datetime.fromtimestamp(at / 1000, UTC)
