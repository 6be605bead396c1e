"""Functions whose value is the time at which they are computed: what they gave then cannot be computed again."""

from sqlglot import exp

from headwater.flinksql import parse

_CALLED = frozenset(
    {
        *("PROCTIME", "NOW", "CURRENT_TIMESTAMP", "CURRENT_ROW_TIMESTAMP", "LOCALTIMESTAMP", "CURRENT_DATE"),
        *("CURRENT_TIME", "LOCALTIME", "UNIX_TIMESTAMP", "CURRENT_WATERMARK", "RAND", "RAND_INTEGER", "UUID"),
    }
)
_NAMED: tuple[type[exp.Expr], ...] = (
    *(exp.CurrentTimestamp, exp.CurrentDate, exp.CurrentTime, exp.Localtime, exp.Localtimestamp),
    *(exp.Rand, exp.Uuid),
)


def wall_clock(sql: str) -> tuple[str, ...]:
    """The names of such functions in a SELECT, each once. UNIX_TIMESTAMP of a given time is none."""
    found = []
    for tree in parse(sql):
        for node in tree.walk():
            if isinstance(node, exp.Anonymous) and node.name.upper() in _CALLED:
                if node.name.upper() != "UNIX_TIMESTAMP" or not node.expressions:
                    found.append(node.name.upper())
            elif isinstance(node, _NAMED):
                found.append(node.sql().rstrip("()").upper())
    return tuple(dict.fromkeys(found))
