"""The price table of a warehouse."""

from headwater.cost.prices import Prices
from headwater.loader import load

FILE = "currency: EUR\ncpu_hour: 0.04\nstorage_gb_month: 0.023\nstate_gb_month: 1\n"


def test_a_warehouse_without_a_price_table_has_no_prices(sensors):
    assert load(sensors.root).prices is None


def test_prices_are_read(sensors):
    sensors.write("prices.yaml", FILE)
    assert load(sensors.root).prices == Prices("EUR", 0.04, 0.023, 1.0)


def test_a_changed_price_is_read_in_spite_of_the_cache(sensors, tmp_path):
    sensors.write("prices.yaml", FILE)
    load(sensors.root, tmp_path / "cache")
    sensors.write("prices.yaml", FILE.replace("0.04", "0.0425"))
    prices = load(sensors.root, tmp_path / "cache").prices
    assert prices is not None
    assert prices.cpu_hour == 0.0425
