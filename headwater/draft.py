"""A table while it is being checked: its form, its file with places, its flows as analysed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from headwater.assemble import TableFormType, columns_of
from headwater.checks.kinds import SqlCheck
from headwater.declaration import EventTimeForm, ReportForm, SourceForm, StreamForm
from headwater.diagnostics import closest
from headwater.layout import Folder
from headwater.model import Column, Grain, TableName
from headwater.problem import Position, Problem
from headwater.query import Analysis
from headwater.yamlfile import YamlFile


@dataclass(frozen=True, slots=True)
class DraftFlow:
    """A flow's file and what its SELECT reads and gives."""

    name: str
    file: Path
    sql: str
    analysis: Analysis

    def problem(self, message: str, advice: str = "", column: str = "") -> Problem:
        """A mistake in this flow, at the place of an output column when one is named."""
        place = (self.analysis.places or {}).get(column) or Position(self.file)
        return Problem(place, message, advice)

    @property
    def is_sound(self) -> bool:
        """Its outputs are all known, so that what is missing is really missing."""
        return not self.analysis.problems


@dataclass(frozen=True, slots=True)
class Draft:
    """One table's declaration and flows. `sql_checks` has each file in checks/, by file name."""

    folder: Folder
    content: YamlFile
    form: TableFormType
    flows: tuple[DraftFlow, ...]
    sql_checks: Mapping[str, SqlCheck]
    columns: tuple[Column, ...]

    @classmethod
    def of(
        cls,
        folder: Folder,
        content: YamlFile,
        form: TableFormType,
        flows: tuple[DraftFlow, ...],
        sql_checks: Mapping[str, SqlCheck],
    ) -> "Draft":
        """A draft with its columns taken from the form."""
        return cls(folder, content, form, flows, sql_checks, columns_of(form))

    @property
    def name(self) -> TableName:
        """The table's name."""
        return self.folder.name

    @property
    def key(self) -> tuple[str, ...]:
        """The declared key; a report has none."""
        return () if isinstance(self.form, ReportForm) else self.form.key

    @property
    def partition_by(self) -> tuple[str, ...]:
        """The declared partition columns; a source has none."""
        return () if isinstance(self.form, SourceForm) else self.form.partition_by

    @property
    def grain(self) -> Grain:
        """How long a report's partitions are."""
        return Grain.MONTH if Grain.MONTH.column in self.partition_by else Grain.DAY

    @property
    def event_time(self) -> EventTimeForm | None:
        """What the table's event time goes by; a report has none."""
        return None if isinstance(self.form, ReportForm) else self.form.event_time

    def column(self, name: str) -> Column | None:
        """The declared column of this name."""
        return next((column for column in self.columns if column.name == name), None)

    def sequence(self, flow: str) -> str | None:
        """The sequence column of a flow."""
        setting = self.form.flows.get(flow) if isinstance(self.form, StreamForm) else None
        return setting.sequence if setting else None

    def at_key(self, *path: str | int, message: str, advice: str = "") -> Problem:
        """A mistake at a key of the YAML file."""
        return Problem(self.content.at_key(*path), message, advice)

    def at_value(self, *path: str | int, message: str, advice: str = "") -> Problem:
        """A mistake at a value of the YAML file."""
        return Problem(self.content.at_value(*path), message, advice)

    def unknown_column(self, name: str, *path: str | int) -> Problem:
        """A column is named that the table does not declare."""
        message = f"«{name}» is not a column of {self.name}"
        return self.at_value(*path, message=message, advice=closest(name, list(self.form.columns)))
