"""How much the autoscaler may take, as the environment says."""

import pytest

from headwater.ceiling import Ceiling
from headwater.load import Slots
from headwater.problem import HeadwaterError


@pytest.mark.parametrize(
    ("environment", "most", "told"),
    [
        ({}, None, "none"),
        ({"HEADWATER_AUTOSCALE_SLOTS": "12"}, 12, "12 slots"),
        (
            {"HEADWATER_AUTOSCALE_COST_PER_HOUR": "0.3", "HEADWATER_SLOT_PRICE_PER_HOUR": "0.1"},
            3,
            "0.3 an hour at 0.1 a slot",
        ),
        (
            {
                "HEADWATER_AUTOSCALE_SLOTS": "2",
                "HEADWATER_AUTOSCALE_COST_PER_HOUR": "1",
                "HEADWATER_SLOT_PRICE_PER_HOUR": "0.25",
            },
            2,
            "2 slots and 1 an hour at 0.25 a slot",
        ),
        ({"HEADWATER_SLOT_PRICE_PER_HOUR": "0.25"}, None, "none"),
    ],
)
def test_the_ceiling_is_the_lower_of_slots_and_cost(environment: dict[str, str], most: int | None, told: str) -> None:
    ceiling = Ceiling.resolve(environment)
    assert ceiling.most == most
    assert str(ceiling) == told
    assert ceiling.room(Slots(free=6, total=16)) == (6 if most is None else max(most - 10, 0))


def test_there_is_no_room_below_a_ceiling_that_is_reached() -> None:
    assert Ceiling(12).room(Slots(free=6, total=16)) == 2
    assert Ceiling(12).room(Slots(free=1, total=16)) == 0


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"HEADWATER_AUTOSCALE_SLOTS": "many"}, "HEADWATER_AUTOSCALE_SLOTS=many is not a number from 0"),
        ({"HEADWATER_AUTOSCALE_SLOTS": "-1"}, "HEADWATER_AUTOSCALE_SLOTS=-1 is not a number from 0"),
        (
            {"HEADWATER_AUTOSCALE_COST_PER_HOUR": "3"},
            "HEADWATER_AUTOSCALE_COST_PER_HOUR is set and HEADWATER_SLOT_PRICE_PER_HOUR is not, so nothing can be said "
            "of the cost of a slot",
        ),
    ],
)
def test_a_ceiling_that_means_nothing_is_told(environment: dict[str, str], told: str) -> None:
    with pytest.raises(HeadwaterError) as raised:
        Ceiling.resolve(environment)
    assert raised.value.failed == told
