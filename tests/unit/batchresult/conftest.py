"""Topics held in memory in the place of a broker's."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pytest

from headwater.loader import load
from headwater.model import TableName, Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Ports, Stack
from resources.batch import rows
from resources.batch.inputs import Inputs, PinnedTopic
from resources.batch.rows import BATCH, DuckBatch
from resources.kafka import Span

WAREHOUSE = Path(__file__).parents[3] / "warehouse"
Topics = dict[str, list[bytes | None]]


class HeldRecords:
    """What TopicRecords gives, of records that are at hand."""

    def __init__(self, topics: Topics, spans: Sequence[Span], read: Mapping[int, int]) -> None:
        self.rows_read = 0
        self.failure: HeadwaterError | None = None
        self._topics, self._spans, self._read = topics, spans, read

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        found = [
            (span.partition, offset, 0, _text(self._topics[span.topic][offset]), offset >= self._read.get(0, 2**62))
            for span in self._spans
            for offset in range(span.start, span.end)
        ]
        columns = list(zip(*found, strict=True)) if found else [[]] * 5
        schema = pyarrow.schema(
            [
                ("kafka_partition", pyarrow.int32()),
                ("kafka_offset", pyarrow.int64()),
                ("received_at", pyarrow.timestamp("ms", "UTC")),
                ("value", pyarrow.string()),
                ("is_new", pyarrow.bool_()),
            ]
        )
        arrays = [pyarrow.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
        return pyarrow.Table.from_arrays(arrays, schema=schema).__arrow_c_stream__(requested_schema)


def _text(value: bytes | None) -> str | None:
    try:
        return value.decode() if value is not None else None
    except UnicodeDecodeError:
        return None


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path / "home", WAREHOUSE, Ports())


@pytest.fixture
def reference() -> Warehouse:
    return load(WAREHOUSE)


@pytest.fixture
def topics(monkeypatch: pytest.MonkeyPatch) -> Topics:
    """Records by topic, which stand in for a broker's."""
    held: Topics = {}
    monkeypatch.setattr(rows, "TopicRecords", lambda _, spans, read: HeldRecords(held, spans, read))
    return held


def pinned(declared: Warehouse, model: str, topics: Topics, read: Mapping[str, int] | None = None) -> Inputs:
    """All records of the topics that a model reads; those from `read` on are new."""
    found = []
    for name in declared.model(TableName.parse(model)).reads:
        topic = declared.model(name).topic
        assert topic is not None
        span = Span(topic.name, 0, 0, len(topics.get(topic.name, [])))
        found.append(PinnedTopic(name, (span,), {0: read[topic.name]} if read else {}))
    return Inputs(topics=tuple(found))


BatchOf = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def batch_of(stack: Stack, topics: Topics) -> BatchOf:
    """The rows of a model by batch, over all records that are held."""

    def computed(declared: Warehouse, model: str) -> list[dict[str, Any]]:
        inputs = pinned(declared, model, topics)
        with DuckBatch(stack, declared, declared.model(TableName.parse(model)), inputs) as batch:
            return batch.session.arrow(f"SELECT * FROM {BATCH}").to_pylist()

    return computed


def spelled(table: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows in the spelling of the simulator's truth."""
    from benchmarks.lakerows import _spelled

    return [{column: _spelled(value) for column, value in row.items()} for row in table]
