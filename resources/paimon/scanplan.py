"""Who reads which files of a snapshot: DuckDB, as they are or merged, and the native reader where that is not proved.

What is not known here is left to the native reader: an option, a type, a change of a type, a merge function, rows that
take rows back where a merge function gives them a meaning of its own. The answer says so.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headwater.batch import Served
from headwater.sqltype import SqlType
from resources.paimon.columns import Unreadable, duckdb_type, sources, written_as
from resources.paimon.datafiles import DataFile, Split
from resources.paimon.merge import KIND, SEQUENCE, MergeRule, merged, plain
from resources.paimon.sections import Disordered, sections

if TYPE_CHECKING:
    from pypaimon_rust.datafusion import Split as NativeSplit

_KNOWN = re.compile(
    r"(bucket|bucket-key|merge-engine|changelog-producer(\..+)?|ignore-delete|write-only|write-buffer-.+"
    r"|write-max-.+|rowkind\.field|consumer(\..+|-.+)|scan\..+|snapshot\..+|tag\..+|manifest\..+|metadata\..+|commit\..+"
    r"|file\.(format|compression|block-size|suffix)(\..+)?|parquet\..+|compaction\..+|num-sorted-run\..+|num-levels"
    r"|full-compaction\..+|target-file-size|source\..+|sink\..+|continuous\..+|streaming-read-.+|lookup.*"
    r"|partition\.(expiration|timestamp)[-.].+|path|type|owner|local-merge-buffer-size|read\.batch-size"
    r"|fields\..+\.(sequence-group|aggregate-function|ignore-retract)|fields\.default-aggregate-function"
    r"|aggregation\.remove-record-on-delete|partial-update\.remove-record-on-(delete|sequence-group))"
)
"""Options by which no row of a file reads other than written, or that are heeded here."""

MERGE_FROM_ROWS = 500_000
"""With fewer rows in all files the native reader has merged them before DuckDB has begun."""


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """How a snapshot's rows are read.

    Args:
        sql: DuckDB's SELECT of the columns asked for, over the files; "" when DuckDB reads none.
        paths: The files that it names.
        native: What the native reader reads besides.
        served: The same for people.
    """

    sql: str
    paths: tuple[str, ...]
    native: "tuple[NativeSplit, ...]"
    served: Served


class _Files:
    """Paths by the schema that they were written with."""

    def __init__(self) -> None:
        self.by_schema: dict[int, list[str]] = defaultdict(list)
        self.retractions = False

    def __bool__(self) -> bool:
        return bool(self.by_schema)

    def add(self, files: Sequence[DataFile]) -> None:
        for file in files:
            self.by_schema[file.schema_id].append(file.path)
            self.retractions = self.retractions or file.retractions != 0


def scan_plan(
    schema: Mapping[str, Any],
    schema_of: Callable[[int], Mapping[str, Any]],
    splits: Sequence[Split],
    columns: Sequence[str],
    types: Mapping[str, SqlType],
    merge_from: int = MERGE_FROM_ROWS,
) -> ScanPlan:
    """Work out who reads what.

    Args:
        schema: The table's newest schema file.
        schema_of: Gives the one with an id.
        splits: Of the snapshot.
        columns: Wanted, in order.
        types: Of all columns.
        merge_from: Rows in all files from which on DuckDB merges.
    """
    few = sum(file.rows for split in splits for file in split.files) < merge_from
    return _Planner(schema, schema_of, columns, types, may_merge=not few).plan(splits)


def why_native(schema: Mapping[str, Any], columns: Sequence[str], types: Mapping[str, SqlType]) -> str:
    """Why the whole table is left to the native reader; "" when it is not."""
    options = schema["options"]
    unknown = sorted(key for key in options if not _KNOWN.fullmatch(key))
    if unknown:
        return f"its option {unknown[0]} is not known to the fast path"
    if any("defaultValue" in field for field in schema["fields"]):
        return "a column has a default value"
    if schema["primaryKeys"] and not set(schema["partitionKeys"]) <= set(schema["primaryKeys"]):
        return "its key does not hold its partition"
    try:
        for column in columns:
            duckdb_type(types[column])
    except Unreadable as reason:
        return str(reason)
    return ""


def merge_rule(schema: Mapping[str, Any]) -> MergeRule | None:
    """How a table's rows of one key become one; None for a table without a key. Raises Unreadable."""
    if not schema["primaryKeys"]:
        return None
    options = schema["options"]
    key = tuple(dict.fromkeys((*schema["partitionKeys"], *schema["primaryKeys"])))
    engine = options.get("merge-engine", "deduplicate")
    names = [field["name"] for field in schema["fields"]]
    groups: dict[str, tuple[str, ...]] = {}
    functions: dict[str, str] = {}
    given = {name: options.get(f"fields.{name}.aggregate-function") for name in names}
    default = options.get("fields.default-aggregate-function")
    if engine == "partial-update":
        if default or any(given.values()):
            raise Unreadable("aggregation inside a partial update is left to the native reader")
        for option, value in options.items():
            if option.startswith("fields.") and option.endswith(".sequence-group"):
                ordering = tuple(option.removeprefix("fields.").removesuffix(".sequence-group").split(","))
                groups |= dict.fromkeys((*value.split(","), *ordering), ordering)
    elif engine == "aggregation":
        functions = {name: given[name] or default or "last_non_null_value" for name in names if name not in key}
    elif engine != "deduplicate":
        raise Unreadable(f"the merge engine {engine} is left to the native reader")
    return MergeRule(
        engine,
        key,
        groups,
        functions,
        ignores_deletes=options.get("ignore-delete", "false").lower() == "true",
        completes=options.get("changelog-producer") == "lookup" or options.get("force-lookup", "").lower() == "true",
    )


class _Planner:
    def __init__(
        self,
        schema: Mapping[str, Any],
        schema_of: Callable[[int], Mapping[str, Any]],
        columns: Sequence[str],
        types: Mapping[str, SqlType],
        *,
        may_merge: bool,
    ) -> None:
        self._may_merge = may_merge
        self._schema = schema
        self._schema_of = schema_of
        self._columns = tuple(columns)
        self._types = types
        self._expressions: dict[int, tuple[str, ...]] = {}
        self._reasons: list[str] = []
        self._merged_files = 0

    def plan(self, splits: Sequence[Split]) -> ScanPlan:
        native = [split for split in splits if not split.files]
        alone, base, upper = _Files(), _Files(), _Files()
        try:
            rule = merge_rule(self._schema)
            needed = rule.needed(self._columns) if rule else self._columns
            reason = why_native(self._schema, needed, self._types)
            if rule and not reason:
                merged(rule, "", "", self._columns, self._types)
        except Unreadable as error:
            rule, needed, reason = None, (), str(error)
        for split in splits:
            why = reason or self._why_not(rule, needed, split)
            if not why:
                try:
                    self._add(rule, split, alone, base, upper)
                    continue
                except (Unreadable, Disordered) as error:
                    why = str(error)
            self._reasons.append(why)
            native.append(split)
        parts = []
        if alone:
            deletes = bool(rule) and alone.retractions
            parts.append(plain(self._source(alone, self._columns, system=deletes), self._columns, with_deletes=deletes))
        if base:
            assert rule is not None
            both = [self._source(files, needed, system=True) for files in (base, upper)]
            parts.append(merged(rule, both[0], both[1], self._columns, self._types))
        paths = tuple(path for files in (alone, base, upper) for some in files.by_schema.values() for path in some)
        served = Served(
            files=len(paths) - self._merged_files,
            merged=self._merged_files,
            native=sum(max(len(split.files), 1) for split in native),
            reason=self._reasons[0] if self._reasons else "",
        )
        return ScanPlan(" UNION ALL ".join(parts), paths, tuple(split.native for split in native), served)

    def _why_not(self, rule: MergeRule | None, needed: Sequence[str], split: Split) -> str:
        odd = next((file.odd for file in split.files if file.odd), "")
        if odd:
            return f"a file cannot be read by its rows alone: {odd}"
        if rule and not rule.takes_deletes and any(file.retractions != 0 for file in split.files):
            return f"rows that take rows back are there, and {rule.engine} gives them a meaning of its own"
        try:
            for schema_id in {file.schema_id for file in split.files}:
                self._expressions_of(schema_id, needed)
        except Unreadable as error:
            return str(error)
        return ""

    def _add(self, rule: MergeRule | None, split: Split, alone: _Files, base: _Files, upper: _Files) -> None:
        if rule is None:
            alone.add(split.files)
            return
        found = sections(split.files)
        if not self._may_merge and any(len(section.runs) > 1 for section in found):
            raise Unreadable("there are too few rows for merging them in DuckDB to pay")
        if rule.engine == "aggregation" and rule.completes and any(section.levels > 1 for section in found):
            raise Unreadable("levels that hold each other's sums are left to the native reader")
        for section in found:
            if len(section.runs) == 1:
                alone.add(section.runs[0])
                continue
            base.add(section.runs[0])
            for run in section.runs[1:]:
                upper.add(run)
            self._merged_files += sum(map(len, section.runs))

    def _source(self, files: _Files, columns: Sequence[str], *, system: bool) -> str:
        expressions = {schema_id: self._expressions_of(schema_id, columns) for schema_id in files.by_schema}
        return sources(files.by_schema, expressions, f"{SEQUENCE}, {KIND}" if system else "")

    def _expressions_of(self, schema_id: int, columns: Sequence[str]) -> tuple[str, ...]:
        newest = {field["name"]: field for field in self._schema["fields"]}
        written = {field["id"]: field for field in self._schema_of(schema_id)["fields"]}
        return tuple(
            written_as(column, self._types[column], newest[column], written.get(newest[column]["id"]))
            for column in columns
        )
