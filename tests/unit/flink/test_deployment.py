"""What was submitted, kept without addresses and put back at today's."""

from dataclasses import replace

from headwater.compile.binding import Addresses
from headwater.compile.job import compile_job
from resources.flink import deployment
from tests.unit.compile.declared import THINGS, UPSTREAM

THEN = Addresses(lake="file:/old/lake", kafka="127.0.0.1:9092")
NOW = Addresses(lake="file:/new/lake", kafka="127.0.0.1:19092")


def test_a_job_comes_back_as_it_would_be_compiled_for_todays_addresses() -> None:
    job = compile_job(THINGS, UPSTREAM, THEN)
    kept = deployment.record(job, THEN.lake, THEN.kafka)
    assert "old" not in str(kept)
    assert "9092" not in str(kept)
    name = f"{job.fingerprint}-2"
    assert deployment.job(kept, job.model, name, NOW.lake, NOW.kafka) == compile_job(THINGS, UPSTREAM, NOW)


def test_a_job_comes_back_with_the_parallelism_that_it_was_scaled_to() -> None:
    kept = deployment.record(compile_job(THINGS, UPSTREAM, THEN), THEN.lake, THEN.kafka)
    assert deployment.parallelism(kept) == 1
    scaled = deployment.with_parallelism(kept, 3)
    assert deployment.parallelism(scaled) == 3
    job = deployment.job(scaled, THINGS.name, "f0", NOW.lake, NOW.kafka)
    assert dict(job.properties) == dict(compile_job(THINGS, UPSTREAM, NOW).properties) | {"parallelism.default": "3"}
    assert job.sized(deployment.parallelism(scaled)) == job


def test_a_job_that_reads_no_topic_needs_no_broker() -> None:
    job = replace(compile_job(THINGS, UPSTREAM, THEN), broker=None)
    kept = deployment.record(job, THEN.lake, THEN.kafka)
    assert deployment.job(kept, job.model, job.fingerprint, NOW.lake, NOW.kafka).broker is None
