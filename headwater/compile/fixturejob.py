"""A fixture as a part of a Flink job: what arrives in files, its table in a scratch lake, in a catalog of its own.

Several fixtures of a model share a job, as the INSERTs of one statement set; the author's SQL stays as written, and its
names are those of the fixture's own catalog, in which the view over it is made.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from headwater.compile import binding, text
from headwater.compile.batchjob import PROPERTIES
from headwater.compile.binding import Addresses
from headwater.compile.job import PARALLELISM, is_timed, properties, united
from headwater.model import ChangelogProducer, Column, Model, TableName
from headwater.sqltype import SqlType

CLOCK = "__watermark"
"""A column beside the declared ones: the watermark behind the row."""

_GIVEN, _ROWS = "__given", "__rows"
_SMALL_BUFFER = "4 mb"
_STREAMING = {
    "execution.runtime-mode": "streaming",
    # Rows are committed when the job has read everything; that waits for a checkpoint.
    "execution.checkpointing.interval": "200 ms",
    "state.backend.type": "hashmap",
    # Flink's assigner emits a watermark behind each row that raises it, not only now and then.
    "pipeline.auto-watermark-interval": "0 ms",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One fixture's part of a job.

    Args:
        bindings: Statements that make its catalog, tables and views.
        insert: Its INSERT.
    """

    bindings: tuple[str, ...]
    insert: str


def session_properties(model: Model, upstream: Callable[[TableName], Model], *, streaming: bool) -> dict[str, str]:
    """The properties of a session in which fixtures of this model run."""
    if not streaming:
        return dict(PROPERTIES)
    declared = {**dict(properties(model, upstream)), **PROPERTIES, **_STREAMING, PARALLELISM: "1"}
    # A source that is read to its end needs nobody to wait for it.
    return {key: value for key, value in declared.items() if key != "table.exec.source.idle-timeout"}


def compile_part(
    model: Model,
    upstream: Callable[[TableName], Model],
    catalog: str,
    given: Mapping[TableName, tuple[str, bool]],
    lake: str,
    calendar: tuple[str, Mapping[str, SqlType], str] | None = None,
) -> Part:
    """Compile one fixture.

    Args:
        catalog: Unique within the session.
        given: For each table that the model reads, the URI of a folder of records, and whether these are changes.
        lake: URI of an empty lake.
        calendar: For a report, the calendar's name, columns and folder.
    """
    timed = any(map(is_timed, model.flows)) and not model.is_report
    inputs = tuple(map(upstream, model.reads))
    statements = [
        f"CREATE CATALOG {text.identifier(catalog)} WITH ('type' = 'generic_in_memory')",
        f"USE CATALOG {text.identifier(catalog)}",
        *binding.databases((*inputs, model)),
    ]
    for table in inputs:
        statements += _read_folder(table, *given[table.name], timed=timed)
    if calendar is not None:
        statements += _read_calendar(*calendar)
    statements += binding.write_table(_quiet(model), Addresses(lake, "", is_scratch=True), model.name)
    rows = text.table(model.name, _ROWS)
    statements.append(f"CREATE TEMPORARY VIEW {rows} AS\n{united(model)}")
    columns = text.identifiers(column.name for column in model.columns)
    home = text.identifier(catalog)
    insert = f"INSERT INTO {home}.{text.table(model.name)} ({columns}) SELECT {columns} FROM {home}.{rows}"
    return Part(tuple(statements), insert)


def statement_set(parts: tuple[Part, ...]) -> str:
    """One statement that runs all parts as one job."""
    return "EXECUTE STATEMENT SET BEGIN\n" + "".join(f"{part.insert};\n" for part in parts) + "END"


def _read_folder(table: Model, folder: str, changes: bool, *, timed: bool) -> tuple[str, ...]:
    clock = table.event_time if timed else None
    # As the jobs see it: a topic says nothing of NULL and has no key, a table has both.
    key = () if table.is_source else table.key
    columns = [_declared(column, is_key=column.name in key) for column in table.columns]
    if clock is not None:
        columns.append(f"  {text.identifier(CLOCK)} {table.column(clock.column).type}")
        columns.append(f"  WATERMARK FOR {text.identifier(clock.column)} AS {text.identifier(CLOCK)}")
    if key:
        columns.append(f"  PRIMARY KEY ({text.identifiers(key)}) NOT ENFORCED")
    form = "debezium-json" if changes else "json"
    physical = text.table(table.name, _GIVEN)
    selected = ", ".join(binding.as_selected(column, table.event_time, timed=timed) for column in table.columns)
    return (
        _folder(physical, columns, folder, form),
        f"CREATE TEMPORARY VIEW {text.table(table.name)} AS SELECT {selected} FROM {physical}",
    )


def _read_calendar(name: str, columns: Mapping[str, SqlType], folder: str) -> tuple[str, ...]:
    layer, table = name.split(".")
    listed = [f"  {text.identifier(column)} {kind}" for column, kind in columns.items()]
    return (
        f"CREATE DATABASE IF NOT EXISTS {text.identifier(layer)}",
        _folder(f"{text.identifier(layer)}.{text.identifier(table)}", listed, folder, "json"),
    )


def _folder(name: str, columns: list[str], folder: str, form: str) -> str:
    options = {
        "connector": "filesystem",
        "path": folder,
        "format": form,
        f"{form}.timestamp-format.standard": "ISO-8601",
    }
    return f"CREATE TEMPORARY TABLE {name} (\n" + ",\n".join(columns) + f"\n) WITH (\n{text.options(options)}\n)"


def _declared(column: Column, *, is_key: bool) -> str:
    return f"  {text.identifier(column.name)} {column.type}{' NOT NULL' if is_key else ''}"


def _quiet(model: Model) -> Model:
    """The same table, small, without a changelog of its own and without compaction: merged when it is read."""
    assert model.storage is not None
    lookup = model.storage.changelog is ChangelogProducer.LOOKUP
    options = (*model.storage.options, ("write-only", "true"), ("write-buffer-size", _SMALL_BUFFER))
    changelog = ChangelogProducer.NONE if lookup else model.storage.changelog
    return replace(model, storage=replace(model.storage, changelog=changelog, options=options))
