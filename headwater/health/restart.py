"""Starting a job again that has ended by itself: when, how often, and when to leave it to people.

Flink restarts a job by itself for as long as its restart strategy says; what is decided here comes after that, for
models whose declaration asks for it (`job: {restart: …}`). Nothing is started that would need a decision: a job that
somebody stopped or cancelled, or one whose declaration is not what ran.
"""

from dataclasses import dataclass
from datetime import datetime

from headwater.engines import JobState, RetainedState
from headwater.health.look import Look
from headwater.model import Restart


@dataclass(frozen=True, slots=True)
class Attempts:
    """What is remembered of a model whose job has ended by itself.

    Args:
        failed: Flink's id of the job that ended last.
        since: When that was first seen.
        started: When a job was started again, oldest first.
    """

    failed: str
    since: datetime
    started: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Healing:
    """What is to be done.

    Args:
        attempts: To be remembered until the next look; None for nothing.
        start: The number of the start that is to be made now, 0 for none.
        words: What is being done, for people; "" when there is nothing to say.
    """

    attempts: Attempts | None = None
    start: int = 0
    words: str = ""


def heal(look: Look, state: RetainedState | None, before: Attempts | None) -> Healing:
    """Decide about one model.

    A job that failed leaves a checkpoint as its newest state, one that was stopped a savepoint: that tells them apart
    also when Flink remembers neither.

    Args:
        look: What was found of its job.
        state: The newest state that there is of it.
        before: What was remembered at the look before.
    """
    policy = look.model.restart
    if policy is None:
        return Healing()
    if look.job is not None:
        return _alive(policy, look.at, before)
    if look.ended is not None and look.ended.state is not JobState.FAILED:
        return Healing(words="it is not started by itself: somebody ended it")
    if state is None:
        return Healing(words="it is not started by itself: it has no state")
    if state.is_savepoint:
        return Healing(words="it is not started by itself: its newest state is a savepoint, so somebody stopped it")
    if state.fingerprint != look.declared:
        return Healing(
            before, words=f"it is not started by itself: {state.fingerprint} ran, declared is {look.declared}"
        )
    # The folder of a checkpoint lies in that of its job.
    failed = look.ended.id if look.ended else state.path.parent.name
    attempts = before or Attempts(failed, look.at)
    if attempts.failed != failed:
        attempts = Attempts(failed, look.at, attempts.started)
    return _dead(policy, attempts, look.at)


def _alive(policy: Restart, now: datetime, before: Attempts | None) -> Healing:
    """Attempts count for a while after the job runs again, so that one that fails every few minutes is given up."""
    if before is None or not before.started or now - before.started[-1] > policy.within:
        return Healing()
    return Healing(before, words=f"started again by itself {_times(len(before.started))}")


def _dead(policy: Restart, attempts: Attempts, now: datetime) -> Healing:
    made = len(attempts.started)
    if made >= policy.attempts:
        return Healing(attempts, words=f"started again by itself {_times(made)}, given up")
    due = max((attempts.since, *attempts.started)) + policy.backoff * 2**made
    which = f"start {made + 1} of {policy.attempts} by itself"
    if now < due:
        return Healing(attempts, words=f"{which} at {due:%H:%M:%S} UTC")
    started = Attempts(attempts.failed, attempts.since, (*attempts.started, now))
    return Healing(started, made + 1, f"{which} now")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
