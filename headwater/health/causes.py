"""From Flink's exception chain to a sentence that a person understands, and what to do about it.

The rules are data: the first pattern found anywhere in a trace says what happened. So the rules of what lies deepest
stand first: a full disk ends in a failed checkpoint, and a failed checkpoint in a restart. Texts are those of Flink
2.0.2, Paimon 2.0.0 and Kafka's client 4.0; most were taken from a running cluster (tests/unit/flink/traces/failures).
"""

import re
from dataclasses import dataclass

from headwater.model import TableName


@dataclass(frozen=True, slots=True)
class Cause:
    """What happened, in a sentence or two, and what to do next. No text ends in a full stop."""

    words: str
    advice: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of failure.

    Args:
        pattern: A regular expression; found in a trace, it is this kind. Named groups go into the words. It is compiled
            when it is first asked for: whoever only loads definitions asks for none.
        words: What happened.
        advice: What to do; `{model}` stands for the job's table.
    """

    pattern: str
    words: str
    advice: str


_GOES_ON = "it goes on by itself then, and when Flink has given it up: headwater apply"
_TOPIC = "headwater apply makes the topic, empty; what was in a deleted one is gone"
_FRESH = "headwater apply --fresh {model} starts it without state, reading its inputs from the start"

RULES: tuple[Rule, ...] = (
    Rule(
        r"No space left on device",
        "The disk is full",
        f"free some room (headwater doctor says how much); {_GOES_ON}",
    ),
    # A TaskManager that runs out of heap ends at once (-XX:+ExitOnOutOfMemoryError): then it is «gone», below.
    Rule(
        r"OutOfMemoryError: Metaspace",
        "The TaskManager has no memory left for classes: jobs that were started again and again leave theirs behind",
        "headwater down, then headwater up; larger: taskmanager.memory.jvm-metaspace.size",
    ),
    Rule(
        r"OutOfMemoryError: (Direct buffer memory|Cannot reserve \d+ bytes of direct)",
        "The TaskManager has no direct memory left: too many jobs, or records that are too large, for one process",
        "run fewer jobs, or lower their parallelism; larger: taskmanager.memory.task.off-heap.size",
    ),
    Rule(
        r"OutOfMemoryError",
        "The TaskManager has no heap left: a row, a batch of rows or a function needs more than there is",
        "look for what grows without bound in the model's SQL; larger: taskmanager.memory.task.heap.size",
    ),
    Rule(
        r"The wanted read snapshot with id (?P<snapshot>\d+) has expired",
        "It wants to go on with snapshot {snapshot} of a table it reads, which has expired: it was away for longer "
        "than snapshots are kept",
        _FRESH,
    ),
    Rule(
        r"(LSM|File deletion) conflicts detected",
        "Its commit contradicts the table: a second job writes it, or the job started from an older savepoint than the "
        "table's newest snapshot",
        "headwater plan names a second job, headwater savepoints {model} the snapshot of each savepoint",
    ),
    Rule(
        r"StateMigrationException",
        "Its state was written in another shape than the SQL or the options now ask for, and cannot be read",
        f"put SQL and options back, then headwater apply; or {_FRESH}",
    ),
    Rule(
        r"Cannot map checkpoint/savepoint state for operator (?P<operator>\S+)",
        "Its state has a part (operator {operator}) that the job has no operator for",
        f"put the SQL back, then headwater apply; or {_FRESH}",
    ),
    Rule(
        r"Cannot find meta data file '_metadata' in directory '(file:)?(?P<path>[^']+)'",
        "The savepoint or checkpoint that it should start from is not there, or not complete: {path}",
        "headwater savepoints {model} lists those that are; headwater apply starts from the newest",
    ),
    Rule(
        r"(Could not restore (keyed|operator) state backend|BackendBuildingException|Unexpected magic number"
        r"|Cannot read the (job )?(checkpoint|savepoint))",
        "Its state cannot be read: a file of the savepoint or checkpoint is missing or damaged",
        f"headwater savepoints {{model}} lists earlier ones; or {_FRESH}",
    ),
    Rule(
        r"topics \[(?P<topic>[^\]]+)\].*UnknownTopicOrPartitionException",
        "The topic {topic} that it reads is not at the broker",
        _TOPIC,
    ),
    Rule(r"UnknownTopicOrPartitionException", "A topic that it reads is not at the broker", _TOPIC),
    Rule(
        r"OffsetOutOfRangeException: .*?partition (?P<partition>[^\s,]+)",
        "The records where it wants to go on are no longer in the topic (partition {partition}): it was away for "
        "longer than the topic keeps them",
        _FRESH,
    ),
    Rule(
        r"TimeoutException: (Timed out waiting for a node assignment|Timeout expired while fetching topic metadata"
        r"|Timeout of \d+ms expired before the (position|last committed offset)|Call\(callName=)"
        r"|kafka\.common\.errors\.(DisconnectException|BrokerNotAvailableException)",
        "No Kafka broker answers",
        f"headwater status, headwater logs kafka; {_GOES_ON}",
    ),
    Rule(
        r"(ClassNotFoundException|NoClassDefFoundError): (?P<name>[\w.$/]+)",
        "Flink does not find the class {name}: a jar is missing, or an option names a class that does not exist",
        "headwater doctor checks the jars; an option stands in job.options of {model}",
    ),
    Rule(
        r"Column '(?P<column>[^']+)' is NOT NULL, however, a null value is being written into it",
        "A record has no value for the column {column}, which must have one; the job fails at it again and again",
        "leave such records out (WHERE {column} IS NOT NULL) or give them a value (COALESCE), then headwater apply",
    ),
    Rule(
        r"(NumberFormatException|DateTimeParseException|DateTimeException|JsonParseException): (?P<said>[^\n]+)",
        "A record holds a value that cannot be converted ({said}); the job fails at it again and again",
        "write TRY_CAST where the SQL of {model} has CAST, then headwater apply",
    ),
    Rule(
        r"ArithmeticException: (?P<said>[^\n]+)",
        "A record cannot be computed with ({said}); the job fails at it again and again",
        "guard the operation in the SQL of {model} (NULLIF(divisor, 0), a wider type), then headwater apply",
    ),
    Rule(
        r"NoResourceAvailableException",
        "No task slot is free: all jobs together need more than Flink has",
        "lower job.parallelism of some models, or stop a job; headwater doctor counts the slots",
    ),
    Rule(
        r"TaskManager with id \S+ (is no longer reachable|timed out)"
        r"|(Connection unexpectedly closed by remote|Lost connection to|Error at remote) task manager",
        "The TaskManager that it ran on is gone: it was killed, ran out of memory, or did not answer on a busy machine",
        "headwater logs taskmanager says why; it is started again and the job goes on by itself",
    ),
    Rule(
        r"Checkpoint expired before completing",
        "Checkpoints take longer than they may: the job is held up, or the disk is slow",
        "look at the job's back pressure and at the disk; longer: execution.checkpointing.timeout in job.options",
    ),
    Rule(
        r"Failure to finalize checkpoint|IO-problem detected|Asynchronous task checkpoint failed|Could not materialize",
        "Flink cannot write a checkpoint: the disk is full, or its folder cannot be written",
        "headwater doctor looks at the disk, headwater logs jobmanager says which file",
    ),
    Rule(
        r"Checkpoint was declined|Task .* declined the checkpoint|Exceeded checkpoint tolerable failure threshold",
        "Checkpoints failed too often in a row",
        "headwater logs jobmanager says why",
    ),
)


def explain(trace: str, model: TableName) -> Cause | None:
    """What a trace, or the message of a failed checkpoint, means. None when no rule knows it."""
    for rule in RULES:
        found = re.search(rule.pattern, trace, re.DOTALL)
        if found:
            values = {**found.groupdict(), "model": model}
            return Cause(rule.words.format(**values), rule.advice.format(**values))
    return None
