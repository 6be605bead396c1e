"""Every mistake a person can make in a warehouse, and exactly what is said of it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

MISTAKES = yaml.safe_load((Path(__file__).parent / "mistakes.yaml").read_text(encoding="utf-8"))


def test_the_sound_warehouse_has_no_problem(sensors):
    assert sensors.problems() == []


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake["name"])
def test_a_mistake_is_told_with_its_place_and_what_to_do(sensors, mistake: dict[str, Any]):
    for edit in mistake["edits"]:
        if "replace" in edit:
            sensors.replace(edit["file"], edit["replace"], edit["by"])
        elif edit["is"] is None:
            sensors.remove(edit["file"])
        else:
            sensors.write(edit["file"], edit["is"])
    assert sensors.problems() == mistake["problems"]


def test_mistakes_in_many_files_are_told_in_one_go(sensors):
    sensors.replace("markets.yaml", "Europe/Helsinki", "Europe/Nowhere")
    sensors.replace("ods/readings/table.yaml", "DOUBLE", "TEXT")
    sensors.replace("dm/warmth/select.sql", "COUNT(*)", "COUNT(")
    sensors.replace("dwd/sensors/from_places.sql", "place", "plaec")
    files = {problem.partition(":")[0] for problem in sensors.problems()}
    assert files == {"markets.yaml", "ods/readings/table.yaml", "dm/warmth/select.sql", "dwd/sensors/from_places.sql"}


def test_a_table_that_cannot_be_read_is_not_blamed_on_its_readers(sensors):
    sensors.replace("dwd/sensors/table.yaml", "type: DOUBLE", "type: TEXT")
    assert sensors.problems() == ["dwd/sensors/table.yaml:8:19: «TEXT» is not a type that Flink knows"]


def test_a_file_that_is_not_utf8_is_named(sensors):
    (sensors.root / "dm/warmth/select.sql").write_bytes(b"SELECT '\xff'")
    assert "dm/warmth/select.sql:1:1: this file is not UTF-8 text (byte 8)\n    Save it as UTF-8." in sensors.problems()


def test_an_empty_folder_says_how_to_begin(sensors):
    for file in sensors.root.rglob("*.*"):
        if file.is_file():
            file.unlink()
    for folder in sorted((p for p in sensors.root.rglob("*")), reverse=True):
        folder.rmdir()
    assert sensors.problems() == [".:1:1: there is no table in this folder\n    Begin with ods/<name>/table.yaml."]
