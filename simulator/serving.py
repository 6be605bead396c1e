"""What must come of the measures that are served: budgets of campaigns, coupons of users, risk by the quarter hour."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from simulator.instant import MINUTE, iso, utc_day
from simulator.lifecycle import Redemption
from simulator.record import decimal

Row = dict[str, Any]

_QUARTER = 15 * MINUTE
_QUARTERS_OF_AN_HOUR = 4


@dataclass(slots=True)
class Coupons:
    """Adds up what was used and what came back."""

    _events: list[Redemption] = field(default_factory=list)

    def add(self, event: Redemption) -> None:
        """A coupon was used, or came back."""
        self._events.append(event)

    def events(self) -> tuple[Row, ...]:
        """`dwd.coupon_redemption`."""
        return tuple(
            {
                "market": each.market,
                "event_day": utc_day(each.occurred_at),
                "event_id": each.event_id,
                "campaign": each.campaign,
                "coupon_id": each.coupon_id,
                "user_id": each.user_id,
                "order_id": each.order_id,
                "action": each.action,
                "amount": decimal(each.amount),
                "occurred_at": iso(each.occurred_at),
            }
            for each in self._events
        )

    def budgets(self) -> tuple[Row, ...]:
        """`dm.coupon_budget`."""
        found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for each in self._events:
            row = found[each.market, each.campaign]
            row[each.action] += 1
            row["spent"] += each.amount if each.action == "redeemed" else -each.amount
        return tuple(
            {
                "market": market,
                "campaign": campaign,
                "redeemed": row["redeemed"],
                "returned": row["returned"],
                "spent": decimal(row["spent"]),
            }
            for (market, campaign), row in sorted(found.items())
        )

    def users(self) -> tuple[Row, ...]:
        """`dm.coupon_user`."""
        found: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
        for each in self._events:
            sign = 1 if each.action == "redeemed" else -1
            row = found[each.market, each.user_id]
            row["redemptions"] += sign
            row["amount"] += sign * each.amount
        return tuple(
            {"market": market, "user_id": user, "redemptions": row["redemptions"], "amount": decimal(row["amount"])}
            for (market, user), row in sorted(found.items())
        )


@dataclass(slots=True)
class Risk:
    """Counts somebody's orders by the quarter of an hour, and by the hour that ends with it.

    Args:
        who: The column with the user, or the driver.
        own: The column with the orders of the quarter.
    """

    who: str
    own: str
    _taken: dict[tuple[str, int], list[tuple[int, bool, bool]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, market: str, person: int, at: int, *, cancelled: bool, mismatched: bool) -> None:
        """An order that is this person's."""
        self._taken[market, person].append((at, cancelled, mismatched))

    def rows(self) -> tuple[Row, ...]:
        """The table's rows."""
        return tuple(
            row for (market, person), taken in sorted(self._taken.items()) for row in self._of(market, person, taken)
        )

    def _of(self, market: str, person: int, taken: list[tuple[int, bool, bool]]) -> list[Row]:
        rows: list[Row] = []
        for quarter in sorted({at - at % _QUARTER for at, _, _ in taken}):
            end = quarter + _QUARTER
            hour = [each for each in taken if end - _QUARTERS_OF_AN_HOUR * _QUARTER <= each[0] < end]
            rows.append(
                {
                    "quarter_day": utc_day(quarter),
                    "market": market,
                    self.who: person,
                    "quarter_at": iso(quarter),
                    self.own: sum(at >= quarter for at, _, _ in hour),
                    f"{self.own}_hour": len(hour),
                    "cancelled_hour": sum(cancelled for _, cancelled, _ in hour),
                    "mismatched_hour": sum(mismatched for _, _, mismatched in hour),
                }
            )
        return rows
