"""The markets that the simulator plays: who they are comes from `markets.yaml`, how they feel is made up here."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from headwater.model import Market
from headwater.problem import HeadwaterError

# A usual fare in each currency, in its hundredths: only the order of magnitude matters.
_USUAL_FARE = {
    "AUD": 24_00, "HKD": 95_00, "TWD": 260_00, "SGD": 18_00, "PHP": 240_00, "THB": 160_00, "VND": 62_000_00,
    "IDR": 48_000_00, "BDT": 310_00, "INR": 220_00, "BRL": 34_00, "USD": 19_00, "MXN": 125_00,
}  # fmt: skip

_CITIES = {
    "au": ("Sydney", "Melbourne", "Brisbane"),
    "hk": ("Hong Kong Island", "Kowloon", "New Territories"),
    "tw": ("Taipei", "Taichung", "Kaohsiung"),
    "sg": ("Singapore",),
    "ph": ("Manila", "Cebu", "Davao"),
    "th": ("Bangkok", "Chiang Mai", "Pattaya"),
    "vn": ("Hồ Chí Minh", "Hà Nội", "Đà Nẵng"),
    "id": ("Jakarta", "Surabaya", "Bandung", "Medan"),
    "bd": ("Dhaka", "Chattogram"),
    "in": ("Mumbai", "Delhi", "Bengaluru", "Chennai"),
    "br": ("São Paulo", "Rio de Janeiro", "Curitiba"),
    "us": ("New York", "Boston", "Philadelphia"),
    "mx": ("Ciudad de México", "Guadalajara", "Monterrey"),
}

AREAS_OF_A_CITY = 3

_WEIGHT = {"id": 1.6, "in": 1.6, "hk": 1.3, "vn": 1.3, "th": 1.2, "ph": 1.2, "br": 1.2, "sg": 0.8, "bd": 0.7, "au": 0.6}


@dataclass(frozen=True, slots=True)
class Trade:
    """How business goes in one market.

    Args:
        number: The market's place in the list; part of every id made there.
        market: Code, zone and currency, as declared.
        cities: Where orders are placed.
        usual_fare: In hundredths of the currency.
        weight: Orders relative to an average market.
    """

    number: int
    market: Market
    cities: tuple[str, ...]
    usual_fare: int
    weight: float

    def area(self, city: int, place: int) -> str:
        """The code of one of a city's areas, by their places in their lists: `sg-01`, `sg-02`, …"""
        return f"{self.market.code}-{city * AREAS_OF_A_CITY + place + 1:02d}"


def trades(markets: Iterable[Market]) -> tuple[Trade, ...]:
    """Play these markets. One that is not known here gets one city of its own name and an average fare."""
    return tuple(
        Trade(
            number=number,
            market=market,
            cities=_CITIES.get(market.code, (market.name,)),
            usual_fare=_USUAL_FARE.get(market.currency, 20_00),
            weight=_WEIGHT.get(market.code, 1.0),
        )
        for number, market in enumerate(markets)
    )


def read_markets(warehouse: Path) -> tuple[Market, ...]:
    """The markets that a warehouse folder declares.

    Only `markets.yaml` is read, so that the data keeps flowing while a model is being edited.
    Raises HeadwaterError when the file is missing or does not say name and zone.
    """
    import yaml

    file = warehouse / "markets.yaml"
    try:
        declared = yaml.safe_load(file.read_text(encoding="utf-8"))["markets"]
        return tuple(
            Market(code=str(code), name=said["name"], zone=ZoneInfo(said["zone"]), currency=said.get("currency", ""))
            for code, said in declared.items()
        )
    except FileNotFoundError as error:
        raise HeadwaterError(
            f"The simulator needs markets to play, and {file} does not exist.",
            next_command="name the folder: --warehouse PATH",
        ) from error
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError, ZoneInfoNotFoundError) as error:
        raise HeadwaterError(
            f"The simulator cannot read the markets in {file}: {type(error).__name__}: {error}",
            next_command="headwater validate",
        ) from error
