"""What became of the rows of an edited version that was restored, held against the same version run afresh."""

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from benchmarks.corpus import Version
from headwater.verdict.verdict import Outcome

Rows = list[dict[str, Any]]


class Reality(StrEnum):
    """What became of the rows."""

    SAME = "same rows"
    LATER = "later rows right"
    WRONG = "wrong rows"
    REFUSED = "refused"

    def bears_out(self, verdict: Outcome) -> bool:
        """The verdict said just this."""
        return (
            self
            in {
                Outcome.UNCHANGED: {Reality.SAME},
                Outcome.COMPATIBLE: {Reality.SAME},
                Outcome.MEANING_CHANGES: {Reality.LATER},
                Outcome.REBUILD: {Reality.WRONG, Reality.REFUSED},
                Outcome.INCOMPATIBLE: {Reality.REFUSED},
            }[verdict]
        )


def compared(
    version: Version, before_rows: Rows, start_rows: Rows, there_rows: Rows, wanted_rows: Rows
) -> tuple[Reality, str]:
    """What the rows came to, and how they differ.

    Args:
        version: The edited version.
        before_rows: What the old version had written before the edit.
        start_rows: What the new one, run afresh, had written by then.
        there_rows: What the restored job has written in the end.
        wanted_rows: What the fresh one has.
    """
    columns = tuple(version.columns)
    before, start, there, wanted = (
        _values(rows, columns) for rows in (before_rows, start_rows, there_rows, wanted_rows)
    )
    if Counter(there) == Counter(wanted):
        return Reality.SAME, ""
    if not version.key:
        written, expected = Counter(there) - Counter(before), Counter(wanted) - Counter(start)
        return (Reality.LATER, "") if written == expected else (Reality.WRONG, _difference(written, expected))
    for group in _written_together(version):
        places = [columns.index(name) for name in group]
        keys = [columns.index(name) for name in version.key]
        wrong = _wrong(*(_by_key(rows, keys, places) for rows in (before, start, there, wanted)))
        if wrong:
            return Reality.WRONG, "; ".join(wrong[:3])
    return Reality.LATER, ""


def _written_together(version: Version) -> list[tuple[str, ...]]:
    """The columns of each fact of a partial update; all columns of any other table."""
    if any("sequence" in flow for flow in version.flows.values()):
        return [tuple(name for name in names if name not in version.key) for names in version.given.values()]
    return [tuple(version.columns)]


_Parts = Mapping[tuple[Any, ...], tuple[Any, ...]]


def _wrong(before: _Parts, start: _Parts, there: _Parts, wanted: _Parts) -> list[str]:
    """The keys that either job wrote after the edit, and that are not as the fresh one has them."""
    return [
        f"{key}: {there.get(key)}, not {wanted.get(key)}"
        for key in sorted({*before, *start, *there, *wanted}, key=str)
        if (start.get(key) != wanted.get(key) or before.get(key) != there.get(key))
        and there.get(key) != wanted.get(key)
    ]


def _values(rows: Rows, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    return [tuple(row.get(column) for column in columns) for row in rows]


def _by_key(rows: list[tuple[Any, ...]], keys: Sequence[int], places: Sequence[int]) -> _Parts:
    parts = {tuple(row[key] for key in keys): tuple(row[place] for place in places) for row in rows}
    return {key: part for key, part in parts.items() if any(value is not None for value in part)}


def _difference(written: Counter[tuple[Any, ...]], expected: Counter[tuple[Any, ...]]) -> str:
    more, less = written - expected, expected - written
    return f"{sum(more.values())} rows too many {list(more)[:2]}, {sum(less.values())} missing {list(less)[:2]}"
