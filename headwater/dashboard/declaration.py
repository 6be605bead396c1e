"""The form of `dashboards/<name>.yaml`, and what only the tables can say about it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from headwater.dashboard.dashboard import Dashboard, Dimension, Good, Measure, Unit
from headwater.declaration import Form, Names, Text
from headwater.diagnostics import closest
from headwater.model import TableName
from headwater.problem import Position, Problem
from headwater.relations import Schema
from headwater.tablefile import read_form
from headwater.yamlfile import YamlFile

RESERVED = ("market", "against", "measure", "span", "screen", "rotate", "theme")
"""Words that addresses of pages use for something else than a dimension."""

_NUMBERS = ("TINYINT", "SMALLINT", "INT", "BIGINT", "DECIMAL", "FLOAT", "DOUBLE")
_INSTANTS = ("TIMESTAMP_LTZ", "TIMESTAMP")


class DimensionForm(Form):
    """A column that people filter and split by."""

    label: Text = Field(description="How people call it.")


class MeasureForm(Form):
    """A number that is shown: a sum, or a ratio of two sums."""

    label: Text = Field(description="How people call it.")
    sum: str | None = Field(default=None, description="The column that is summed.")
    ratio: Names | None = Field(
        default=None, description="Two columns: the sum of the first is divided by the sum of the second."
    )
    unit: Literal["count", "money", "seconds", "share"] = Field(
        default="count",
        description="money: in the market's currency, never summed over two of them. share: shown in percent.",
    )
    good: Literal["up", "down", "neither"] = Field(default="up", description="Which direction is good news.")
    description: str = Field(default="", description="What the number means.")

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.sum is None) == (self.ratio is None):
            raise ValueError("a measure says either sum or ratio")
        if self.ratio is not None and len(self.ratio) != 2:
            raise ValueError("a ratio names two columns: what is divided, and by what")
        return self


class DashboardForm(Form):
    """dashboards/<name>.yaml: what a dashboard shows of a table with a row for each market, slice and minute."""

    title: Text = Field(description="Its name, for people.")
    description: Text = Field(description="What it is for.")
    owner: Text = Field(description="Who answers questions about it.")
    table: str = Field(description="The table, as dm.kpi_minute.")
    minute: str = Field(description="Its column with the minute's first instant: TIMESTAMP_LTZ.")
    day: str = Field(
        default="", description="Its column with the minute's UTC date, by which it is partitioned: less is read then."
    )
    market: str = Field(default="market", description="Its column with the market's code.")
    dimensions: dict[str, DimensionForm] = Field(default_factory=dict, description="Further columns it is split by.")
    measures: dict[str, MeasureForm] = Field(min_length=1, description="What is shown, the most important first.")


def read_dashboard(file: Path, text: str, tables: Schema) -> tuple[Dashboard | None, list[Problem]]:
    """Read one file, and hold it against the tables. None when there are problems."""
    content, form, problems = read_form(file, text, DashboardForm)
    if form is None:
        return None, problems
    problems += _broken(content, form, tables)
    return (None, problems) if problems else (_dashboard(file, form), [])


def _dashboard(file: Path, form: DashboardForm) -> Dashboard:
    return Dashboard(
        name=file.stem,
        file=file,
        title=form.title,
        description=form.description,
        owner=form.owner,
        table=TableName.parse(form.table),
        minute=form.minute,
        market=form.market,
        day=form.day,
        dimensions=tuple(Dimension(name, dimension.label) for name, dimension in form.dimensions.items()),
        measures=tuple(_measure(name, measure) for name, measure in form.measures.items()),
    )


def _measure(name: str, form: MeasureForm) -> Measure:
    column, per = form.ratio or (form.sum or "", "")
    return Measure(name, form.label, column, per, Unit(form.unit), Good(form.good), form.description)


def _broken(content: YamlFile, form: DashboardForm, tables: Schema) -> Iterator[Problem]:
    names = {str(name): name for name in tables}
    if form.table not in names:
        place, known = content.at_value("table"), closest(form.table, names) or "It must be a table of this warehouse."
        yield Problem(place, f"there is no table {form.table}", known)
        return
    declared = tables[names[form.table]]
    for name in form.dimensions:
        if name in RESERVED:
            yield Problem(
                content.at_key("dimensions", name),
                f"«{name}» stands for something else in the addresses of pages",
                f"Give the table's column another name than {', '.join(RESERVED)}.",
            )
    if declared is None:
        return
    columns = {column.name: column for column in declared}
    for column, kinds, place in _needed(content, form):
        if column not in columns:
            yield Problem(place, f"{form.table} has no column «{column}»", closest(column, columns))
        elif columns[column].type.root not in kinds:
            wanted = ", ".join(kinds)
            yield Problem(place, f"«{column}» of {form.table} is {columns[column].type}; it must be {wanted}", "")


def _needed(content: YamlFile, form: DashboardForm) -> Iterator[tuple[str, tuple[str, ...], Position]]:
    """Each (column, the kinds that it may be of, where it stands)."""
    yield form.minute, _INSTANTS, content.at_value("minute")
    yield form.market, ("STRING", "VARCHAR", "CHAR"), content.at_value("market")
    if form.day:
        yield form.day, ("DATE",), content.at_value("day")
    for name in form.dimensions:
        yield name, ("STRING", "VARCHAR", "CHAR", "INT", "BIGINT", "BOOLEAN"), content.at_key("dimensions", name)
    for name, measure in form.measures.items():
        if measure.sum is not None:
            yield measure.sum, _NUMBERS, content.at_value("measures", name, "sum")
        for index, column in enumerate(measure.ratio or ()):
            yield column, _NUMBERS, content.at_value("measures", name, "ratio", index)
