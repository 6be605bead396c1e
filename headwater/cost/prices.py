"""What a warehouse pays for CPU, state and storage."""

from dataclasses import dataclass

HOURS_A_MONTH = 8760 / 12
"""A month is a twelfth of a year of 365 days: 730 hours."""

GIGABYTE = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Prices:
    """The price table of prices.yaml.

    Args:
        currency: ISO 4217 code, or any word that people understand.
        cpu_hour: Of one CPU core in use for an hour.
        storage_gb_month: Of 10^9 bytes of tables for a month.
        state_gb_month: Of 10^9 bytes of checkpoints and savepoints for a month.
    """

    currency: str
    cpu_hour: float
    storage_gb_month: float
    state_gb_month: float
