"""What each asset uses, and what that comes to in a month."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from headwater.cost.prices import GIGABYTE, HOURS_A_MONTH, Prices
from headwater.cost.share import Pace
from headwater.footprint import Footprint
from headwater.model import TableName

CPU_SECONDS = "headwater/cpu_seconds"
"""Metadata of a report's materialization: what its run used."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a table and what makes it use.

    Args:
        model: The table.
        cpu: Of its job, or of its runs; None when it is not known.
        state_bytes: Of the job's newest checkpoint, whole.
        kept_bytes: Of all that is kept of its state: checkpoints, savepoints, compiled plans.
        table: Its files; None when it has not been made yet.
    """

    model: TableName
    cpu: Pace | None
    state_bytes: int
    kept_bytes: int
    table: Footprint | None

    @property
    def cores(self) -> float:
        """CPU cores in use, on average."""
        return self.cpu.per_second if self.cpu else 0.0

    @property
    def table_bytes(self) -> int:
        """Of all files of the table."""
        return self.table.bytes if self.table else 0


@dataclass(frozen=True, slots=True)
class Charge:
    """Money a month, at the present rate of use."""

    cpu: float
    storage: float
    state: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.cpu + self.storage + self.state


@dataclass(frozen=True, slots=True)
class Overhead:
    """A process that works for all assets together. `cores` is what it used on average since it started."""

    process: str
    cores: float


@dataclass(frozen=True, slots=True)
class Bill:
    """What a warehouse costs.

    Args:
        at: When it was measured.
        assets: The dearest first; without prices, the one with the most CPU first.
        overhead: What no single asset can be charged with.
        prices: None when the warehouse has none.
    """

    at: datetime
    assets: tuple[Usage, ...]
    overhead: tuple[Overhead, ...]
    prices: Prices | None

    def charge(self, usage: Usage) -> Charge | None:
        """What an asset costs a month; None without prices."""
        return None if self.prices is None else charge(usage, self.prices)

    def cpu_share(self, usage: Usage) -> float:
        """An asset's share of the CPU of all assets, 0 to 1."""
        total = sum(each.cores for each in self.assets)
        return usage.cores / total if total else 0.0


def charge(usage: Usage, prices: Prices) -> Charge:
    """Money a month of 730 hours. State is charged by what is kept of it, tables by all their files."""
    return Charge(
        cpu=usage.cores * HOURS_A_MONTH * prices.cpu_hour,
        storage=usage.table_bytes / GIGABYTE * prices.storage_gb_month,
        state=usage.kept_bytes / GIGABYTE * prices.state_gb_month,
    )


def ranked(usages: Iterable[Usage], prices: Prices | None) -> tuple[Usage, ...]:
    """The dearest first; without prices the one with the most CPU, then the one with the most bytes."""

    def weight(usage: Usage) -> tuple[float, float, int]:
        money = charge(usage, prices).total if prices else 0.0
        return -money, -usage.cores, -(usage.table_bytes + usage.kept_bytes)

    return tuple(sorted(usages, key=weight))
