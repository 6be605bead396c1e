"""The process that answers one question, and ends: `python -m serving.analysis.worker`.

It reads the question from stdin (pickled by the desk, its parent), and writes a line of JSON to stdout, with the rows'
Arrow stream behind it. What goes wrong within DuckDB ends with this process.
"""

import json
import pickle
import resource
import sys
from typing import TYPE_CHECKING, BinaryIO

from headwater.problem import HeadwaterError
from resources.query import ArrowAnswer, arrow_answer
from serving.analysis.question import Question, TooLarge

if TYPE_CHECKING:
    import pyarrow

METADATA = b"headwater"
"""The key in the schema's metadata under which the answer says what it was read from."""


def main() -> None:
    """Answer the question on stdin."""
    _warm_up()
    _head(sys.stdout.buffer, {"ready": True})
    question: Question = pickle.load(sys.stdin.buffer)
    _limit(question.limits.seconds)
    _reply(question, sys.stdout.buffer)


def described(answer: ArrowAnswer) -> dict[str, object]:
    """What an answer was read from, in JSON's terms."""
    as_of = answer.as_of
    return {
        "snapshots": {str(pinned.table): pinned.snapshot.id for pinned in answer.inputs},
        "watermarks": {
            str(pinned.table): pinned.snapshot.watermark.isoformat()
            for pinned in answer.inputs
            if pinned.snapshot.watermark is not None
        },
        "as_of": None if as_of is None else as_of.isoformat(),
        "rows": answer.rows.num_rows,
        "truncated": answer.truncated,
    }


def labelled(answer: ArrowAnswer) -> "pyarrow.Table":
    """The rows, with `described` in the schema's metadata."""
    told = json.dumps(described(answer)).encode()
    return answer.rows.replace_schema_metadata({**(answer.rows.schema.metadata or {}), METADATA: told})


def _warm_up() -> None:
    """Load what takes long before somebody waits."""
    import duckdb
    import pyarrow
    import sqlglot  # noqa: F401

    from resources.paimon import reader  # noqa: F401

    duckdb.connect(":memory:").close()
    pyarrow.array([1])


def _limit(seconds: float) -> None:
    """Processor time as a second line: a desk that was killed ends nobody."""
    spent = int(seconds * 4) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (spent, spent))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _reply(question: Question, out: BinaryIO) -> None:
    import pyarrow

    try:
        answer = _answered(question)
        if answer.rows.nbytes > question.limits.answer_bytes:
            raise TooLarge(
                f"The answer takes {answer.rows.nbytes / 1e6:,.0f} MB; at most"
                f" {question.limits.answer_bytes / 1e6:,.0f} MB are given",
                next_command="select fewer columns or rows, or group",
            )
    except HeadwaterError as error:
        _head(out, _failure(error))
        return
    table = labelled(answer)
    _head(out, described(answer))
    with pyarrow.ipc.new_stream(out, table.schema) as stream:
        stream.write_table(table)
    out.flush()


def _answered(question: Question) -> ArrowAnswer:
    from resources.declarations import warehouse

    limits = question.limits
    return arrow_answer(
        question.stack.lake,
        question.sql,
        at=question.at,
        limit=limits.rows,
        memory_limit=limits.memory,
        spill_limit=limits.spill,
        markets=lambda: warehouse(question.stack).markets,
    )


def _failure(error: HeadwaterError) -> dict[str, object]:
    return {
        "failed": error.failed,
        "left": error.left,
        "next": error.next_command,
        "too_large": isinstance(error, TooLarge),
    }


def _head(out: BinaryIO, told: dict[str, object]) -> None:
    out.write(json.dumps(told).encode() + b"\n")
    out.flush()


if __name__ == "__main__":
    main()
