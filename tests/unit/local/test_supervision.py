"""Processes under the supervisor: restarted, counted, found again after everything was killed, stopped."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from headwater.problem import HeadwaterError
from headwater.stack import Ports, Stack
from resources.local import lifecycle, owned, ready, supervisor
from resources.local.processes import ProcessStatus, processes
from resources.local.program import Program

SLEEPER = Program("sleeper", ["sleep", "1000"])


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(home=tmp_path / "home", warehouse=tmp_path, ports=Ports())
    yield stack
    lifecycle.stop(stack)


def _until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        time.sleep(0.05)


def _status(stack: Stack, name: str) -> ProcessStatus:
    return next(status for status in processes(stack) if status.name == name)


def _launch(stack: Stack, *programs: Program) -> int:
    supervisor.launch(stack, programs, Path.cwd())
    name = programs[0].name
    _until(lambda: _status(stack, name).pid is not None)
    pid = _status(stack, name).pid
    assert pid is not None
    return pid


def test_a_killed_process_is_started_again_and_counted(place: Stack) -> None:
    first = _launch(place, SLEEPER)
    assert _status(place, "sleeper").restarts == 0
    os.kill(first, signal.SIGKILL)
    _until(lambda: _status(place, "sleeper").pid not in (None, first))
    after = _status(place, "sleeper")
    assert after.restarts == 1
    assert after.rss > 0
    assert after.log == place.logs / "sleeper.log"


def test_a_process_that_ends_at_once_is_tried_again_with_pauses(place: Stack) -> None:
    supervisor.launch(place, [Program("broken", ["sh", "-c", "echo no config; exit 3"])], Path.cwd())
    _until(lambda: _status(place, "broken").state == "BACKOFF" and _status(place, "broken").restarts >= 1)
    assert "no config" in (place.logs / "broken.log").read_text()


def test_a_service_that_does_not_come_up_says_which_process_failed_and_what_it_wrote(place: Stack) -> None:
    broken = Program("broken", ["sh", "-c", "echo ERROR no such broker; exit 3"])
    supervisor.launch(place, [broken], Path.cwd())
    with pytest.raises(HeadwaterError) as raised:
        ready.wait_for(place, ready.Service("Thing", ("broken",), lambda _: False), seconds=60)
    assert raised.value.failed.startswith("Thing did not come up: broken is ")
    assert raised.value.failed.endswith("it says: ERROR no such broker")
    assert raised.value.next_command == "headwater logs broken"
    assert raised.value.unreachable


def test_a_process_on_demand_waits_for_its_start(place: Stack) -> None:
    _launch(place, SLEEPER, Program("later", ["sleep", "1000"], autostart=False))
    assert _status(place, "later").state == "STOPPED"
    supervisor.start(place, "later")
    _until(lambda: _status(place, "later").pid is not None)
    supervisor.stop(place, "later")
    assert _status(place, "later").pid is None


def test_a_process_that_stands_back_is_the_one_that_is_named(place: Stack) -> None:
    _launch(place, Program("patient", ["sleep", "1000"], niceness=5), SLEEPER)
    _until(lambda: _status(place, "patient").pid is not None and _status(place, "sleeper").pid is not None)
    patient, sleeper = (psutil.Process(_status(place, name).pid) for name in ("patient", "sleeper"))
    _until(lambda: patient.name() == "sleep")
    assert patient.nice() == sleeper.nice() + 5


def test_processes_whose_supervisor_was_killed_are_found_and_stopped(place: Stack) -> None:
    orphan = psutil.Process(_launch(place, SLEEPER))
    watcher = supervisor.pid(place)
    assert watcher is not None
    psutil.Process(watcher).kill()
    _until(lambda: not supervisor.is_running(place))
    assert orphan.is_running()
    assert [process.pid for process in owned.owned(place.home)] == [orphan.pid]
    assert owned.owned(place.home.parent) == ()

    told: list[str] = []
    lifecycle.clean_up(place, lambda step: told.append(str(step)))
    _until(lambda: not orphan.is_running())
    assert told[-1] == "Left behind: stopped 1 processes of an earlier start"
    assert _launch(place, SLEEPER) != orphan.pid


def test_stopping_ends_children_too_and_is_no_error_twice(place: Stack) -> None:
    parent = psutil.Process(_launch(place, Program("family", ["sh", "-c", "sleep 1000 & wait"])))
    _until(lambda: bool(parent.children()))
    family = [parent, *parent.children()]
    lifecycle.stop(place)
    assert not any(member.is_running() for member in family)
    assert processes(place) == ()
    lifecycle.stop(place)


def test_a_second_start_of_a_running_stack_is_refused(place: Stack) -> None:
    _launch(place, SLEEPER)
    lifecycle.refuse_second(place)  # a start that was cut short is no reason to refuse the next one
    lifecycle.marker(place).touch()
    with pytest.raises(HeadwaterError) as raised:
        lifecycle.refuse_second(place)
    assert raised.value.failed == (
        f"The stack in {place.home} is running already (supervisor pid {supervisor.pid(place)})"
    )
    assert "headwater down" in raised.value.next_command
