"""What an engine answers to every case; expressions and aggregates are packed into few statements."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from headwater.problem import HeadwaterError
from headwater.sqltype import SqlType
from headwater.stack import Stack
from tests.integration.engines.duck import Duck
from tests.integration.engines.flink import Flink, flink, write
from tests.integration.engines.suite import SAMPLES, Case, sorted_rows, tables
from tests.integration.paimon.flinkbatch import StatementFailed

FILTERS = {"expression": ("TRUE",), "aggregate": ("TRUE", "i IS NULL", "id > 99"), "query": ("",)}
"""Over which samples a case is asked: aggregates also over one row of NULLs, and over no row."""

_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """The types and the sorted rows of a case (of an aggregate for each filter), or the error."""

    types: tuple[SqlType, ...] = ()
    rows: Any = None
    error: str = ""


Answers = dict[str, Answer]
"""The answer to each case, by its SQL."""


def statement(case: Case, where: str = "TRUE") -> str:
    """A case as a SELECT of its own."""
    if case.kind == "query":
        return case.sql
    return f"SELECT {'id, ' if case.kind == 'expression' else ''}{case.sql} AS c FROM {SAMPLES} WHERE {where}"


def of_duckdb(duck: Duck, cases: Sequence[Case]) -> Answers:
    """DuckDB's answers, one by one: it takes milliseconds for each."""
    return {case.sql: _duckdb(duck, case) for case in cases}


def _duckdb(duck: Duck, case: Case) -> Answer:
    try:
        found = [duck.translate(statement(case, where)) for where in FILTERS[case.kind]]
        rows = [sorted_rows(duck.rows(one)) for one in found]
    except (HeadwaterError, duckdb.Error) as error:
        return Answer(error=str(error))
    types = tuple(output.type for output in found[0].outputs)
    return Answer(types[-1:] if case.kind == "expression" else types, rows)


def of_flink(stack: Stack, mode: str, cases: Sequence[Case], folder: Path) -> Answers:
    """Flink's answers: those to expressions and aggregates together, each query and what must be refused alone."""
    able = [case for case in cases if case.runs_on(mode) and case.kind != "query"]
    alone = [case for case in cases if case not in able]
    known = tables()
    for table in known:
        write(table, folder)

    def of(part: Sequence[Case], packed: Sequence[Case]) -> Answers:
        with flink(stack, mode, known, folder) as engine:
            found = {case.sql: _alone(engine, case) for case in part}
            for kind, ask in (("expression", _expressions), ("aggregate", _aggregates)):
                chosen = [case for case in packed if case.kind == kind]
                found |= _together(chosen, lambda some, ask=ask: ask(engine, some))
        return found

    # A statement waits more than it works.
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        parts = [pool.submit(of, (), able), *(pool.submit(of, alone[n::_AT_ONCE], ()) for n in range(_AT_ONCE))]
        return {sql: answer for part in parts for sql, answer in part.result().items()}


def _together(cases: Sequence[Case], ask: Callable[[Sequence[Case]], Answers]) -> Answers:
    """Ask for all at once; when that fails, for halves, until the ones that fail are alone."""
    if not cases:
        return {}
    try:
        return ask(cases)
    except StatementFailed as error:
        if len(cases) == 1:
            return {cases[0].sql: Answer(error=str(error))}
    middle = len(cases) // 2
    return _together(cases[:middle], ask) | _together(cases[middle:], ask)


def _expressions(flink: Flink, cases: Sequence[Case]) -> Answers:
    types, rows = flink.expressions([case.sql for case in cases])
    return {
        case.sql: Answer((types[number],), [sorted_rows([[row, values[number]] for row, values in rows.items()])])
        for number, case in enumerate(cases)
    }


def _aggregates(flink: Flink, cases: Sequence[Case]) -> Answers:
    columns = ", ".join(f"{case.sql} AS c{number}" for number, case in enumerate(cases))
    found = [flink.select(f"SELECT {columns} FROM {SAMPLES} WHERE {where}") for where in FILTERS["aggregate"]]
    types = found[0][0]
    return {
        case.sql: Answer((types[number],), [sorted_rows([[row[number]] for row in rows]) for _, rows in found])
        for number, case in enumerate(cases)
    }


def _alone(flink: Flink, case: Case) -> Answer:
    try:
        found = [flink.select(statement(case, where)) for where in FILTERS[case.kind]]
    except StatementFailed as error:
        return Answer(error=str(error))
    return Answer(tuple(found[0][0]), [sorted_rows(rows) for _, rows in found])
