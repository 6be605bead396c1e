"""Random tables for the reader: schemas, options, writes and changes of the schema, drawn from a number.

A case is a table at one of its snapshots. What is drawn is executed by Flink alone, in batch mode; the rows that the
reader gives are then compared with Flink's own SELECT. Few keys and many NULLs make rows meet, in one commit and in
several.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

_KEY_TYPES = ("INT", "BIGINT", "STRING", "DATE", "SMALLINT", "DECIMAL(6, 2)", "BOOLEAN")
_TYPES = (
    "INT", "BIGINT", "SMALLINT", "TINYINT", "STRING", "DOUBLE", "FLOAT", "BOOLEAN", "DATE", "DECIMAL(9, 2)",
    "DECIMAL(18, 4)", "DECIMAL(30, 6)", "TIMESTAMP(3)", "TIMESTAMP(6)", "TIMESTAMP_LTZ(3)", "TIMESTAMP_LTZ(6)",
)  # fmt: skip
_SEQUENCE_TYPES = ("BIGINT", "INT", "TIMESTAMP_LTZ(3)", "TIMESTAMP(6)", "DATE", "STRING")
_WIDER = {
    "TINYINT": "SMALLINT",
    "SMALLINT": "INT",
    "INT": "BIGINT",
    "FLOAT": "DOUBLE",
    "DECIMAL(9, 2)": "DECIMAL(12, 2)",
}
_FINAL = ("max", "min", "bool_and", "bool_or")
"""Functions that no value can be taken back from: Paimon fails at a -U, where a -D removes the whole row."""
_KINDS = ("+I", "+U", "-D", "-U")
_SUMMED = ("TINYINT", "SMALLINT", "INT", "BIGINT", "DECIMAL(9, 2)", "DECIMAL(18, 4)", "DOUBLE")
MERGES = ("append", "deduplicate", "partial-update", "aggregation")
MOST_COLUMNS = 16


@dataclass(frozen=True, slots=True)
class Drawn:
    """A column."""

    name: str
    type: str
    sequence: bool = False


@dataclass(frozen=True)
class Table:
    """A table as it is after the steps so far.

    Args:
        seed: What everything is drawn from.
        merge: One of MERGES.
        key: Names of its key's columns, which come first; empty for append.
        partition: Of them, those of the partition.
        kinds: It has the column `rk` by which a row says that it takes a row back.
    """

    seed: int
    name: str
    merge: str
    columns: tuple[Drawn, ...]
    key: tuple[str, ...]
    partition: tuple[str, ...]
    options: dict[str, str] = field(default_factory=dict)
    kinds: bool = False

    def ddl(self) -> str:
        """CREATE TABLE."""
        columns = [f"{column.name} {column.type}" for column in self.columns]
        if self.key:
            columns.append(f"PRIMARY KEY ({', '.join(self.key)}) NOT ENFORCED")
        partition = f" PARTITIONED BY ({', '.join(self.partition)})" if self.partition else ""
        options = ", ".join(f"'{key}' = '{value}'" for key, value in self.options.items())
        return f"CREATE TABLE {self.name} ({', '.join(columns)}){partition} WITH ({options})"


def table(seed: int, prefix: str = "dwd.case_") -> Table:
    """The table that a seed stands for, before anything is written."""
    drawn = random.Random(seed)
    merge = MERGES[seed % len(MERGES)]
    partitioned = drawn.random() < 0.5
    keys = [Drawn("p0", drawn.choice(("STRING", "INT", "DATE")))] if partitioned else []
    keys += [Drawn(f"k{number}", drawn.choice(_KEY_TYPES)) for number in range(drawn.randint(1, 2))]
    options: dict[str, str] = {"bucket": drawn.choice(("1", "1", "2", "4"))}
    values = [Drawn(f"v{number}", drawn.choice(_TYPES)) for number in range(drawn.randint(1, 6))]
    kinds = False
    if merge == "append":
        options = {"bucket": "-1"}
    else:
        options |= {"merge-engine": merge} | _compaction(drawn)
        kinds = drawn.random() < {"deduplicate": 0.6, "partial-update": 0.2, "aggregation": 0.25}[merge]
    if merge == "partial-update":
        values += _groups(drawn, values, options)
        if kinds and drawn.random() < 0.5:
            options["ignore-delete"] = "true"
        elif not any(column.sequence for column in values):
            options["partial-update.remove-record-on-delete"] = "true"
    if merge == "deduplicate" and kinds and drawn.random() < 0.3:
        options["ignore-delete"] = "true"
    if merge == "aggregation":
        _functions(drawn, values, options)
        if kinds:
            options["aggregation.remove-record-on-delete"] = "true"
    if kinds:
        values.append(Drawn("rk", "STRING"))
        options["rowkind.field"] = "rk"
        if merge == "aggregation":
            options["fields.rk.aggregate-function"] = "last_value"
    names = tuple(column.name for column in keys)
    return Table(
        seed,
        f"{prefix}{seed}",
        merge,
        (*keys, *values),
        names if merge != "append" else (),
        ("p0",) if partitioned else (),
        options,
        kinds,
    )


def _compaction(drawn: random.Random) -> dict[str, str]:
    """From none at all to one at every commit."""
    chosen: dict[str, str] = {}
    match drawn.randrange(4):
        case 0:
            chosen["write-only"] = "true"
        case 1:
            chosen["num-sorted-run.compaction-trigger"] = drawn.choice(("2", "3", "4"))
        case 2:
            chosen["full-compaction.delta-commits"] = drawn.choice(("1", "2", "3"))
        case _:
            pass
    if drawn.random() < 0.4:
        # Paimon refuses full compactions by the number of commits with any other producer.
        producers = ("full-compaction",) if "full-compaction.delta-commits" in chosen else ("lookup", "full-compaction")
        chosen["changelog-producer"] = drawn.choice(producers)
    return chosen


def _groups(drawn: random.Random, values: Sequence[Drawn], options: dict[str, str]) -> list[Drawn]:
    """Sequence columns of up to three groups that share the value columns; some columns stay without one."""
    added: list[Drawn] = []
    left = list(values)
    drawn.shuffle(left)
    for number in range(drawn.randint(0, 3)):
        share = [left.pop().name for _ in range(min(len(left), drawn.randint(1, 2)))]
        if not share:
            break
        ordering = [
            Drawn(f"s{number}{part}", drawn.choice(_SEQUENCE_TYPES), True) for part in range(drawn.choice((1, 1, 1, 2)))
        ]
        options[f"fields.{','.join(column.name for column in ordering)}.sequence-group"] = ",".join(share)
        added += ordering
    return added


def _functions(drawn: random.Random, values: Sequence[Drawn], options: dict[str, str]) -> None:
    for column in values:
        possible = ["last_value", "last_non_null_value", ""]
        if column.type in _SUMMED:
            possible += ["sum", "sum"]
        if column.type not in ("BOOLEAN",):
            possible += ["max", "min"]
        if column.type == "BOOLEAN":
            possible += ["bool_and", "bool_or"]
        if function := drawn.choice(possible):
            options[f"fields.{column.name}.aggregate-function"] = function


def steps(start: Table, commits: int) -> Iterator[tuple[Table, tuple[str, ...], str]]:
    """For each commit: the table as it is then, the DDL before it, and `(columns) VALUES …` to insert."""
    drawn = random.Random(start.seed * 7919 + 1)
    now = start
    for number in range(commits):
        before: tuple[str, ...] = ()
        if number and drawn.random() < 0.25:
            now, before = _altered(now, drawn, number)
        yield now, before, _rows(now, drawn)


def _altered(now: Table, drawn: random.Random, number: int) -> tuple[Table, tuple[str, ...]]:
    free = [
        column
        for column in now.columns
        if column.name.startswith("v")
        and not any(column.name in value.split(",") for value in now.options.values())
        and not any(key.startswith(f"fields.{column.name}.") for key in now.options)
    ]
    match drawn.randrange(4):
        case 0 if len(now.columns) < MOST_COLUMNS:
            added = Drawn(f"v9{number}", drawn.choice(_TYPES))
            return replace(now, columns=(*now.columns, added)), (
                f"ALTER TABLE {now.name} ADD {added.name} {added.type}",
            )
        case 1 if any(column.type in _WIDER for column in free):
            old = next(column for column in free if column.type in _WIDER)
            wide = replace(old, type=_WIDER[old.type])
            columns = tuple(wide if column is old else column for column in now.columns)
            return replace(now, columns=columns), (f"ALTER TABLE {now.name} MODIFY {wide.name} {wide.type}",)
        case 2 if free:
            old = drawn.choice(free)
            named = replace(old, name=f"{old.name}r{number}")
            columns = tuple(named if column is old else column for column in now.columns)
            return replace(now, columns=columns), (f"ALTER TABLE {now.name} RENAME {old.name} TO {named.name}",)
        case 3 if len(free) > 1:
            gone = drawn.choice(free)
            columns = tuple(column for column in now.columns if column is not gone)
            return replace(now, columns=columns), (f"ALTER TABLE {now.name} DROP {gone.name}",)
        case _:
            return now, ()


def _rows(now: Table, drawn: random.Random) -> str:
    rows = []
    is_final = any(function in _FINAL for function in now.options.values())
    for _ in range(drawn.choice((1, 2, 4, 8, 12))):
        cells = []
        for column in now.columns:
            never = column.name in now.key or column.name == "p0"
            if column.name == "rk":
                cells.append(f"'{drawn.choices(_KINDS, (6, 3, 2, 0 if is_final else 1))[0]}'")
            elif not never and drawn.random() < 0.3:
                cells.append(f"CAST(NULL AS {column.type})")
            else:
                cells.append(value(drawn, column.type, few=never or column.sequence))
        rows.append(f"({', '.join(cells)})")
    names = ", ".join(column.name for column in now.columns)
    return f"({names}) VALUES {', '.join(rows)}"


def value(drawn: random.Random, kind: str, *, few: bool) -> str:
    """A literal of a type in Flink's SQL; of few different ones, or of many."""
    number = drawn.randrange(4) if few else drawn.randint(-50, 50)
    root = kind.partition("(")[0]
    match root:
        case "TINYINT" | "SMALLINT" | "INT" | "BIGINT":
            return f"CAST({number} AS {kind})"
        case "STRING":
            return f"'{drawn.choice(('a', 'b', 'é', 'Z'))}{number if few else ''}'" if few else f"'s{number}é'"
        case "DOUBLE" | "FLOAT":
            return f"CAST({number}.{drawn.choice(('5', '25', '0'))} AS {kind})"
        case "BOOLEAN":
            return drawn.choice(("TRUE", "FALSE"))
        case "DATE":
            return f"DATE '2026-0{1 + abs(number) % 4}-1{abs(number) % 3}'"
        case "DECIMAL":
            return f"CAST({number}.{abs(number) % 90 + 10} AS {kind})"
        case _:
            second = f"{abs(number) % 60:02}"
            digits = "123456" if kind.endswith("(6)") and not few else "120"
            return f"CAST(TIMESTAMP '2026-11-22 03:04:{second}.{digits}' AS {kind})"


def as_text(column: Drawn) -> str:
    """The column as text, in an expression that Flink and DuckDB both have, and that tells all values apart."""
    root = column.type.partition("(")[0]
    match root:
        case "BOOLEAN":
            return f"CASE WHEN {column.name} THEN 'yes' WHEN NOT {column.name} THEN 'no' END"
        case "DOUBLE" | "FLOAT":
            return f"CAST(CAST({column.name} * 100 AS BIGINT) AS STRING)"
        case _:
            return f"CAST({column.name} AS STRING)"
