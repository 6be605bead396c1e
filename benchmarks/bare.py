"""The reference: the same Flink job as an engineer starts it by hand, without the platform."""

import re
from collections.abc import Mapping
from pathlib import Path
from string import Template

from headwater.stack import Stack
from resources.flink.gateway import Gateway

SQL_FILE = Path(__file__).parent / "bare_orders.sql"
GROUP = "bare.orders"

_TABLE = "CREATE TABLE lake."
_COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)


def settings(place: Stack, *, topics: str, checkpoints: str) -> dict[str, str]:
    """What `bare_orders.sql` leaves open.

    Args:
        place: A lake and job state of the job's own.
        topics: What stands before the topics' names.
        checkpoints: Interval, as Flink spells it.
    """
    return {
        "lake": place.lake.as_uri(),
        "state": (place.job_state / "bare").as_uri(),
        "kafka": place.kafka,
        "group": GROUP,
        "topics": topics,
        "checkpoints": checkpoints,
    }


def statements(values: Mapping[str, str]) -> tuple[str, ...]:
    """The statements of `bare_orders.sql`, in order, without comments. Raises KeyError when a value is missing."""
    text = Template(_COMMENT.sub("", SQL_FILE.read_text())).substitute(values)
    return tuple(statement.strip() for statement in re.split(r";\s*(?:\n|\Z)", text) if statement.strip())


def submit(place: Stack, *, topics: str, checkpoints: str, savepoint: str | None = None) -> str:
    """Run the statements in one session; give the job's id. Raises HeadwaterError with Flink's last cause.

    Args:
        place: A lake and job state of the job's own.
        topics: What stands before the topics' names.
        checkpoints: Interval, as Flink spells it.
        savepoint: Where the job goes on from; its table is there then. None for a new job with a new table.
    """
    gateway = Gateway(place.gateway_url)
    try:
        with gateway.session({"execution.state-recovery.path": savepoint} if savepoint else {}) as session:
            result = {}
            for statement in statements(settings(place, topics=topics, checkpoints=checkpoints)):
                if savepoint is None or not statement.startswith(_TABLE):
                    result = session.execute(statement)
            return job_id(result)
    finally:
        gateway.close()


def job_id(result: Mapping[str, object]) -> str:
    """The id in what the gateway says of an INSERT. Raises KeyError when it started no job."""
    return str(result["jobID"])
