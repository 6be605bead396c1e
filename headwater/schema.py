"""JSON schemas of the YAML files, so that an editor completes and checks them: `python -m headwater.schema`.

An editor with yaml-language-server takes one by a first line `# yaml-language-server: $schema=…/ods-table.json`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headwater.alerts.declaration import AlertsForm
from headwater.dashboard.declaration import DashboardForm
from headwater.declaration import Form, MarketsForm, PricesForm, ReportForm, SourceForm, StreamForm
from headwater.fixtures.declaration import FixtureForm
from headwater.serving.declaration import ProductForm

FOLDER = Path(__file__).parent.parent / "docs" / "schemas"

FILES: Mapping[str, tuple[type[Form], str]] = {
    "ods-table.json": (SourceForm, "table.yaml of an ods table"),
    "stream-table.json": (StreamForm, "table.yaml of a dwd or dm table"),
    "report-table.json": (ReportForm, "table.yaml of an rpt table"),
    "markets.json": (MarketsForm, "markets.yaml"),
    "prices.json": (PricesForm, "prices.yaml"),
    "fixture.json": (FixtureForm, "a file of a model's tests/"),
    "alerts.json": (AlertsForm, "alerts.yaml"),
    "product.json": (ProductForm, "a file of serving/"),
    "dashboard.json": (DashboardForm, "a file of dashboards/"),
}


def schemas() -> dict[str, str]:
    """The text of each schema file, by its name."""
    return {name: _text(form, title) for name, (form, title) in FILES.items()}


def _text(form: type[Form], title: str) -> str:
    schema: dict[str, Any] = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **_without_titles(form.model_json_schema()),
        "title": title,
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _without_titles(node: Any) -> Any:
    """Without the titles that pydantic makes of names: an editor would show them in place of the descriptions."""
    if isinstance(node, dict):
        return {
            key: _without_titles(value) for key, value in node.items() if key != "title" or not isinstance(value, str)
        }
    return [_without_titles(item) for item in node] if isinstance(node, list) else node


def main() -> None:
    """Write the schema files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
