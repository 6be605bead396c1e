"""What all jobs of a stack may take together before the autoscaler takes no more, in slots and in money."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass

from headwater.load import Slots
from headwater.problem import HeadwaterError

SLOTS_VARIABLE = "HEADWATER_AUTOSCALE_SLOTS"
COST_VARIABLE = "HEADWATER_AUTOSCALE_COST_PER_HOUR"
PRICE_VARIABLE = "HEADWATER_SLOT_PRICE_PER_HOUR"


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What the jobs of a stack may take together as far as the autoscaler is concerned. None: no limit.

    Args:
        slots: Task slots.
        cost: An hour, in the currency of the price.
        price: Of one slot for an hour.
    """

    slots: int | None = None
    cost: float | None = None
    price: float | None = None

    @classmethod
    def resolve(cls, environment: Mapping[str, str] = os.environ) -> "Ceiling":
        """The ceiling that the environment sets.

        Raises HeadwaterError for a value that is no number, and for a cost without a price.
        """
        slots = _number(environment, SLOTS_VARIABLE)
        cost, price = _number(environment, COST_VARIABLE), _number(environment, PRICE_VARIABLE)
        if cost is not None and not price:
            raise HeadwaterError(
                f"{COST_VARIABLE} is set and {PRICE_VARIABLE} is not, so nothing can be said of the cost of a slot",
                next_command=f"set {PRICE_VARIABLE} above 0, or unset {COST_VARIABLE}",
            )
        return cls(None if slots is None else int(slots), cost, price)

    @property
    def most(self) -> int | None:
        """The slots that jobs may hold together."""
        limits = [] if self.slots is None else [self.slots]
        if self.cost is not None and self.price:
            # A price such as 0.1 has no exact value: three slots for 0.3 are three.
            limits.append(math.floor(self.cost / self.price + 1e-9))
        return min(limits, default=None)

    def room(self, slots: Slots) -> int:
        """How many slots more a job may take now."""
        return slots.free if self.most is None else max(min(slots.free, self.most - slots.used), 0)

    def __str__(self) -> str:
        texts = [] if self.slots is None else [f"{self.slots} slots"]
        if self.cost is not None:
            texts.append(f"{self.cost:g} an hour at {self.price:g} a slot")
        return " and ".join(texts) or "none"


def _number(environment: Mapping[str, str], name: str) -> float | None:
    text = environment.get(name)
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < math.inf:
        raise HeadwaterError(f"{name}={text} is not a number from 0", next_command=f"unset {name}")
    return number
