"""What a query reads and gives: tables, columns and types, worked out from the declared schemas without a cluster."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlglot import exp
from sqlglot.errors import ParseError

from headwater.diagnostics import Diagnostics, closest
from headwater.flinksql import InvalidSyntax, parse
from headwater.functions import RULES
from headwater.model import Origin, OutputColumn, TableName
from headwater.problem import Position, Problem
from headwater.relations import Relations, Schema
from headwater.reserved import RESERVED
from headwater.rowwise import is_row_by_row
from headwater.scope import Field, Relation, Unknown
from headwater.sqltype import NULL, SqlType


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a query reads and gives.

    Args:
        reads: The tables it reads, in order of appearance, each once. The calendar is not among them.
        outputs: Its columns, in order, as far as they are known.
        places: Where each output column stands, by name.
        time_columns: Upstream columns that windows go by, each with its table.
        calendars: The relations of the calendar that it joins (headwater.calendar.CALENDARS).
        row_by_row: Each row it gives comes from one row it reads, whatever the others are.
        made_of: For each of `outputs` the upstream columns that its values are made of; None where not worked out.
        problems: Every mistake found.
    """

    reads: tuple[TableName, ...] = ()
    outputs: tuple[OutputColumn, ...] = ()
    places: Mapping[str, Position] | None = None
    time_columns: tuple[Origin, ...] = ()
    calendars: tuple[str, ...] = ()
    row_by_row: bool = False
    made_of: tuple[tuple[Origin, ...] | None, ...] = ()
    problems: tuple[Problem, ...] = ()


def analyse(
    sql: str, file: Path, schema: Schema, *, may_read_calendar: bool = False, is_check: bool = False
) -> Analysis:
    """Analyse one SELECT. Raises nothing: every mistake is one of the answer's `problems`.

    Args:
        sql: The author's text.
        file: Where it stands, for the places of problems.
        schema: The columns of every table that can be read.
        may_read_calendar: The calendar is there too, as it is for reports.
        is_check: Only its rows count: its columns need no names and no known types.
    """
    found = Diagnostics(sql, file)
    tree = _only_select(found)
    if tree is None:
        return Analysis(problems=found.problems)
    _check_reserved(tree, found)
    relations = Relations(found, schema, may_read_calendar)
    relation = relations.query(tree, None)
    outputs, places = ((), {}) if is_check else _outputs(relation, found)
    return Analysis(
        tuple(relations.reads),
        outputs,
        places,
        tuple(relations.time_columns),
        tuple(relations.calendars),
        is_row_by_row(tree),
        _made_of(relation, outputs),
        found.problems,
    )


def _only_select(found: Diagnostics) -> exp.Expr | None:
    """The one SELECT in the text; what else it may hold is told by name."""
    try:
        trees = parse(found.sql)
    except InvalidSyntax as error:
        found.add(found.position(error.offset), str(error))
        return None
    except ParseError as error:
        found.add(Position(found.file), f"this is not Flink SQL: {error}")
        return None
    if not trees:
        found.add(Position(found.file), "the file has no statement", "Write one SELECT.")
    elif len(trees) > 1:
        found.add(_second_statement(found, trees[1]), "a second statement begins here", "Keep one SELECT.")
    elif not isinstance(trees[0], exp.Query):
        verb = type(trees[0]).__name__.upper()
        begin = found.position(len(found.sql) - len(found.sql.lstrip()))
        found.add(begin, f"this is not a SELECT but {verb}", _ADVICE.get(verb, ""))
    else:
        return trees[0]
    return None


def _second_statement(found: Diagnostics, tree: exp.Expr) -> Position:
    """The first word after the semicolon before a statement; of the tree itself only names have places."""
    names = found.place(tree)
    lines = found.sql.split("\n")
    before = "\n".join([*lines[: names.line - 1], lines[names.line - 1][: names.column - 1]])
    after = before.rfind(";") + 1
    return found.position(after + len(found.sql[after:]) - len(found.sql[after:].lstrip()))


def _outputs(relation: Relation, found: Diagnostics) -> tuple[tuple[OutputColumn, ...], dict[str, Position]]:
    outputs: list[OutputColumn] = []
    places: dict[str, Position] = {}
    for field in relation.fields:
        place = found.place(field.node) if field.node is not None else Position(found.file)
        if not field.name:
            found.add(place, "this expression has no name", "Write AS <column> after it.")
        elif field.name in places:
            found.add(place, f"«{field.name}» is given twice", "Rename one by AS.")
        else:
            places[field.name] = place
            _check_known(field, found)
            if isinstance(field.type, SqlType):
                outputs.append(OutputColumn(field.name, field.type))
    return tuple(outputs), places


def _made_of(relation: Relation, outputs: tuple[OutputColumn, ...]) -> tuple[tuple[Origin, ...] | None, ...]:
    by_name = {field.name: field.made_of for field in reversed(relation.fields)}
    origins = (by_name[output.name] for output in outputs)
    return tuple(None if found is None else tuple(sorted(found)) for found in origins)


def _check_known(field: Field, found: Diagnostics) -> None:
    if field.type == NULL and field.node is not None:
        found.problem(field.node, "NULL alone has no type", "Write CAST(NULL AS …).")
    cause = field.type.cause if isinstance(field.type, Unknown) else None
    if cause is None:
        return
    name = cause.name.upper() if isinstance(cause, exp.Anonymous) else ""
    meant = closest(name, RULES) if name and name not in RULES else ""
    called = f"{name}(…)" if name else "this expression"
    advice = f"Wrap it in CAST(… AS …){f', unless it is misspelt. {meant}' if meant else '.'}"
    found.problem(cause, f"the type of {called} is not known", advice)


def _check_reserved(tree: exp.Expr, found: Diagnostics) -> None:
    """sqlglot takes many words as names that Flink does not."""
    for name in tree.find_all(exp.Identifier):
        if not name.quoted and name.name.upper() in RESERVED:
            advice = f"Put it in backticks: `{name.name}`."
            found.problem(name, f"«{name.name}» is a word that Flink SQL keeps for itself", advice)


_ADVICE = {"INSERT": "Leave INSERT INTO out: the platform writes it."}
