"""What an engine answers to every case: packed into few statements, so that hundreds of cases take seconds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from headwater.problem import HeadwaterError
from headwater.sqltype import SqlType
from tests.integration.engines.duck import Duck
from tests.integration.engines.flink import Flink
from tests.integration.engines.suite import SAMPLES, Case, sorted_rows
from tests.integration.paimon.flinkbatch import StatementFailed

FILTERS = {"expression": ("TRUE",), "aggregate": ("TRUE", "i IS NULL"), "query": ("",)}
"""Over which samples a case is asked: aggregates also over one row of NULLs."""

_QUERIES_IN_A_PACK = 16


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


def of_flink(flink: Flink, mode: str, cases: Sequence[Case], duck: Duck) -> Answers:
    """Flink's answers. What it must refuse is asked alone, all else together."""
    answers: Answers = {}
    for case in cases:
        if not case.runs_on(mode):
            answers[case.sql] = Answer(error=flink.refusal(statement(case)))
    able = [case for case in cases if case.runs_on(mode)]
    for kind, ask in (("expression", _expressions), ("aggregate", _aggregates)):
        answers |= _together([case for case in able if case.kind == kind], lambda part, ask=ask: ask(flink, part))
    queries = [case for case in able if case.kind == "query"]
    packed = [case for case in queries if case.runs_on("duckdb")]
    for case in queries:
        if case not in packed:
            answers |= _together([case], lambda part: _alone(flink, part))
    for start in range(0, len(packed), _QUERIES_IN_A_PACK):
        answers |= _together(packed[start : start + _QUERIES_IN_A_PACK], lambda part: _queries(flink, part, duck))
    return answers


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


def _alone(flink: Flink, cases: Sequence[Case]) -> Answers:
    types, rows = flink.select(cases[0].sql)
    return {cases[0].sql: Answer(tuple(types), [sorted_rows(rows)])}


def _queries(flink: Flink, cases: Sequence[Case], duck: Duck) -> Answers:
    asked = {str(number): (case.sql, duck.translate(case.sql).outputs) for number, case in enumerate(cases)}
    found = flink.queries(asked)
    return {
        case.sql: Answer(tuple(types), [sorted_rows(rows)])
        for case, (types, rows) in zip(cases, found.values(), strict=True)
    }
