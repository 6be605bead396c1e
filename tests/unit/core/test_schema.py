"""The JSON schemas that editors check the YAML files with."""

import re
from pathlib import Path

import pytest

from headwater.schema import FOLDER, schemas

PROJECT = Path(__file__).parents[3]
FILES = sorted((PROJECT / "warehouse").rglob("*.yaml"))


def test_the_committed_schemas_are_the_generated_ones():
    committed = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.json")}
    assert committed == schemas(), "run: python -m headwater.schema"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PROJECT)))
def test_each_file_of_the_reference_warehouse_names_its_schema(file: Path):
    named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", file.read_text(encoding="utf-8"))
    assert named
    schema = (file.parent / named[1]).resolve()
    if file.parent.name == "tests":
        assert schema == FOLDER / "fixture.json"
        return
    layers = {
        "ods": "ods-table",
        "dwd": "stream-table",
        "dm": "stream-table",
        "rpt": "report-table",
        "serving": "product",
        "dashboards": "dashboard",
    }
    assert schema == FOLDER / f"{layers.get(file.relative_to(PROJECT).parts[1], 'markets')}.json"


def test_a_duration_s_default_is_shown_as_it_is_written():
    assert '"default": "20s"' in schemas()["ods-table.json"]
