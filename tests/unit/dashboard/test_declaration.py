"""Mistakes in dashboards/*.yaml are told with their place, as those of tables are."""

import shutil
from pathlib import Path

import pytest

from headwater.loader import load
from headwater.problem import InvalidWarehouse

PROJECT = Path(__file__).parents[3]
GOOD = """\
title: Shop
description: What happens.
owner: shop-team
table: dm.kpi_minute
minute: minute_at
day: minute_day
dimensions:
  vehicle_type: {label: Vehicle}
measures:
  created: {label: Created, sum: created}
  rate: {label: Rate, ratio: [matched, created], unit: share}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "warehouse"
    shutil.copytree(PROJECT / "warehouse", root)
    shutil.rmtree(root / "dashboards", ignore_errors=True)
    (root / "dashboards").mkdir()
    return root


def declared(folder: Path, text: str, name: str = "shop.yaml") -> str:
    """What is wrong, or "" when nothing is."""
    (folder / "dashboards" / name).write_text(text)
    try:
        load(folder)
    except InvalidWarehouse as error:
        return str(error).replace(f"{folder}/", "")
    return ""


def test_a_dashboard_is_read_with_its_measures_in_order(folder: Path) -> None:
    assert declared(folder, GOOD) == ""
    (dashboard,) = load(folder).dashboards
    assert dashboard.name == "shop"
    assert [measure.name for measure in dashboard.measures] == ["created", "rate"]
    assert dashboard.columns == ("created", "matched")
    assert dashboard.market == "market"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("dm.kpi_minute", "dm.kpi_minutes", "dashboards/shop.yaml:4:8: there is no table dm.kpi_minutes"),
        ("sum: created", "sum: createt", "dashboards/shop.yaml:10:34: dm.kpi_minute has no column «createt»"),
        ("[matched, created]", "[matched, market]", "dashboards/shop.yaml:11:40: «market» of dm.kpi_minute is STRING"),
        ("minute: minute_at", "minute: created", "dashboards/shop.yaml:5:9: «created» of dm.kpi_minute is BIGINT"),
        ("  vehicle_type: {", "  vehicle: {", "dashboards/shop.yaml:8:3: dm.kpi_minute has no column «vehicle»"),
        ("  vehicle_type: {", "  market: {", "dashboards/shop.yaml:8:3: «market» stands for something else"),
        ("sum: created}", "sum: created, ratio: [matched, created]}", "a measure says either sum or ratio"),
        ("unit: share", "unit: shares", "«shares» is not one of count, money, seconds, share"),
        ("title: Shop\n", "", "the file lacks «title»"),
        ("ratio: [matched, created]", "ratio: [matched]", "a ratio names two columns"),
    ],
)
def test_a_mistake_is_told_with_its_place(folder: Path, old: str, new: str, said: str) -> None:
    assert said in declared(folder, GOOD.replace(old, new))


def test_a_file_of_another_name_is_refused_and_not_passed_over(folder: Path) -> None:
    assert "«Shop.yml» cannot be a dashboard's file" in declared(folder, GOOD, "Shop.yml")


def test_a_changed_dashboard_is_read_anew_past_the_cache(folder: Path, tmp_path: Path) -> None:
    declared(folder, GOOD)
    cache = tmp_path / "cache"
    assert load(folder, cache).dashboards[0].title == "Shop"
    (folder / "dashboards" / "shop.yaml").write_text(GOOD.replace("title: Shop", "title: Another shop"))
    assert load(folder, cache).dashboards[0].title == "Another shop"
