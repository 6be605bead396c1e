"""Another parallelism for a running job: when it counts as there, and what is told when it does not come."""

from collections.abc import Sequence

import pytest

from headwater.engines import ActualJob, JobHealth, JobScale, JobState
from headwater.plan.rescaling import rescale
from headwater.problem import HeadwaterError
from tests.unit.plan.inmemory import InMemoryEngine, health, job

RUNNING = job("dm.sums", "f1")


class Changing(InMemoryEngine):
    """Flink changes over some looks after it was asked."""

    def __init__(self, healths: Sequence[JobHealth], *, looks: int) -> None:
        super().__init__([RUNNING], healths=healths)
        self._looks = looks

    def rescale(self, job: ActualJob, parallelism: int) -> None:
        super().rescale(job, parallelism)
        self.scales[job.id] = JobScale(parallelism, 1)

    def scale(self, job_id: str) -> JobScale | None:
        found = super().scale(job_id)
        if self.calls and found is not None:
            self._looks -= 1
            if not self._looks:
                self.scales[job_id] = found = JobScale(found.wanted, found.wanted)
        return found


def test_a_job_counts_as_scaled_when_it_has_completed_a_checkpoint_with_the_new_parallelism() -> None:
    looks = [health(checkpoints=7), health(checkpoints=8), health(JobState.RESTARTING, 8), health(checkpoints=8)]
    engine = Changing([*looks, health(checkpoints=9)], looks=2)
    rescale(engine, RUNNING, 3, patience=60)
    assert engine.calls == ["rescale dm.sums to 3"]
    # The last look alone shows progress: the one before it was the first after a restart.
    assert engine.health(RUNNING.id) == health(checkpoints=9)


def test_nothing_is_asked_of_a_job_that_has_the_parallelism() -> None:
    engine = InMemoryEngine([RUNNING])
    rescale(engine, RUNNING, 1, patience=0)
    assert engine.calls == []


def test_a_job_that_does_not_change_over_is_told_with_the_reason_and_what_is_left() -> None:
    engine = Changing([health(JobState.RESTARTING, failure="NoResource: none")], looks=1)
    with pytest.raises(HeadwaterError) as raised:
        rescale(engine, RUNNING, 3, patience=0)
    assert raised.value.failed == "Job dm.sums (j1) did not go on with 3 subtasks within 0 s: NoResource: none"
    assert raised.value.left == "the job, RESTARTING with 3; Flink goes on trying"
    assert raised.value.next_command == "headwater scale dm.sums, or headwater logs jobmanager"


def test_a_job_that_does_not_run_is_not_scaled() -> None:
    engine = InMemoryEngine()
    with pytest.raises(HeadwaterError, match=r"dm\.sums does not run, so it cannot be scaled: it is RESTARTING"):
        rescale(engine, job("dm.sums", "f1", JobState.RESTARTING), 2, patience=0)
    assert engine.calls == []


def test_more_subtasks_than_there_are_free_slots_are_refused_before_flink_is_asked() -> None:
    engine = InMemoryEngine([RUNNING])
    engine.free = 2
    with pytest.raises(HeadwaterError) as raised:
        rescale(engine, RUNNING, 4, patience=0)
    assert raised.value.failed == (
        "Job dm.sums would need 3 slots more, and 2 of 16 are free; those that a job gives back are free after about "
        "a minute"
    )
    assert raised.value.left == "the job as it was, with 1"
    assert engine.calls == []
