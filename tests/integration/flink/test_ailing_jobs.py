"""Jobs that cannot go on for a while: what status says, what it takes, and that nothing is lost or doubled after it."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from headwater.engines import JobState
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from headwater.trouble import Trouble
from resources.local.processes import processes
from resources.status import status
from tests.integration.flink.events import COUNTS, EVENTS, await_counts, event
from tests.integration.flink.house import House
from tests.integration.waiting import eventually

SHARES = "SELECT id, 1000 / {} AS size, seen_at FROM ods.event#\n"


def test_a_record_that_the_sql_throws_on_is_told_and_the_corrected_sql_goes_on_from_the_checkpoint(
    counts: House,
) -> None:
    counts.write("dwd/events#/select.sql", SHARES.format("size"))
    counts.send("event#", [event(1, 10), event(2, 20)])
    counts.apply(EVENTS, COUNTS)
    await_counts(counts, {1: 100, 2: 50})
    counts.send("event#", [event(3, 0), event(4, 40)])
    eventually(lambda: counts.health(EVENTS).restarts > 0, "the job to fail")
    await_trouble(counts, "RESTARTING", "A record cannot be computed with (/ by zero)")
    advice = trouble(counts)
    assert advice is not None
    assert "NULLIF(divisor, 0), a wider type), then headwater apply" in advice.next_command

    counts.write("dwd/events#/select.sql", SHARES.format("NULLIF(size, 0)"))
    counts.apply(EVENTS)
    assert "/checkpoints/" in str(counts.health(EVENTS).restored_from)
    events = [(1, 100), (2, 50), (3, None), (4, 25)]
    counts.await_values(EVENTS, ("id", "size"), events)
    counts.await_values(COUNTS, ("grp", "events", "size"), [(0, 1, None), (1, 2, 125), (2, 1, 50)])
    assert trouble(counts) is None


def test_a_job_that_takes_more_slots_than_there_are_is_refused_before_anything_is_started(events: House) -> None:
    table = events.folder / events.named("dwd/events#/table.yaml")
    declared = table.read_text()
    table.write_text(declared.replace("500ms}", "500ms, parallelism: 17}"))
    with pytest.raises(HeadwaterError, match="too few slots: starting") as refused:
        events.apply(EVENTS)
    assert f"{events.table(EVENTS)} (17) takes 17, and of 16 there are 16 to be had" in refused.value.failed
    assert not events.has_job(EVENTS)

    table.write_text(declared.replace("500ms}", "500ms, parallelism: 16}"))
    assert events.plan(EVENTS).refusals == ()


def test_checkpoints_that_fail_for_long_are_told_and_the_job_goes_on_when_they_can_be_written(counts: House) -> None:
    counts.send("event#", [event(1, 10)])
    counts.apply(EVENTS, COUNTS)
    await_counts(counts, {1: 10})
    (place,) = counts.stack.job_state.glob(f"{counts.table(EVENTS)}/*/checkpoints/{counts.job(EVENTS).id}")
    aside = place.with_name("aside")
    place.rename(aside)
    place.touch()
    counts.send("event#", [event(2, 20), event(1, 11)])
    await_trouble(counts, "since the newest checkpoint; ", " times in a row it failed: ")
    counts.send("event#", [event(3, 30)])

    place.unlink()
    aside.rename(place)
    await_counts(counts, {1: 11, 2: 20, 3: 30})
    eventually(lambda: trouble(counts) is None, lambda: f"no trouble, not {trouble(counts)}")


def test_a_disk_that_fills_up_while_checkpoints_are_written_costs_no_row(counts: House) -> None:
    counts.send("event#", [event(1, 10)])
    counts.apply(EVENTS, COUNTS)
    await_counts(counts, {1: 10})
    with no_room(counts.stack, "jobmanager", "taskmanager"):
        counts.send("event#", [event(1, 11), event(2, 20)])
        eventually(
            lambda: "File too large" in counts.health(EVENTS).checkpoint_failure + counts.health(EVENTS).failure,
            lambda: f"writing to fail, not {counts.health(EVENTS)}",
        )
    counts.send("event#", [event(3, 30)])
    await_counts(counts, {1: 11, 2: 20, 3: 30})
    eventually(lambda: counts.health(EVENTS).state is JobState.RUNNING, "the job to run")


def trouble(house: House) -> Trouble | None:
    """What status says of `dwd.events`."""
    name = str(house.table(EVENTS))
    return next((found for found in status(house.stack).troubles if found.subject == name), None)


def await_trouble(house: House, *words: str) -> None:
    eventually(
        lambda: all(word in str(trouble(house)) for word in words), lambda: f"{words} in status, not {trouble(house)}"
    )


@contextmanager
def no_room(stack: Stack, *names: str) -> Iterator[None]:
    """These processes can write no byte into any file (EFBIG), as on a full disk (ENOSPC); both need no rights."""
    found = [psutil.Process(process.pid) for process in processes(stack) if process.name in names and process.pid]
    assert len(found) == len(names)
    before = [process.rlimit(resource.RLIMIT_FSIZE) for process in found]
    for process, (_, hard) in zip(found, before, strict=True):
        process.rlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        for process, limits in zip(found, before, strict=True):
            process.rlimit(resource.RLIMIT_FSIZE, limits)
