"""State that is late, damaged or gone: what is told, what is left, and that nothing takes its place in silence."""

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from headwater.plan.execute import Executor
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.flink import jobmanager
from resources.local.processes import processes
from tests.integration.flink.events import COUNTS, EVENTS, await_counts, event
from tests.integration.flink.house import House
from tests.integration.waiting import eventually


def test_a_savepoint_that_takes_too_long_is_told_and_the_next_apply_waits_for_it(
    counts: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts.send("event#", [event(1, 10), event(2, 20)])
    counts.apply(EVENTS, COUNTS)
    await_counts(counts, {1: 10, 2: 20})
    job = counts.job(EVENTS).id

    counts.write("dwd/events#/select.sql", "SELECT id, size, seen_at FROM ods.event# WHERE id > 0\n")
    with frozen(counts.stack, "taskmanager"), monkeypatch.context() as hasty:
        hasty.setattr(jobmanager, "_SAVEPOINT_SECONDS", 1.0)
        with pytest.raises(HeadwaterError) as late:
            counts.apply(EVENTS)
        assert late.value.failed == f"Flink made no savepoint of job {job}: none within 1 s"
        assert late.value.left == "the job, which runs on and stops by itself when its savepoint is complete"
        assert f"{counts.stack.flink_url}/#/job/running/{job}" in late.value.next_command

        with pytest.raises(HeadwaterError, match="none within 1 s"):
            counts.apply(EVENTS)
    counts.send("event#", [event(3, 30)])
    counts.apply(EVENTS)
    assert f"savepoint-{job[:6]}-" in str(counts.health(EVENTS).restored_from)
    await_counts(counts, {1: 10, 2: 20, 3: 30})


def test_the_newest_state_is_told_by_its_number_when_the_clock_was_set_back(counts: House) -> None:
    counts.send("event#", [event(1, 10)])
    counts.apply(EVENTS, COUNTS)
    await_counts(counts, {1: 10})
    newest, older = halted(counts)
    set_time(newest, -7200)
    set_time(older, +7200)
    counts.apply(EVENTS)
    assert str(counts.health(EVENTS).restored_from).endswith(str(newest))
    await_counts(counts, {1: 10})


def test_a_damaged_checkpoint_is_told_and_the_one_before_it_goes_on_exactly_when_asked_for(counts: House) -> None:
    counts.send("event#", [event(1, 10), event(2, 20)])
    counts.apply(EVENTS, COUNTS)
    await_counts(counts, {1: 10, 2: 20})
    newest, older = halted(counts)
    metadata = newest / "_metadata"
    metadata.write_bytes(metadata.read_bytes()[:-20])

    with pytest.raises(HeadwaterError, match=r"is FAILED and not healthy: .*EOFException") as damaged:
        counts.apply(EVENTS, patience=20)
    assert damaged.value.left == f"the state it started from, {newest}"
    assert f"If that state is damaged: headwater apply --from {older} goes on from" in damaged.value.next_command
    assert not counts.has_job(EVENTS)

    counts.send("event#", [event(2, 21), event(3, 30)])
    counts.apply(earlier=[older])
    assert str(counts.health(EVENTS).restored_from).endswith(str(older))
    await_counts(counts, {1: 10, 2: 21, 3: 30})
    assert counts.plan(EVENTS).is_empty


def test_a_savepoint_that_is_gone_when_the_job_is_to_start_from_it_is_never_replaced_by_an_older_one(
    counts: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts.send("event#", [event(1, 10)])
    counts.apply(EVENTS, COUNTS)
    await_counts(counts, {1: 10})
    first = counts.stop(EVENTS)
    counts.apply(EVENTS)
    counts.send("event#", [event(1, 11), event(2, 20)])
    await_counts(counts, {1: 11, 2: 20})

    lost: list[Path] = []
    counts.write("dwd/events#/select.sql", "SELECT id, size, seen_at FROM ods.event# WHERE id > 0\n")
    with monkeypatch.context() as torn:
        torn.setattr("resources.deploy.Executor", losing_savepoints(lost))
        with pytest.raises(HeadwaterError) as gone:
            counts.apply(EVENTS)
    assert f"should start from is not there: {lost[0]}" in gone.value.failed
    assert f"its savepoint {lost[0]} is gone" in gone.value.failed
    assert f"headwater apply --from {first} goes on from the state before it, savepoint" in gone.value.next_command
    assert not counts.has_job(EVENTS)

    (refusal,) = counts.plan(EVENTS).refusals
    assert "is older than its table" in refusal
    assert "a newer state was lost" in refusal
    with pytest.raises(HeadwaterError, match="The plan cannot be applied"):
        counts.apply(EVENTS)
    counts.apply(earlier=[first])
    counts.send("event#", [event(3, 30)])
    await_counts(counts, {1: 11, 2: 20, 3: 30})


def test_a_job_that_went_back_and_fails_before_it_has_committed_anything_loses_no_row(
    events: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    events.send("event#", [event(1, 10)])
    events.apply(EVENTS)
    events.await_values(EVENTS, ("id",), [(1,)])
    first = events.stop(EVENTS)
    went_back_to = events.state(EVENTS, first).checkpoint
    assert went_back_to is not None
    events.apply(EVENTS)
    # The table's newest commit has a number that the job, once it has gone back, takes a while to reach again.
    eventually(lambda: (events.states(EVENTS)[0].checkpoint or 0) > went_back_to + 8, "checkpoints")
    events.send("event#", [event(2, 20)])
    events.await_values(EVENTS, ("id",), [(1,), (2,)])
    events.cancel(EVENTS)

    events.send("event#", [event(3, 30)])
    manifests = events.stack.lake / "dwd.db" / events.table(EVENTS).table / "manifest"
    with monkeypatch.context() as torn, contextlib.suppress(HeadwaterError):
        torn.setattr("resources.deploy.Executor", at_start(lambda: cut_off(manifests)))
        events.apply(earlier=[first], patience=15)
    eventually(lambda: events.health(EVENTS).restarts > 0, "a commit to fail")
    manifests.unlink()
    manifests.with_name("aside").rename(manifests)
    events.await_values(EVENTS, ("id",), [(1,), (2,), (3,)])


def test_a_job_whose_state_is_all_gone_starts_only_when_told_to_start_without(counts: House) -> None:
    counts.send("event#", [event(1, 10)])
    counts.apply(EVENTS, COUNTS)
    await_counts(counts, {1: 10})
    halted(counts)
    for states in counts.stack.job_state.glob(f"{counts.table(EVENTS)}/*/checkpoints"):
        shutil.rmtree(states)
    (refusal,) = counts.plan(EVENTS).refusals
    assert "its table holds rows of a job whose checkpoints and savepoints are all gone" in refusal
    assert refusal.endswith(f"headwater apply --fresh {counts.table(EVENTS)}")
    counts.apply(EVENTS, fresh=[EVENTS])
    counts.send("event#", [event(2, 20)])
    await_counts(counts, {1: 10, 2: 20})


@contextmanager
def frozen(stack: Stack, name: str) -> Iterator[None]:
    """One process of the stack does nothing meanwhile; too short for anybody to take it for dead."""
    (pid,) = (process.pid for process in processes(stack) if process.name == name)
    assert pid is not None
    psutil.Process(pid).suspend()
    try:
        yield
    finally:
        psutil.Process(pid).resume()


def halted(house: House) -> tuple[Path, Path]:
    """Cancel the job of `dwd.events` when it has two checkpoints, as a person does; give both, the newest first."""
    eventually(lambda: len(house.states(EVENTS)) > 1, "two checkpoints")
    house.cancel(EVENTS)
    newest, older = house.states(EVENTS)[:2]
    return newest.path, older.path


def set_time(state: Path, seconds: float) -> None:
    when = time.time() + seconds
    os.utime(state / "_metadata", (when, when))


def losing_savepoints(lost: list[Path]) -> Callable[..., Executor]:
    """Executors under which every savepoint is gone as soon as the job has been stopped with it."""

    def saw(line: str) -> None:
        if line.startswith("  savepoint "):
            lost.append(Path(line.removeprefix("  savepoint ")))

    return at_start(lambda: shutil.rmtree(lost[-1]), saw)


def at_start(do: Callable[[], None], saw: Callable[[str], None] = lambda _line: None) -> Callable[..., Executor]:
    """Executors under which this is done just before a job starts; `saw` is shown every line before."""

    def built(flink: object, broker: object, tell: Callable[[str], None], **more: object) -> Executor:
        def told(line: str) -> None:
            tell(line)
            saw(line)
            if line.startswith("start job"):
                do()

        return Executor(flink, broker, told, **more)  # type: ignore[arg-type]

    return built


def cut_off(folder: Path) -> None:
    """Let nothing be written below this folder: a file stands in its place, and what it held stands aside."""
    folder.rename(folder.with_name("aside"))
    folder.touch()
