"""What was submitted, as it is kept beside a job's state: so that the very same job can be started again.

Addresses are left out: a lake or a broker that has moved since is the same lake or broker.
"""

from typing import Any

from headwater.compile.job import PARALLELISM, JobSpec
from headwater.model import Parallelism, TableName
from resources.flink.statefolder import fingerprint_of

_LAKE, _KAFKA = "${lake}", "${kafka}"


def record(job: JobSpec, lake: str, kafka: str) -> dict[str, Any]:
    """A job as JSON.

    Args:
        job: As it is submitted.
        lake: URI of the lake that its tables are bound in.
        kafka: The broker's address.
    """
    return {
        "properties": [list(pair) for pair in job.properties],
        "bindings": [
            text.replace(f"'{lake}/", f"'{_LAKE}/").replace(f"'{kafka}'", f"'{_KAFKA}'") for text in job.bindings
        ],
        "insert": job.insert,
        "engine": job.engine,
        "keyed": job.keyed,
        "reads_topics": job.broker is not None,
    }


def job(said: dict[str, Any], model: TableName, name: str, lake: str, kafka: str) -> JobSpec:
    """The job that `record` wrote for a model's deployment of this name, at today's addresses.

    It has the parallelism that was noted last.
    """
    number = parallelism(said)
    return JobSpec(
        model=model,
        fingerprint=fingerprint_of(name),
        properties=tuple((key, value) for key, value in said["properties"]),
        bindings=tuple(text.replace(_LAKE, lake).replace(_KAFKA, kafka) for text in said["bindings"]),
        insert=said["insert"],
        keyed=said["keyed"],
        engine=said.get("engine", ""),
        broker=kafka if said["reads_topics"] else None,
        parallelism=Parallelism(number, number),
    )


def parallelism(said: dict[str, Any]) -> int:
    """The parallelism that the job ran with last, as far as it is noted."""
    return int(dict(said["properties"]).get(PARALLELISM, "1"))


def with_parallelism(said: dict[str, Any], number: int) -> dict[str, Any]:
    """The record of the job at another parallelism."""
    properties = {**dict(said["properties"]), PARALLELISM: str(number)}
    return {**said, "properties": [list(pair) for pair in sorted(properties.items())]}
