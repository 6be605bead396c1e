"""The declared world as frozen values: tables, flows, markets, and the warehouse they make up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeAlias
from zoneinfo import ZoneInfo

from headwater.alerts.policy import Policy
from headwater.checks.kinds import Check
from headwater.cost.prices import Prices
from headwater.dashboard.dashboard import Dashboard
from headwater.sqltype import SqlType

if TYPE_CHECKING:
    from headwater.serving.product import Product

CHECK_ROWS = 5_000_000
"""Rows that a check reads of a table at most, where nothing is declared: two seconds of the native reader."""


class Layer(StrEnum):
    """Where a table stands between the raw event and the report."""

    ODS = "ods"
    DWD = "dwd"
    DM = "dm"
    RPT = "rpt"


@dataclass(frozen=True, slots=True, order=True)
class TableName:
    """A table's name, `layer.table`, as SQL spells it."""

    layer: Layer
    table: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `dwd.orders`. Raises ValueError when there is no known layer before the dot."""
        layer, dot, table = text.partition(".")
        if not dot or not table:
            raise ValueError(f"«{text}» is not of the form layer.table")
        return cls(Layer(layer), table)

    def __str__(self) -> str:
        return f"{self.layer.value}.{self.table}"


@dataclass(frozen=True, slots=True)
class Column:
    """A declared column. `required` means NOT NULL: a source record without it is rejected, counted and kept."""

    name: str
    type: SqlType
    description: str = ""
    required: bool = False


Origin: TypeAlias = tuple[TableName, str]
"""A declared column of a table."""


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """A column that a flow's SELECT gives, with the type worked out from its inputs."""

    name: str
    type: SqlType


@dataclass(frozen=True, slots=True)
class Flow:
    """One SELECT that feeds a model.

    Args:
        name: The file's name without `.sql`.
        file: Where the SQL stands.
        sql: The author's text, verbatim; it is what Flink is given.
        reads: The tables it reads, in order of appearance, each once.
        outputs: What it gives, in the order of the SELECT list.
        sequence: The column that orders this flow's updates in a partial-update table.
        raw: The flow reads its topics as bytes with their place in Kafka, not as declared columns.
        time_columns: The upstream columns that its windows go by, each with its table.
        row_by_row: Each row it gives comes from one row it reads, whatever the others are.
        made_of: For each of `outputs` the upstream columns that its values are made of (headwater.origins), in order;
            None where that is not worked out.
    """

    name: str
    file: Path
    sql: str
    reads: tuple[TableName, ...]
    outputs: tuple[OutputColumn, ...]
    sequence: str | None = None
    raw: bool = False
    time_columns: tuple[Origin, ...] = ()
    row_by_row: bool = False
    made_of: tuple[tuple[Origin, ...] | None, ...] = ()


@dataclass(frozen=True, slots=True)
class EventTime:
    """Which column says when a row happened, how late rows may come, when a silent source stops holding time back."""

    column: str
    lateness: timedelta = timedelta(seconds=20)
    idle_after: timedelta = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Freshness:
    """A promise about the data's age in event time."""

    warn_after: timedelta | None
    fail_after: timedelta


class TopicFormat(StrEnum):
    """How records of a topic are written."""

    DEBEZIUM_JSON = "debezium-json"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Topic:
    """The Kafka topic behind an ods table, or one that a table's rows are distributed by.

    Args:
        compacted: Kafka keeps the newest record of each key for ever, and forgets the others after a while.
    """

    name: str
    format: TopicFormat
    partitions: int = 1
    compacted: bool = False


class Merge(StrEnum):
    """What Paimon does with two rows of one key."""

    PARTIAL_UPDATE = "partial-update"
    DEDUPLICATE = "deduplicate"
    APPEND = "append"


class ChangelogProducer(StrEnum):
    """Where the changelog that downstream jobs read comes from. https://paimon.apache.org/docs/master/primary-key-table/changelog-producer/"""

    NONE = "none"
    INPUT = "input"
    LOOKUP = "lookup"


@dataclass(frozen=True, slots=True)
class Storage:
    """How a table lies on disk. `buckets` is fixed per partition, so that a stream and a batch may both write."""

    merge: Merge
    changelog: ChangelogProducer
    buckets: int = 1
    options: tuple[tuple[str, str], ...] = ()


class OnIncompatible(StrEnum):
    """What to do with a change that the job's state cannot follow (the verdict «needs a rebuild»)."""

    ASK = "ask"
    REBUILD = "rebuild"
    REJECT = "reject"


class Autoscale(StrEnum):
    """What the autoscaler does with a job: nothing, decide and record, or decide, record and act."""

    OFF = "off"
    DRY_RUN = "dry-run"
    ON = "on"


@dataclass(frozen=True, slots=True)
class Parallelism:
    """How many subtasks a job's operators may have. It is changed while the job runs, so it is not part of the job.

    Args:
        least: What a job without state starts with.
        most: Beyond it a job is never scaled.
        autoscale: Whether the autoscaler looks after it.
        cool_down: How long the autoscaler leaves a job alone that was scaled.
    """

    least: int = 1
    most: int = 1
    autoscale: Autoscale = Autoscale.OFF
    cool_down: timedelta = timedelta(minutes=5)

    def __contains__(self, number: int) -> bool:
        return self.least <= number <= self.most

    def __str__(self) -> str:
        return str(self.least) if self.least == self.most else f"{self.least} to {self.most}"

    def nearest(self, number: int) -> int:
        """The number itself, or the end of the range that is nearest to it."""
        return min(max(number, self.least), self.most)


@dataclass(frozen=True, slots=True)
class JobOptions:
    """How the model's Flink job runs.

    Args:
        parallelism: Subtasks of every operator that can run in several.
        state_ttl: How long keyed state outlives its last update; None keeps it for ever.
        checkpoint_interval: None takes the cluster's.
        options: Further Flink session options, as declared.
        on_incompatible: What becomes of a change that its state cannot follow. No part of the job itself.
    """

    parallelism: Parallelism = Parallelism()
    state_ttl: timedelta | None = None
    checkpoint_interval: timedelta | None = None
    options: tuple[tuple[str, str], ...] = ()
    on_incompatible: OnIncompatible = OnIncompatible.ASK


@dataclass(frozen=True, slots=True)
class Restart:
    """How often a job that has ended by itself is started again. It changes nothing about the job.

    Args:
        attempts: Starts before it is given up.
        backoff: How long after its end the first start comes; each further pause is twice as long.
        within: A job that has run for so long since it was last started again has its attempts back.
    """

    attempts: int
    backoff: timedelta
    within: timedelta


class Grain(StrEnum):
    """How long one partition of a report is, on its market's calendar."""

    DAY = "day"
    MONTH = "month"

    @property
    def column(self) -> str:
        """The column that names the day, or the month by its first day."""
        return "local_date" if self is Grain.DAY else "local_month"


@dataclass(frozen=True, slots=True)
class ReportSchedule:
    """When a report's partition for the day or month before is made: the same local time in every market.

    Args:
        at: The local time, of every day or of each month's first.
        start_date: ISO date of the first partition.
        by: The local time by which it is promised; None when nothing is.
        reopen: For so long after its end a partition is looked at again, and made anew where late data changed it.
    """

    at: time
    start_date: str
    by: time | None = None
    reopen: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Market:
    """A country of operation with its IANA time zone."""

    code: str
    name: str
    zone: ZoneInfo
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """One declared table and everything said about it.

    An ods model has a `topic` and no flows; dwd and dm models have flows and are kept by a streaming job;
    an rpt model has one flow, a `schedule`, and is written by batch, a partition (local day or month × market) at a
    time.
    `check_rows` is how many rows a check reads of a table at most.
    `distributes` is the topic that the job of a dwd or dm model writes its rows to, too.
    """

    name: TableName
    file: Path
    description: str
    owner: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    partition_by: tuple[str, ...] = ()
    flows: tuple[Flow, ...] = ()
    topic: Topic | None = None
    storage: Storage | None = None
    job: JobOptions = JobOptions()
    event_time: EventTime | None = None
    freshness: Freshness | None = None
    checks: tuple[Check, ...] = ()
    check_rows: int = CHECK_ROWS
    schedule: ReportSchedule | None = None
    restart: Restart | None = None
    distributes: Topic | None = None

    @property
    def reads(self) -> tuple[TableName, ...]:
        """Every table that any flow reads, each once, in order of appearance."""
        return tuple(dict.fromkeys(table for flow in self.flows for table in flow.reads))

    @property
    def is_source(self) -> bool:
        """An ods table: its rows come from a Kafka topic."""
        return self.topic is not None

    @property
    def is_streaming(self) -> bool:
        """A table that a long-running Flink job keeps up to date."""
        return bool(self.flows) and not self.is_report

    @property
    def is_report(self) -> bool:
        """A table written by batch, one partition of a local day or month × market at a time."""
        return self.name.layer is Layer.RPT

    @property
    def grain(self) -> Grain:
        """How long a report's partitions are."""
        return Grain.MONTH if Grain.MONTH.column in self.partition_by else Grain.DAY

    def column(self, name: str) -> Column:
        """The column of this name. Raises KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Warehouse:
    """A loaded, checked warehouse folder.

    Args:
        root: The folder.
        models: In dependency order, upstream first.
        markets: As declared.
        versions: For each job and report what changes with the declarations behind it (headwater.versions).
        prices: As declared; None where nothing is said of money.
        alerts: When people are told of what is wrong, and who.
        products: What callers are served by key.
        dashboards: As declared, by file name.
    """

    root: Path
    models: tuple[Model, ...]
    markets: tuple[Market, ...] = ()
    versions: Mapping[TableName, str] = field(default_factory=dict, hash=False)
    prices: Prices | None = None
    alerts: Policy = field(default_factory=Policy)
    products: "tuple[Product, ...]" = ()
    dashboards: tuple[Dashboard, ...] = ()
    _by_name: dict[TableName, Model] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {model.name: model for model in self.models})

    def model(self, name: TableName) -> Model:
        """The model of this name. Raises KeyError when it is not declared."""
        return self._by_name[name]

    def __contains__(self, name: TableName) -> bool:
        return name in self._by_name

    @property
    def streaming(self) -> tuple[Model, ...]:
        """Models kept by a Flink job, upstream first."""
        return tuple(model for model in self.models if model.is_streaming)

    def streams_over(self, name: TableName) -> tuple[TableName, ...]:
        """The models whose jobs read this table as a stream."""
        return tuple(model.name for model in self.streaming if name in model.reads)

    def downstream(self, name: TableName) -> tuple[TableName, ...]:
        """Every table and report that depends on this one, near or far, upstream first."""
        reached = {name}
        for model in self.models:
            if reached.intersection(model.reads):
                reached.add(model.name)
        return tuple(model.name for model in self.models if model.name in reached and model.name != name)

    @property
    def sources(self) -> tuple[Model, ...]:
        """The ods models."""
        return tuple(model for model in self.models if model.is_source)

    @property
    def reports(self) -> tuple[Model, ...]:
        """The rpt models."""
        return tuple(model for model in self.models if model.is_report)

    def product(self, name: str) -> "Product":
        """The product of this name. Raises KeyError when it is not declared."""
        for product in self.products:
            if product.name == name:
                return product
        raise KeyError(name)

    def market(self, code: str) -> Market:
        """The market of this code. Raises KeyError when it is not declared."""
        for market in self.markets:
            if market.code == code:
                return market
        raise KeyError(code)
