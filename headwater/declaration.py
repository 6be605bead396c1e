"""The forms of the YAML that a person writes: what each key means, which are needed, and what a value must look like.

Only what one file can say about itself is checked here; what needs other files is in `headwater.rules`.
"""

import re
from datetime import date, time, timedelta
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)

from headwater.duration import PATTERN as DURATION_PATTERN
from headwater.duration import format_duration, parse_duration
from headwater.model import CHECK_ROWS
from headwater.sqltype import ROOTS, SqlType

NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"


def _type(value: Any) -> SqlType:
    if not isinstance(value, str):
        raise ValueError(f"«{value}» is not a type; write it as Flink spells it, as in STRING or TIMESTAMP_LTZ(3)")
    return SqlType.parse(value)


def _duration(value: Any) -> timedelta:
    return parse_duration(str(value))


def _zone(value: Any) -> ZoneInfo:
    try:
        return ZoneInfo(str(value))
    except (OSError, ValueError, KeyError) as error:
        near = get_close_matches(str(value), sorted(available_timezones()), n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"«{value}» is not an IANA time zone{meant}") from error


def _local_time(value: Any) -> time:
    try:
        if len(str(value)) != len("01:30"):
            raise ValueError
        return time.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"«{value}» is not a time of day; write hours and minutes, as in 01:30") from None


def _iso_date(value: Any) -> str:
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise ValueError(f"«{value}» is not a date; write year, month and day, as in 2026-11-01") from None


def _share(value: Any) -> float:
    text = str(value)
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?%", text) or float(text[:-1]) > 100:
        raise ValueError(f"«{value}» is not a share; write a number from 0 to 100 and %, as in 1% or 0.5%")
    return float(text[:-1]) / 100


def _text(value: Any) -> str:
    if value is None or isinstance(value, dict | list):
        raise ValueError(f"«{value}» is not a single value")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _written_as(pattern: str | None, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "examples": list(examples), **({"pattern": pattern} if pattern else {})})


_TYPE_WORDS = "|".join((*ROOTS, "INTEGER", "NUMERIC", "DEC"))
TypeText = Annotated[
    SqlType,
    PlainValidator(_type),
    _written_as(rf"^({_TYPE_WORDS}|{_TYPE_WORDS.lower()})\b", "STRING", "DECIMAL(12, 2)"),
]
DurationText = Annotated[
    timedelta,
    PlainValidator(_duration),
    _written_as(DURATION_PATTERN, "500ms", "30s", "2m", "36h", "7d"),
]
ZoneText = Annotated[ZoneInfo, PlainValidator(_zone), _written_as(None, "Asia/Kolkata", "America/Sao_Paulo")]
TimeText = Annotated[time, PlainValidator(_local_time), _written_as(r"^[0-2][0-9]:[0-5][0-9]$", "01:30")]
DateText = Annotated[str, PlainValidator(_iso_date), _written_as(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "2026-11-01")]
Text = Annotated[str, Field(min_length=1)]
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Names = Annotated[tuple[str, ...], Field(strict=False)]
Scalar = Annotated[str, BeforeValidator(_text), WithJsonSchema({"type": ["string", "number", "boolean"]})]
ShareText = Annotated[float, PlainValidator(_share), _written_as(r"^[0-9]+(\\.[0-9]+)?%$", "1%", "0.5%")]
Options = Annotated[dict[str, Scalar], Field(default_factory=dict)]


def lasting(default: timedelta, description: str) -> Any:
    """A duration with a default that the JSON schema shows as a person writes it."""
    return Field(default=default, description=description, json_schema_extra={"default": format_duration(default)})


class Form(BaseModel):
    """A mapping in a YAML file; keys it does not name are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ColumnForm(Form):
    """A column of the table."""

    type: TypeText = Field(description='A Flink SQL type. Put it in quotes when it has a comma: "DECIMAL(12, 2)".')
    description: str = Field(default="", description="What the column means, with its unit.")
    required: bool = Field(
        default=False, description="Never NULL. A source record without it is rejected, counted and kept."
    )


class TopicForm(Form):
    """The Kafka topic behind a source."""

    name: Text = Field(description="The topic's name in Kafka.")
    format: Literal["debezium-json", "json"] = Field(
        description="debezium-json: change events with before, after and op. json: one event per record."
    )
    partitions: int = Field(default=1, ge=1, description="Partitions of the topic, when the platform creates it.")


class EventTimeForm(Form):
    """When a row happened, as against when it arrived."""

    column: str = Field(description="A TIMESTAMP_LTZ(3) or TIMESTAMP(3) column.")
    lateness: DurationText = lasting(timedelta(seconds=20), "How late a row may come and still count.")
    idle_after: DurationText = lasting(
        timedelta(seconds=15), "After how long a silent partition stops holding time back."
    )


class FreshnessForm(Form):
    """A promise about the data's age in event time."""

    warn_after: DurationText | None = Field(default=None, description="Age at which to warn.")
    fail_after: DurationText = Field(description="Age at which the promise is broken.")


class DeadlineForm(Form):
    """A promise about when a report is there."""

    by: TimeText = Field(description="Local time in each market by which the report for the day before is there.")


class AcceptedForm(Form):
    """The column holds one of these values, or NULL."""

    column: str
    values: Annotated[tuple[Scalar, ...], Field(strict=False, min_length=1)]


class RangeForm(Form):
    """The column lies between these two, both included, or is NULL. One of them may be left out."""

    column: str
    min: Scalar | None = Field(default=None, description="The least value: a number, a date, or an instant.")
    max: Scalar | None = Field(default=None, description="The greatest value.")

    @model_validator(mode="after")
    def _some_bound(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("a range says min, max or both")
        return self


class RelationForm(Form):
    """The values of these columns stand in another table. A row with a NULL among them passes."""

    columns: Annotated[Names, Field(min_length=1)]
    to: str = Field(description="The other table, as dwd.orders.")
    its: Names = Field(default=(), description="The other table's columns, in this order; left out, of the same names.")


class VolumeForm(Form):
    """The newest whole local hour has about as many rows, by event time, as the same local hour of earlier weeks."""

    tolerance: ShareText = Field(description="By how much of their mean it may differ.")
    weeks: int = Field(default=4, ge=1, le=52, description="How many weeks back.")
    at_least: int = Field(default=20, ge=1, description="A mean below it is not judged.")


class MalformedForm(Form):
    """At most this share of the records of the table's topics was rejected."""

    at_most: ShareText
    within: DurationText = lasting(timedelta(hours=1), "Of the records that came in this time.")


class LateForm(Form):
    """The table's windows dropped at most this share of the records that its job read, as late."""

    at_most: ShareText


class ParityForm(Form):
    """The table has the rows that batch gives over the same input, but for what is in flight."""

    every: DurationText = lasting(timedelta(minutes=15), "It is not looked at more often.")
    tolerance: ShareText | None = Field(
        default=None, description="By how much FLOAT and DOUBLE columns may differ; left out, by 0.0000001%."
    )
    repair: bool = Field(default=False, description="Write rows that late data explains anew, and pass.")


_KINDS = ("not_null", "accepted", "range", "unique", "relation", "volume", "malformed", "late", "parity", "sql")


class CheckForm(Form):
    """One check of the table: exactly one of the kinds, and what its failing means."""

    not_null: Names | None = Field(default=None, description="These columns are never NULL.")
    accepted: AcceptedForm | None = Field(default=None, description="The column holds one of these values, or NULL.")
    range: RangeForm | None = Field(default=None, description="The column lies between these two, or is NULL.")
    unique: Names | None = Field(default=None, description="No two rows have the same values in these columns.")
    relation: RelationForm | None = Field(default=None, description="The columns' values stand in another table.")
    volume: VolumeForm | None = Field(default=None, description="About as many rows as in earlier weeks.")
    malformed: MalformedForm | None = Field(default=None, description="Few of its topics' records were rejected.")
    late: LateForm | None = Field(default=None, description="Few records were dropped as late.")
    parity: ParityForm | None = Field(default=None, description="Its rows are those that batch gives.")
    sql: str | None = Field(default=None, description="The query in this file of the folder checks/ gives no row.")
    severity: Literal["warn", "error"] = Field(default="error", description="What it means when it fails.")
    blocking: bool = Field(default=False, description="While it fails, no report is made of this table.")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if len(self.model_fields_set.intersection(_KINDS)) != 1:
            raise ValueError(f"a check says exactly one of {', '.join(_KINDS[:-1])} and {_KINDS[-1]}")
        if self.blocking and self.severity == "warn":
            raise ValueError("a check that only warns blocks nothing: leave out severity or blocking")
        return self


class FlowForm(Form):
    """How one flow's rows go into the table."""

    sequence: str | None = Field(default=None, description="The column that orders this flow's updates; newer wins.")


class ParallelismForm(Form):
    """Between what numbers of subtasks a running job may be scaled."""

    min: int = Field(default=1, ge=1, description="Where a job without state starts.")
    max: int = Field(ge=1, description="Beyond it the job is never scaled.")
    autoscale: Literal["off", "dry-run", "on"] = Field(
        default="off",
        description="off: people scale it, by headwater scale. dry-run: the autoscaler decides and records, and does "
        "nothing. on: it scales.",
    )
    cool_down: DurationText = lasting(
        timedelta(minutes=5), "How long the autoscaler leaves a job alone that was scaled."
    )


class _NumberOrRange:
    """`parallelism: 2` is short for `{min: 2, max: 2}`, in the value and in the JSON schema."""

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": "integer", "minimum": 1}, handler(schema)]}


def _range(value: Any) -> Any:
    if isinstance(value, dict | ParallelismForm):
        return value
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"«{value}» is no parallelism; write a number from 1, or a range, as in {{min: 1, max: 4}}")
    return {"min": value, "max": value}


class RestartForm(Form):
    """A job that has ended by itself is started again, from its newest checkpoint."""

    attempts: int = Field(default=3, ge=1, le=20, description="Starts before it is given up.")
    backoff: DurationText = lasting(
        timedelta(seconds=30), "How long after its end the first start comes; each further pause is twice as long."
    )
    within: DurationText = lasting(
        timedelta(hours=1), "A job that has run for so long since then has its attempts back."
    )


class JobForm(Form):
    """How the table's Flink job runs."""

    parallelism: Annotated[ParallelismForm, BeforeValidator(_range), _NumberOrRange()] = Field(
        default_factory=lambda: ParallelismForm(max=1),
        description="Subtasks of every operator that can run in several: a number, or the range in which a running "
        "job is scaled.",
        json_schema_extra={"default": 1},
    )
    state_ttl: DurationText | None = Field(
        default=None, description="How long keyed state outlives its last update; left out, it is kept for ever."
    )
    checkpoint_interval: DurationText | None = Field(default=None, description="Left out, the cluster's.")
    restart: RestartForm | None = Field(
        default=None, description="Start the job again when Flink has given it up. Left out, that is left to people."
    )
    options: Options = Field(description="Further Flink options of this job.")
    on_incompatible: Literal["ask", "rebuild", "reject"] = Field(
        default="ask",
        description="What to do with a change that needs a rebuild: ask for --rebuild, rebuild, or reject it.",
    )


class ScheduleForm(Form):
    """When the report for the day before, or the month before, is made."""

    at: TimeText = Field(description="Local time, the same in every market; for months, of their first day.")
    reopen: DurationText | None = Field(
        default=None,
        description="For so long after its end a day or month that was made is looked at again, each night, and made "
        "anew where late data changed it. Left out, it stays as it was made.",
    )
    start_date: DateText = Field(description="The first day there is a report for; for months, a month's first.")


class TableForm(Form):
    """What every table.yaml says."""

    description: Text = Field(description="What one row is, in a sentence.")
    owner: Text = Field(description="The team to ask.")
    columns: dict[str, ColumnForm] = Field(min_length=1, description="The table's columns, in order.")


class SourceForm(TableForm):
    """An ods table: its rows come from a Kafka topic."""

    topic: TopicForm
    key: Names = Field(default=(), description="What identifies a row; needed for debezium-json.")
    event_time: EventTimeForm | None = None


class StreamForm(TableForm):
    """A dwd or dm table, kept up to date by a Flink job. Every .sql file in the folder is a flow."""

    key: Names = Field(default=(), description="What identifies a row; left out, rows are only ever added.")
    partition_by: Names = Field(default=(), description="Columns of the key that divide the table into folders.")
    flows: dict[str, FlowForm] = Field(
        default_factory=dict, description="Settings of flows, by file name without .sql."
    )
    merge: Literal["partial-update", "deduplicate", "append"] | None = Field(
        default=None,
        description="What two rows of one key make. Left out: partial-update when a flow has a sequence, "
        "deduplicate when there is a key, else append.",
    )
    changelog: Literal["none", "input", "lookup"] | None = Field(
        default=None,
        description="Where readers' changelog comes from. Left out: lookup when there is a key, else none. "
        "input is right only when the job's own output is a complete changelog.",
    )
    buckets: int = Field(
        default=1, description="Buckets per partition, 1 or more; fixed, so that a stream and a batch may both write."
    )
    distribute: Literal["kafka"] | None = Field(
        default=None,
        description="kafka: the table's job also writes each row, as it changes, to a compacted topic of the table's "
        "name, keyed by the table's key.",
    )
    event_time: EventTimeForm | None = None
    freshness: FreshnessForm | None = None
    checks: Annotated[tuple[CheckForm, ...], Field(strict=False)] = ()
    check_rows: int = Field(default=CHECK_ROWS, ge=1, description="Rows that a check reads of a table at most.")
    job: JobForm = Field(default_factory=lambda: JobForm(options={}))
    options: Options = Field(description="Further Paimon table options.")


class ReportForm(TableForm):
    """An rpt table, written by batch: one partition per market and local date, or local month."""

    partition_by: Names = Field(
        default=("market", "local_date"), description="[market, local_date], or [market, local_month]."
    )
    schedule: ScheduleForm
    freshness: DeadlineForm | None = None
    checks: Annotated[tuple[CheckForm, ...], Field(strict=False)] = ()
    check_rows: int = Field(default=CHECK_ROWS, ge=1, description="Rows that a check reads of a table at most.")


class MarketForm(Form):
    """A country of operation."""

    name: Text = Field(description="Its name, for people.")
    zone: ZoneText = Field(description="Its IANA time zone.")
    currency: str = Field(default="", description="ISO 4217 code.")


class MarketsForm(Form):
    """markets.yaml: where the warehouse's days begin and end."""

    markets: dict[str, MarketForm] = Field(min_length=1, description="Markets by code.")


class PricesForm(Form):
    """prices.yaml: what CPU, state and storage cost. Without it, costs are shown as amounts and not as money."""

    currency: Text = Field(description="ISO 4217 code.", examples=["EUR"])
    cpu_hour: Price = Field(description="Of one CPU core in use for an hour.")
    storage_gb_month: Price = Field(description="Of 10^9 bytes of tables for a month.")
    state_gb_month: Price = Field(description="Of 10^9 bytes of checkpoints and savepoints for a month.")
