"""What Flink's traces mean in words. The files are traces of a real cluster; the texts below them are from sources."""

from pathlib import Path

import pytest

from headwater.health.causes import RULES, explain
from headwater.model import TableName

TRACES = Path(__file__).parents[1] / "flink" / "traces" / "failures"
ORDERS = TableName.parse("dwd.orders")

SEEN = {
    "broker_unreachable": "No Kafka broker answers",
    "checkpoint_expired": "Checkpoints take longer than they may: the job is held up, or the disk is slow",
    "checkpoint_not_finalized": "Flink cannot write a checkpoint: the disk is full, or its folder cannot be written",
    "checkpoint_not_written": "Flink cannot write a checkpoint: the disk is full, or its folder cannot be written",
    "class_not_found": "Flink does not find the class com.example.Missing: a jar is missing, or an option names a "
    "class that does not exist",
    "commit_conflict": "Its commit contradicts the table: a second job writes it, or the job started from an older "
    "savepoint than the table's newest snapshot",
    "disk_full": "The disk is full",
    "not_a_number": "A record holds a value that cannot be converted (For input string: 'poison'. Invalid character "
    "found.); the job fails at it again and again",
    "offset_out_of_range": "The records where it wants to go on are no longer in the topic (partition event_51-0): it "
    "was away for longer than the topic keeps them",
    "savepoint_gone": "The savepoint or checkpoint that it should start from is not there, or not complete: "
    "/state/dm.sums_15/5491dfb40e06/savepoints/savepoint-b9f670-454ca6fa1760",
    "snapshot_expired": "It wants to go on with snapshot 5 of a table it reads, which has expired: it was away for "
    "longer than snapshots are kept",
    "state_migration": "Its state was written in another shape than the SQL or the options now ask for, and cannot be "
    "read",
    "taskmanager_killed": "The TaskManager that it ran on is gone: it was killed, ran out of memory, or did not answer "
    "on a busy machine",
    "topic_missing": "The topic event_28 that it reads is not at the broker",
}


def test_every_trace_that_was_seen_has_its_words() -> None:
    found = {}
    for file in sorted(TRACES.glob("*.txt")):
        cause = explain(file.read_text(), ORDERS)
        found[file.stem] = cause.words if cause else None
    assert found == SEEN


@pytest.mark.parametrize(
    ("trace", "words"),
    [
        ("java.lang.OutOfMemoryError: Metaspace. The metaspace out-of-memory error has occurred.", "left for classes"),
        ("java.lang.OutOfMemoryError: Direct buffer memory. The direct out-of-memory error has", "no direct memory"),
        ("Caused by: java.lang.OutOfMemoryError: Java heap space", "no heap left"),
        ("TimeoutException: Heartbeat of TaskManager with id container-1(host:1) timed out.", "is gone"),
        ("RemoteTransportException: Connection unexpectedly closed by remote task manager 'host/1'.", "is gone"),
        ("NoResourceAvailableException: Could not acquire the minimum required resources.", "No task slot is free"),
        ("FlinkException: Could not restore keyed state backend for KeyedProcess_1_(1/1) from", "cannot be read"),
        (
            "IllegalStateException: Failed to rollback to file:/s. Cannot map checkpoint/savepoint "
            "state for operator 7df19f87deec5680128845fd9a6ca18d to the new program",
            "7df19f87deec5680128845fd9a6ca18d",
        ),
        ("TableException: Column 'price' is NOT NULL, however, a null value is being written into it. You", "price"),
        ("Caused by: java.lang.ArithmeticException: / by zero\n\tat StreamExecCalc$1", "(/ by zero)"),
        ("CheckpointException: Task has failed. Checkpoint was declined.", "too often in a row"),
    ],
)
def test_a_trace_that_was_read_of_has_its_words_too(trace: str, words: str) -> None:
    cause = explain(trace, ORDERS)
    assert cause is not None
    assert words in cause.words


def test_an_unknown_trace_has_none() -> None:
    assert explain("java.lang.IllegalStateException: something else\n\tat a.b.C", ORDERS) is None


def test_each_rule_says_what_to_do_and_names_the_table_where_a_command_needs_it() -> None:
    cause = explain("StateMigrationException", ORDERS)
    assert cause is not None
    assert cause.advice == (
        "put SQL and options back, then headwater apply; "
        "or headwater apply --fresh dwd.orders starts it without state, reading its inputs from the start"
    )
    assert all(rule.words and rule.advice for rule in RULES)
