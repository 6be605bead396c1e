"""Writing rejected records back to their topics, each at most once.

What was written back is noted in `<home>/replayed.jsonl`, one line before a record is handed to the broker and one
after the broker has it. A line without its second one is a record whose writing was cut off: it is not written again.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from headwater.batch import Comparison, Operator
from headwater.compile.rejects import REJECTED
from headwater.model import Model
from headwater.problem import HeadwaterError
from headwater.replay import Place, Rejected, Replayed, why_not
from headwater.stack import Stack
from resources.alone import alone
from resources.kafka import KafkaBroker, writer
from resources.paimon.reader import scan
from resources.paimon.store import FilesystemTableStore

_COLUMNS = ("source", "kafka_partition", "kafka_offset", "reason", "payload")


def rejected(stack: Stack, source: Model, reason: str | None = None) -> tuple[Rejected, ...]:
    """The rejected records of one topic, in the order of their places.

    Args:
        source: The table of the topic.
        reason: Only those with this reason.
    """
    snapshot = FilesystemTableStore(stack.lake).latest_snapshot(REJECTED)
    if snapshot is None:
        return ()
    where = [Comparison("source", Operator.EQUAL, (str(source.name),))]
    found = [
        Rejected(
            Place(row["source"], row["kafka_partition"], row["kafka_offset"]), row["reason"] or "", row["payload"] or ""
        )
        for batch in scan(stack.lake, REJECTED, snapshot.id, _COLUMNS, where)
        for row in batch.to_pylist()
        if row["source"] == str(source.name) and reason in (None, row["reason"])
    ]
    return tuple(sorted(found, key=lambda record: record.place))


def replayed(stack: Stack) -> dict[Place, Replayed]:
    """Every record that was written back, or began to be."""
    found: dict[Place, Replayed] = {}
    try:
        lines = (stack.home / "replayed.jsonl").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    for line in lines:
        try:
            said = json.loads(line)
            place = Place(said["source"], said["partition"], said["offset"])
            found[place] = Replayed(place, datetime.fromisoformat(said["at"]), said["sent"], said["mended"])
        except (ValueError, KeyError, TypeError):
            continue  # the last line of a process that was killed
    return found


def replay(stack: Stack, source: Model, values: Mapping[Place, str], records: Sequence[Rejected]) -> int:
    """Write these records back to their topic, into the partitions they came from; give how many.

    Args:
        source: The table of the topic.
        values: What to write in the place of records, where it is not what came.
        records: Those to write; ones that were written before are left out.

    Raises HeadwaterError, with nothing written, when one of the values cannot be a record; and when the broker does not
    take one: those are not written again.
    """
    assert source.topic is not None
    for record in records:
        why = why_not(record, values.get(record.place, record.payload))
        if why:
            raise HeadwaterError(
                f"The record {record.place} cannot be written back: {why}",
                left="nothing was written",
                next_command=f"headwater replay {source.name} --save FILE, mend it there, then --mended FILE",
            )
    with alone(stack, "replay", _refusal()):
        known = replayed(stack)
        wanted = [record for record in records if record.place not in known]
        _refuse_missing(stack, source.topic.name, wanted)
        now = datetime.now(UTC)
        written = {record.place: values.get(record.place, record.payload) for record in wanted}
        notes = [
            Replayed(record.place, now, is_sent=False, is_mended=written[record.place] != record.payload)
            for record in wanted
        ]
        _note(stack, notes)
        with writer(stack.kafka) as topic:
            for place, value in written.items():
                topic.write(source.topic.name, value.encode(), partition=place.partition)
        _note(stack, [replace(note, is_sent=True) for note in notes])
    return len(wanted)


def _refuse_missing(stack: Stack, topic: str, records: Sequence[Rejected]) -> None:
    """Raise HeadwaterError when no broker answers or a partition is gone: before anything is noted as written."""
    there = KafkaBroker(stack.kafka).partitions([topic]).get(topic, 0)
    for record in records:
        if record.place.partition >= there:
            raise HeadwaterError(
                f"The topic {topic} has {there} partitions, and the record {record.place} came from another one",
                left="nothing was written",
                next_command="headwater plan, to see whether the topic is there",
            )


def _note(stack: Stack, notes: Sequence[Replayed]) -> None:
    lines = [
        json.dumps(
            {
                "source": note.place.source,
                "partition": note.place.partition,
                "offset": note.place.offset,
                "at": note.at.isoformat(),
                "sent": note.is_sent,
                "mended": note.is_mended,
            }
        )
        for note in notes
    ]
    with (stack.home / "replayed.jsonl").open("a", encoding="utf-8") as file:
        # A line that a killed process left unfinished must not swallow the next one.
        file.write("".join(f"\n{line}" for line in lines))
        file.flush()
        os.fsync(file.fileno())


def _refusal() -> HeadwaterError:
    return HeadwaterError(
        "Records are being written back by another headwater replay",
        left="nothing was written",
        next_command="wait for it to end",
    )
