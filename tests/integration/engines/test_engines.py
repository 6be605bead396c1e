"""One SQL, three engines: every case gives the same rows in DuckDB, Flink batch and Flink streaming, or is a gap."""

from collections.abc import Iterator, Mapping

import pytest

from headwater.stack import Stack
from tests.integration.engines.answers import Answer, Answers, of_duckdb, of_flink
from tests.integration.engines.duck import Duck
from tests.integration.engines.suite import ENGINES, Case, cases, sorted_rows, tables

CASES = cases()


@pytest.fixture(scope="module")
def answers(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Answers]]:
    """What each engine answers to all cases."""
    found = {"duckdb": of_duckdb(Duck(tables()), CASES)}
    for mode in ("batch", "streaming"):
        found[mode] = of_flink(stack, mode, CASES, tmp_path_factory.mktemp(mode))
    yield found


def test_there_are_many_cases_each_of_its_own():
    assert len(CASES) >= 150
    assert len({case.sql for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_engine_gives_the_same_or_fails_as_declared(answers: Mapping[str, Answers], case: Case):
    given = {engine: answers[engine][case.sql] for engine in ENGINES}
    for engine, answer in given.items():
        if case.runs_on(engine):
            assert answer.error == "", f"{engine} fails: {answer.error[-2000:]}"
        else:
            assert case.gaps[engine] in answer.error, f"{engine} runs it, or fails otherwise: {answer}"
    alike = {engine: answer for engine, answer in given.items() if case.runs_on(engine)}
    for engine, wanted in case.differs.items():
        assert alike.pop(engine).rows == [sorted_rows(wanted)]
    if alike and not case.unstable:
        _assert_alike(case, alike)


def test_a_stream_gives_no_aggregate_of_no_row(answers: Mapping[str, Answers]):
    given = [answers["streaming"][case.sql] for case in CASES if case.kind == "aggregate" and case.runs_on("streaming")]
    assert given
    assert all(answer.rows[-1] == [] for answer in given)


def _assert_alike(case: Case, answers: Mapping[str, Answer]) -> None:
    (first, expected), *others = answers.items()
    for engine, answer in others:
        assert answer.types == expected.types, f"types of {engine} against {first}"
        # The last are those over no row, of which a stream gives nothing: see the test above.
        said = slice(-1) if case.kind == "aggregate" and engine == "streaming" else slice(None)
        assert answer.rows[said] == expected.rows[said], f"rows of {engine} against {first}"


def test_the_rows_say_something(answers: Mapping[str, Answers]):
    """A suite over empty tables would agree as well."""
    empty = [case.name for case in CASES if case.kind == "query" and answers["duckdb"][case.sql].rows == [[]]]
    assert empty == ["NOT IN a query with NULLs", "groups of no row"]
