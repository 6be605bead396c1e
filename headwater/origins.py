"""Which declared columns a value is made of.

What an expression reads to work its value out counts, the conditions of a CASE too. What chooses, groups or orders rows
does not: WHERE, GROUP BY, HAVING, JOIN … ON, ORDER BY, FILTER, EXISTS, the PARTITION BY and ORDER BY of OVER. COUNT(*)
is made of no column. OpenLineage calls that direct lineage, but for the conditions of a CASE, which it sets apart
(https://openlineage.io/docs/spec/facets/dataset-facets/column_lineage_facet/).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlglot import exp

from headwater.functions import UNIT_FIRST
from headwater.scope import Field, Origins, Relation

_VALUE_FIRST = (exp.Window, exp.Filter, exp.WithinGroup, exp.Order)


@dataclass(slots=True)
class Resolved:
    """What the names and queries inside expressions came to mean, by the identity of their node."""

    columns: dict[int, Field] = field(default_factory=dict)
    queries: dict[int, Relation] = field(default_factory=dict)

    def made_of(self, node: exp.Expr) -> Origins:
        """The declared columns that the value of an expression is made of."""
        if isinstance(node, exp.Column):
            column = self.columns.get(id(node))
            return column.made_of if column else None
        if id(node) in self.queries:
            fields = self.queries[id(node)].fields
            return fields[0].made_of if fields else None
        return united(map(self.made_of, _parts(node)))


def united(parts: Iterable[Origins]) -> Origins:
    """The columns of all parts; not known when those of one part are not."""
    found: Origins = frozenset()
    for part in parts:
        if part is None:
            return None
        found |= part
    return found


def _parts(node: exp.Expr) -> Iterable[exp.Expr]:
    """The parts of an expression whose values its own is worked out from."""
    if isinstance(node, _VALUE_FIRST):
        return (node.this,)
    if isinstance(node, exp.Exists):
        return ()
    if isinstance(node, exp.Anonymous) and node.name.upper() in UNIT_FIRST:
        return node.expressions[1:]
    return node.iter_expressions()
