"""A filled store and the API over it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.serving.shop import GLOBAL, PLAIN, SURCHARGE, Shop

ROWS: dict[tuple[str, ...], str] = {
    ("sg", "sg-01", "1"): "1.25",
    ("sg", "sg-01", "2"): "1.50",
    ("sg", "sg-02", "1"): "1.00",
    ("sgx", "a", "1"): "9.00",
    ("hk", "a/b ü", "-3"): "2.00",
}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    found = Shop(tmp_path)
    for product in (SURCHARGE, PLAIN):
        found.serve(product, ROWS)
    found.serve(GLOBAL, {("1",): "1.00"})
    yield found
    found.close()
