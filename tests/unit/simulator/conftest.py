"""The markets that the simulator's tests play."""

from zoneinfo import ZoneInfo

import pytest

from headwater.model import Market


@pytest.fixture(scope="session")
def markets() -> tuple[Market, ...]:
    """A zone without daylight saving, one with, a half-hour one, one in the southern hemisphere."""
    return (
        Market("hk", "Hong Kong", ZoneInfo("Asia/Hong_Kong"), "HKD"),
        Market("us", "United States", ZoneInfo("America/New_York"), "USD"),
        Market("in", "India", ZoneInfo("Asia/Kolkata"), "INR"),
        Market("au", "Australia", ZoneInfo("Australia/Sydney"), "AUD"),
    )
