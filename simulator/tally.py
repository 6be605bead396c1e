"""Counts of what went over the wire."""

from collections.abc import Mapping
from dataclasses import dataclass

from simulator.record import TOPICS, Record, Sort


@dataclass(frozen=True, slots=True)
class Sent:
    """How many records went out, by topic.

    Args:
        records: All of them, the following among them.
        repeated: Byte for byte the same as an earlier one.
        late: Held back beyond the lateness that their source declares.
        malformed: By topic and reason.
    """

    records: Mapping[str, int]
    repeated: Mapping[str, int]
    late: Mapping[str, int]
    malformed: Mapping[str, Mapping[str, int]]


NOTHING = Sent(dict.fromkeys(TOPICS, 0), dict.fromkeys(TOPICS, 0), dict.fromkeys(TOPICS, 0), {t: {} for t in TOPICS})


class Tally:
    """Counts records as they are sent, going on from earlier counts."""

    def __init__(self, before: Sent = NOTHING) -> None:
        # Counts of before may be of a time when there were fewer topics.
        self._records = {**NOTHING.records, **before.records}
        self._repeated = {**NOTHING.repeated, **before.repeated}
        self._late = {**NOTHING.late, **before.late}
        self._malformed = {topic: dict(before.malformed.get(topic, {})) for topic in TOPICS}

    def count(self, record: Record) -> None:
        """One record went out."""
        topic = record.topic
        self._records[topic] += 1
        match record.sort:
            case Sort.REPEATED:
                self._repeated[topic] += 1
            case Sort.LATE:
                self._late[topic] += 1
            case Sort.MALFORMED:
                reasons = self._malformed[topic]
                reasons[record.reason] = reasons.get(record.reason, 0) + 1
            case Sort.GOOD:
                pass

    def sent(self) -> Sent:
        """The counts so far."""
        malformed = {topic: dict(sorted(reasons.items())) for topic, reasons in self._malformed.items()}
        return Sent(dict(self._records), dict(self._repeated), dict(self._late), malformed)
