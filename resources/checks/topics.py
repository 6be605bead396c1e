"""Malformed records: how many of what came over a table's topics lately was rejected.

What came is counted by the broker's offsets, and what was rejected of just those records by `ods.rejected`, whose key
is a record's place. The job of `ods.rejected` may be some seconds behind: the newest records count as sound at first.
"""

from collections.abc import Mapping, Sequence

from headwater.batch import Comparison, Operator
from headwater.checks.kinds import Check, Malformed
from headwater.checks.outcome import SAMPLE, Sample
from headwater.compile.rejects import REJECTED
from headwater.duckdb_text import quoted_table
from headwater.duration import format_duration
from headwater.engines import Snapshot
from headwater.model import TableName
from resources.checks.look import Found, Look, Start, texts
from resources.checks.memory import Seen
from resources.duckdb import Session
from resources.kafka import KafkaBroker, Span
from resources.paimon.reader import PinnedTable

_SHOWN = "source, kafka_partition, kafka_offset, reason"


def evaluate(look: Look, check: Check, asks: Malformed) -> Found:
    """Evaluate one such check. Raises HeadwaterError when no broker answers."""
    topics: dict[str, TableName] = {}
    for name in look.model.reads:
        topic = look.warehouse.model(name).topic if name in look.warehouse else None
        if topic is not None:
            topics[topic.name] = name
    spans = KafkaBroker(look.stack.kafka).came_since(topics, look.at - asks.within)
    came = sum(span.end - span.start for span in spans)
    rejected = look.store.latest_snapshot(REJECTED)
    failing, sample, read = 0, (), 0
    if rejected is not None and came:
        failing, sample, read = _rejected(look, topics, spans, rejected)
    share = failing / came if came else 0.0
    return look.found(
        check,
        Start(),
        failing,
        counted="records",
        sample=sample,
        read=read,
        said=f"{failing:,} of {came:,} records within {format_duration(asks.within)} were rejected, {share:.2%}",
        passed=share <= asks.at_most,
        others={REJECTED: Seen(rejected.id, rejected.committed_at, rejected.id)} if rejected else None,
    )


def _rejected(
    look: Look, topics: Mapping[str, TableName], spans: Sequence[Span], rejected: Snapshot
) -> tuple[int, Sample, int]:
    """How many of the records in these spans were rejected, the newest of them, and the rows read."""
    table = PinnedTable(
        look.stack.lake,
        REJECTED,
        rejected.id,
        ("source", "kafka_partition", "kafka_offset", "reason"),
        [
            Comparison("source", Operator.IN, tuple(str(name) for name in topics.values())),
            Comparison("kafka_offset", Operator.GREATER_EQUAL, (min(span.start for span in spans),)),
        ],
        at_most=look.at_most,
    )
    values = ", ".join(f"('{topics[span.topic]}', {span.partition}, {span.start}, {span.end})" for span in spans)
    found = (
        f"SELECT {_SHOWN} FROM {quoted_table(REJECTED)} r JOIN spans s ON r.source = s.name"
        " AND r.kafka_partition = s.number AND r.kafka_offset >= s.starts AND r.kafka_offset < s.ends"
    )
    with Session([table], memory_limit=look.memory_limit) as session:
        session.prepare("CREATE TABLE spans (name VARCHAR, number INT, starts BIGINT, ends BIGINT)")
        session.prepare(f"INSERT INTO spans VALUES {values}", f"CREATE TABLE found AS {found}")
        failing = session.rows("SELECT COUNT(*) FROM found").rows[0][0]
        sample = texts(session.rows("SELECT * FROM found ORDER BY kafka_offset DESC", SAMPLE))
    return failing, sample, table.rows_read
