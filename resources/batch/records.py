"""A span of a topic's records as an Arrow stream, read from the broker as fast as it gives them."""

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from headwater.problem import HeadwaterError
from resources.kafka import Span, failed, settings

if TYPE_CHECKING:
    import pyarrow

_AT_ONCE = 10_000
_PATIENCE = 30.0


class TopicRecords:
    """Records of some spans, which DuckDB can open any number of times (Arrow's PyCapsule interface).

    Columns: kafka_partition, kafka_offset, received_at, value (NULL for bytes that are no UTF-8 and for no value),
    is_new.

    Args:
        bootstrap: The broker's address.
        spans: Of one topic.
        read: By partition, the offset from which on a record is new; a partition that is left out has no new ones.
    """

    def __init__(self, bootstrap: str, spans: Sequence[Span], read: dict[int, int] | None = None) -> None:
        self.rows_read = 0
        self.failure: HeadwaterError | None = None
        self._bootstrap = bootstrap
        self._spans = [span for span in spans if span.end > span.start]
        self._read = read or {}

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        import pyarrow

        reader = pyarrow.RecordBatchReader.from_batches(self._schema(), self._batches())
        return reader.__arrow_c_stream__(requested_schema)

    def _schema(self) -> "pyarrow.Schema":
        import pyarrow

        return pyarrow.schema(
            [
                ("kafka_partition", pyarrow.int32()),
                ("kafka_offset", pyarrow.int64()),
                ("received_at", pyarrow.timestamp("ms", "UTC")),
                ("value", pyarrow.string()),
                ("is_new", pyarrow.bool_()),
            ]
        )

    def _batches(self) -> Iterator["pyarrow.RecordBatch"]:
        if not self._spans:
            return
        try:
            yield from self._consumed()
        except HeadwaterError as error:
            self.failure = error
            raise

    def _consumed(self) -> Iterator["pyarrow.RecordBatch"]:
        from confluent_kafka import Consumer, KafkaException
        from confluent_kafka.cimpl import TopicPartition

        left = {span.partition: span.end for span in self._spans}
        consumer = Consumer(
            settings(self._bootstrap)
            | {
                "group.id": "headwater.batch",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                # The end of a partition is told: what lies between the last record and the span's end may be no
                # record, as a transaction's marker is none.
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 50,
                "queued.min.messages": 100_000,
            }
        )
        try:
            consumer.assign([TopicPartition(span.topic, span.partition, span.start) for span in self._spans])
            heard = time.monotonic()
            while left:
                messages = consumer.consume(_AT_ONCE, timeout=1.0)
                if messages:
                    heard = time.monotonic()
                elif time.monotonic() - heard > _PATIENCE:
                    raise HeadwaterError(
                        f"Kafka at {self._bootstrap} gave no records for {_PATIENCE:g} s",
                        left="nothing was computed",
                        next_command="headwater logs kafka",
                        unreachable=True,
                    )
                kept = list(self._wanted(messages, left))
                if kept:
                    self.rows_read += len(kept)
                    yield self._batch(kept)
        except KafkaException as error:
            raise failed(self._bootstrap, "reading records", error) from error
        finally:
            consumer.close()

    def _wanted(self, messages: Sequence[Any], left: dict[int, int]) -> Iterator[Any]:
        from confluent_kafka import KafkaError, KafkaException

        for message in messages:
            error = message.error()
            number = message.partition()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    left.pop(number, None)
                    continue
                raise KafkaException(error)
            end = left.get(number)
            if end is None:
                continue
            if message.offset() >= end - 1:
                del left[number]
            if message.offset() < end:
                yield message

    def _batch(self, messages: Sequence[Any]) -> "pyarrow.RecordBatch":
        import pyarrow

        partitions = [message.partition() for message in messages]
        offsets = [message.offset() for message in messages]
        read = self._read
        columns = [
            pyarrow.array(partitions, pyarrow.int32()),
            pyarrow.array(offsets, pyarrow.int64()),
            pyarrow.array([message.timestamp()[1] for message in messages], pyarrow.timestamp("ms", "UTC")),
            _texts([message.value() for message in messages]),
            pyarrow.array(
                [number in read and offset >= read[number] for number, offset in zip(partitions, offsets, strict=True)],
                pyarrow.bool_(),
            ),
        ]
        return pyarrow.RecordBatch.from_arrays(columns, schema=self._schema())


def _texts(values: Sequence[bytes | None]) -> "pyarrow.Array":
    import pyarrow

    found = pyarrow.array(values, pyarrow.binary())
    try:
        return found.cast(pyarrow.string())
    except pyarrow.ArrowInvalid:
        return pyarrow.array([_text(value) for value in values], pyarrow.string())


def _text(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None
