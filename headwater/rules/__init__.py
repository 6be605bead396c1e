"""What must hold of a warehouse beyond the form of each file. A rule is a function that gives problems."""

from collections.abc import Iterator, Mapping

from headwater.draft import Draft
from headwater.model import TableName
from headwater.problem import Problem
from headwater.rules import checks, distribution, flows, jobs, promises, tables, warehouse

__all__ = ["broken_rules"]


def broken_rules(drafts: Mapping[TableName, Draft], markets: int | None) -> Iterator[Problem]:
    """Every broken rule.

    Args:
        drafts: The tables whose YAML could be read.
        markets: How many markets are declared; None when markets.yaml could not be read.
    """
    for draft in drafts.values():
        yield from tables.broken_rules(draft)
        yield from flows.broken_rules(draft)
        yield from jobs.broken_rules(draft)
    yield from checks.broken_rules(drafts)
    yield from distribution.broken_rules(drafts)
    yield from warehouse.broken_rules(drafts, markets)
    yield from promises.broken_rules(drafts)
