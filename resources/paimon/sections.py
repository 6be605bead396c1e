"""Which rows of a key table's files can meet each other, told from the files' key ranges alone.

As Paimon's MergeTreeSplitGenerator and MergeFileSplitRead: files are cut into sections whose key ranges do not touch;
within a section they are sorted runs, in each of which a key occurs once. Only a section of several runs is merged.
"""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from resources.paimon.datafiles import DataFile

_ORDERED_ALIKE = (str, int, bool, Decimal, date)
"""Python's order of these values is Paimon's. Strings: code points and UTF-8 bytes are in the same order."""


@dataclass(frozen=True, slots=True)
class Section:
    """Files whose keys may meet, oldest run first.

    Args:
        runs: Of each run a key occurs once at most; every row of a run is older than every row of the next.
    """

    runs: tuple[tuple[DataFile, ...], ...]

    @property
    def levels(self) -> int:
        """Levels above 0 that have a file here."""
        return len({file.level for run in self.runs for file in run if file.level > 0})


class Disordered(ValueError):
    """Rows of two runs may have the same sequence number, or the newer run older rows: files alone tell no order."""


def sections(files: Sequence[DataFile]) -> tuple[Section, ...]:
    """The sections of one split's files. Raises Disordered when a section's runs cannot be put in order."""
    if not all(_comparable(value) for file in files for value in (*file.least_key, *file.greatest_key)):
        return (Section(_runs(files)),)
    found: list[list[DataFile]] = []
    bound: tuple[Any, ...] | None = None
    for file in sorted(files, key=lambda file: (file.least_key, file.greatest_key)):
        if bound is None or file.least_key > bound:
            found.append([])
            bound = file.greatest_key
        found[-1].append(file)
        bound = max(bound, file.greatest_key)
    return tuple(Section(_runs(section)) for section in found)


def _comparable(value: object) -> bool:
    return isinstance(value, _ORDERED_ALIKE)


def _runs(files: Sequence[DataFile]) -> tuple[tuple[DataFile, ...], ...]:
    """A level above 0 is a run, and each file of level 0 is one."""
    by_level: dict[tuple[int, str], list[DataFile]] = defaultdict(list)
    for file in files:
        by_level[file.level, file.path if file.level == 0 else ""].append(file)
    runs = sorted(by_level.values(), key=lambda run: min(file.first_sequence for file in run))
    for older, newer in itertools.pairwise(runs):
        if max(file.last_sequence for file in older) >= min(file.first_sequence for file in newer):
            raise Disordered("rows of two writers may have the same sequence number")
    return tuple(tuple(run) for run in runs)
