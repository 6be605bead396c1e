"""The keeper: what it understands of the supervisor, and when it brings jobs back."""

import io
import os
import signal
import time
from pathlib import Path

import pytest

from headwater.stack import Ports, Stack
from resources.local import keeper, lifecycle, supervisor
from resources.local.processes import processes
from resources.local.program import Program


def said(name: str) -> str:
    payload = f"processname:{name} groupname:{name} from_state:STOPPED tries:0"
    return f"ver:3.0 server:headwater serial:21 pool:keeper poolserial:1 eventname:X len:{len(payload)}\n{payload}"


def test_each_event_is_understood_and_answered() -> None:
    started: list[str] = []
    answers = io.StringIO()
    keeper.keep(io.StringIO(said("kafka") + said("jobmanager")), answers, started.append)
    assert started == ["kafka", "jobmanager"]
    assert answers.getvalue() == "READY\nRESULT 2\nOKREADY\nRESULT 2\nOKREADY\n"


@pytest.mark.parametrize(("starts", "is_first"), [(0, True), (1, True), (2, False)])
def test_the_first_start_has_nothing_to_bring_back(tmp_path: Path, starts: int, is_first: bool) -> None:
    log = tmp_path / "supervisord.log"
    if starts:
        log.write_text("INFO spawned: 'jobmanager' with pid 7\n" * starts + "INFO spawned: 'kafka' with pid 8\n" * 5)
    assert keeper.is_first_start(log, "jobmanager") is is_first


def test_a_jobmanager_that_is_started_again_is_noticed(tmp_path: Path) -> None:
    stack = Stack(home=tmp_path / "home", warehouse=tmp_path, ports=Ports())
    try:
        supervisor.launch(stack, [Program("jobmanager", ["sleep", "1000"]), keeper.program()], lifecycle.PROJECT)
        await_state(stack, "jobmanager", "RUNNING")
        log = supervisor.log_file(stack, keeper.NAME)
        assert log.read_text() == ""
        (pid,) = (process.pid for process in processes(stack) if process.name == "jobmanager")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until = time.monotonic() + 60
        while "it has lost its jobs" not in log.read_text():
            assert time.monotonic() < until
            time.sleep(0.1)
    finally:
        lifecycle.stop(stack)


def await_state(stack: Stack, name: str, state: str) -> None:
    until = time.monotonic() + 60
    while not any(process.name == name and process.state == state for process in processes(stack)):
        assert time.monotonic() < until
        time.sleep(0.1)
