"""Is a job doing what it should: four checks, judged from one look and what is remembered of earlier ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from headwater.engines import ActualJob, JobHealth, JobState
from headwater.health.causes import Cause, explain
from headwater.health.load import falls_behind, held_up, waiting
from headwater.health.look import Look

# A job that fails so often within this time is not running, whatever its state at the moment; until it has not failed
# for as long as Flink takes to forget its own pauses (restart-strategy.exponential-delay.reset-backoff-threshold).
_FAILURES, _WITHIN, _QUIET = 3, timedelta(minutes=10), timedelta(minutes=2)
# A job may take so long to come back, or to find a slot.
_UNTIL_RUNNING = timedelta(seconds=60)

# A checkpoint is overdue after this many intervals, and never before a minute: one that is slow is not yet missing.
_INTERVALS, _SHORTEST_PATIENCE = 10, timedelta(seconds=60)
_FAILED_IN_A_ROW = 3

_LOGS = "headwater logs jobmanager"


class Check(StrEnum):
    """What is judged of a job."""

    RUNNING = "job_running"
    CHECKPOINT = "checkpoint_recent"
    DECLARED = "job_as_declared"
    KEEPS_UP = "job_keeps_up"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A check's outcome.

    Args:
        check: What was judged.
        passed: The job is as it should be.
        reason: In words, with the cause of a failure.
        next_command: What to do, "" where nothing is to do.
    """

    check: Check
    passed: bool
    reason: str
    next_command: str = ""

    @property
    def is_error(self) -> bool:
        """A job that does not run is an error; one that runs with a fault still works, for now."""
        return self.check is Check.RUNNING

    def __str__(self) -> str:
        return self.reason + (f". Next: {self.next_command}" if self.next_command else "")


def judge(look: Look, healing: str = "") -> Sequence[Verdict]:
    """All verdicts on a model's job.

    Args:
        look: What was found of it.
        healing: What is being done by itself about a job that has ended (headwater.health.restart), or "".
    """
    if look.job is None or look.health is None:
        ended = _ended(look, healing)
        missing = f"Flink has no job of {look.model.name}"
        return ended, *(Verdict(check, False, missing) for check in Check if check is not Check.RUNNING)
    return (
        _running(look, look.job, look.health, healing),
        _checkpointed(look, look.job, look.health),
        _as_declared(look, look.job),
        _keeps_up(look),
    )


def cause(look: Look) -> Cause | None:
    """Why the job failed when it last did, in words where they are known, else in Flink's; None when it did not."""
    health = look.health
    if health is None or not (health.failure or health.trace):
        return None
    known = explain(health.trace or health.failure, look.model.name)
    return known or Cause(health.failure, _LOGS)


def _ended(look: Look, healing: str) -> Verdict:
    model = look.model.name
    if look.ended is None:
        reason, advice = f"Flink has no job of {model}", f"headwater apply --model {model}"
    elif look.ended.state is JobState.FAILED:
        why = cause(look) or Cause("Flink gives no reason", _LOGS)
        reason, advice = f"FAILED: {why.words}", f"{why.advice}; then headwater apply --model {model}"
    else:
        how = "cancelled" if look.ended.state is JobState.CANCELED else "stopped"
        reason, advice = f"Flink has no job of {model}: it was {how}", f"headwater apply --model {model}"
    return Verdict(Check.RUNNING, False, f"{reason}; {healing}" if healing else reason, advice)


def _running(look: Look, job: ActualJob, health: JobHealth, healing: str) -> Verdict:
    recent = [at for at in health.failed_at if look.at - at <= _WITHIN]
    is_quiet = health.state is JobState.RUNNING and (not recent or look.at - recent[0] > _QUIET)
    keeps_failing = len(recent) >= _FAILURES and not is_quiet
    since = health.since or job.started_at
    is_late = health.state is not JobState.RUNNING and look.at - since > _UNTIL_RUNNING
    parts = [health.state.value]
    if is_late:
        parts.append(f"for {_seconds(look.at - since)}")
    if recent:
        parts.append(f"failed {_times(len(recent))} within the last {_minutes(look.at - recent[-1])}")
    elif health.restarts:
        parts.append(f"restarted {_times(health.restarts)} since it was submitted")
    reason = ", ".join(parts)
    why = cause(look)
    if is_late and health.state is JobState.CREATED and why is None:
        why = explain("NoResourceAvailableException", look.model.name)
    if why is not None:
        reason += f"; {'last failure' if is_quiet else 'cause'}: {why.words}"
    if healing:
        reason += f"; {healing}"
    passed = not keeps_failing and not is_late
    return Verdict(Check.RUNNING, passed, reason, "" if passed else (why.advice if why else _LOGS))


def _checkpointed(look: Look, job: ActualJob, health: JobHealth) -> Verdict:
    patience = max(_SHORTEST_PATIENCE, _INTERVALS * (look.model.job.checkpoint_interval or timedelta()))
    last = health.last_checkpoint_at
    age = look.at - (last or job.started_at)
    since = "since the newest checkpoint" if last else "since the start, and no checkpoint yet"
    reason, advice = f"{_seconds(age)} {since}", ""
    if health.checkpoints_failed:
        why = explain(health.checkpoint_failure, look.model.name) or Cause(health.checkpoint_failure, _LOGS)
        reason += f"; {_times(health.checkpoints_failed)} in a row it failed: {why.words}"
        advice = why.advice
    if age < -patience:
        # The clock was set back: until the next checkpoint, nobody knows how old this one is.
        reason = f"the clock was set back: the newest checkpoint is of {last or job.started_at:%Y-%m-%d %H:%M:%S} UTC"
    passed = -patience <= age <= patience and health.checkpoints_failed < _FAILED_IN_A_ROW
    return Verdict(Check.CHECKPOINT, passed, reason, "" if passed else advice or _LOGS)


def _as_declared(look: Look, job: ActualJob) -> Verdict:
    if job.fingerprint != look.declared:
        reason = f"it runs {job.fingerprint}, declared is {look.declared}: its SQL or options are not those declared"
        return Verdict(Check.DECLARED, False, reason, "headwater plan shows the difference, headwater apply deploys it")
    if look.misplaced:
        return Verdict(
            Check.DECLARED, False, look.misplaced, f"headwater savepoints {look.model.name} lists its states"
        )
    return Verdict(Check.DECLARED, True, f"it runs {job.fingerprint}, as declared")


def _keeps_up(look: Look) -> Verdict:
    found = [reason for reason in (held_up(look), falls_behind(look)) if reason]
    if found:
        advice = "look at the busiest task on the job's page; more job.parallelism, or a lighter flow, keeps up"
        return Verdict(Check.KEEPS_UP, False, "; ".join(found), advice)
    records = waiting(look)
    return Verdict(Check.KEEPS_UP, True, "it keeps up" + ("" if records is None else f"; {records:,} records wait"))


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.0f} s"


def _minutes(span: timedelta) -> str:
    return _seconds(span) if span < timedelta(minutes=2) else f"{span.total_seconds() / 60:.0f} min"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
