"""The corpus of edits: pairs of versions of one model, each with the verdict that is right.

A file of `edits/` has a `base` and the edits of it. An edit names what it changes; all else is as in the base.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from headwater.model import Column, TableName
from headwater.query import analyse
from headwater.sqltype import SqlType
from headwater.verdict.verdict import Outcome

FOLDER = Path(__file__).parent / "edits"
SUBJECT = TableName.parse("dwd.subject")
"""The model that every edit is made to."""

_SOURCES = "sources.yaml"
_FLOW = "select"


@dataclass(frozen=True)
class Version:
    """One version of the subject.

    Args:
        flows: SQL and, for a partial update, the sequence of each flow.
        key: The table's key; empty for a table that keeps every row.
        job: The job's settings, as in table.yaml.
        sources: The topics as this version declares them.
        columns: The table's columns with their types, those of the base first.
        given: The columns that each flow gives.
    """

    flows: Mapping[str, Mapping[str, str]]
    key: tuple[str, ...]
    job: Mapping[str, Any]
    sources: Mapping[str, Any]
    columns: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def write(self, folder: Path, suffix: str = "") -> None:
        """Write the version as a warehouse folder whose topics' names end with the suffix."""
        for name, source in self.sources.items():
            topic = {**source["topic"], "name": source["topic"]["name"] + suffix}
            _dump(folder / "ods" / name / "table.yaml", {"description": "x", "owner": "x", **source, "topic": topic})
        table: dict[str, Any] = {"description": "x", "owner": "x", "job": {"checkpoint_interval": "1s", **self.job}}
        table["columns"] = {name: {"type": type_} for name, type_ in self.columns.items()}
        table["flows"] = {
            name: {"sequence": flow["sequence"]} for name, flow in self.flows.items() if "sequence" in flow
        }
        if self.key:
            table["key"] = list(self.key)
        home = folder / str(SUBJECT.layer.value) / SUBJECT.table
        _dump(home / "table.yaml", table)
        for name, flow in self.flows.items():
            (home / f"{name}.sql").write_text(flow["sql"])


@dataclass(frozen=True)
class Edit:
    """One case: what was edited, and the verdict that is right."""

    group: str
    name: str
    verdict: Outcome
    before: Version
    after: Version

    @property
    def id(self) -> str:
        """`joins: a left join`."""
        return f"{self.group}: {self.name}"


@cache
def corpus() -> tuple[Edit, ...]:
    """Every edit, file by file. Raises ValueError for SQL that cannot be analysed."""
    sources = yaml.safe_load((FOLDER / _SOURCES).read_text())
    edits = []
    for file in sorted(FOLDER.glob("*.yaml")):
        if file.name == _SOURCES:
            continue
        content = yaml.safe_load(file.read_text())
        before = _version(content["base"], {}, sources, file)
        for said in content["edits"]:
            after = _version(content["base"], said, sources, file, before.columns)
            edits.append(Edit(file.stem, said["edit"], Outcome(said["verdict"]), before, after))
    return tuple(edits)


def _version(
    base: Mapping[str, Any],
    edit: Mapping[str, Any],
    sources: Mapping[str, Any],
    file: Path,
    columns: Mapping[str, str] | None = None,
) -> Version:
    said = {**base, **edit}
    if "sql" in edit or "flows" not in said:
        flows: Mapping[str, Any] = {_FLOW: {"sql": said["sql"]}}
    else:
        flows = {name: flow if isinstance(flow, dict) else {"sql": flow} for name, flow in said["flows"].items()}
    declared = {name: _merged(source, edit.get(name, {})) for name, source in sources.items()}
    outputs = {name: _columns(flow["sql"], declared, file) for name, flow in flows.items()}
    given: dict[str, str] = {}
    for types in outputs.values():
        given = {**types, **given}
    ordered = {name: given[name] for name in columns or {} if name in given}
    by_flow = {name: tuple(types) for name, types in outputs.items()}
    return Version(flows, tuple(said.get("key", ())), said.get("job", {}), declared, {**ordered, **given}, by_flow)


def _columns(sql: str, sources: Mapping[str, Any], file: Path) -> Mapping[str, str]:
    schema = {
        TableName.parse(f"ods.{name}"): tuple(
            Column(column, SqlType.parse(said["type"]), required=said.get("required", False))
            for column, said in source["columns"].items()
        )
        for name, source in sources.items()
    }
    analysis = analyse(sql, file, schema)
    if analysis.problems:
        raise ValueError("\n".join(map(str, analysis.problems)))
    return {output.name: str(output.type) for output in analysis.outputs}


def _merged(source: Mapping[str, Any], change: Mapping[str, Any]) -> Mapping[str, Any]:
    merged = {**source, **change}
    merged["columns"] = {**source["columns"], **change.get("columns", {})}
    return merged


def _dump(file: Path, content: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(dict(content), sort_keys=False))
