from datetime import UTC, datetime

import pytest

from headwater.model import TableName
from headwater.parity.verdict import Parity, Verdict
from resources.checks.parity import is_fine


@pytest.mark.parametrize(
    ("verdict", "repair", "fine"),
    [
        (Verdict.EQUAL, False, True),
        (Verdict.LATE, False, False),
        # Late data does not stop coming while it is repaired: what the second look finds is the next look's work.
        (Verdict.LATE, True, True),
        (Verdict.WRONG, True, False),
        (Verdict.WRONG, False, False),
    ],
)
def test_late_data_fails_the_check_only_where_nothing_repairs_it(verdict: Verdict, repair: bool, fine: bool) -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    assert is_fine(Parity(TableName.parse("dm.counts"), verdict, "duckdb", 3, at, 9, at, 1.0), repair) is fine
