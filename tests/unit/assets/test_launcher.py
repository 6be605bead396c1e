"""Runs whose process is gone."""

import os
import subprocess
import sys

import dagster as dg
import pytest
from dagster._core.events import EngineEventData
from dagster._core.launcher.base import WorkerStatus

from assets.launcher import WatchedRunLauncher
from resources.local.owned import VARIABLE


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> dg.DagsterInstance:
    monkeypatch.setenv(VARIABLE, "this stack")
    return dg.DagsterInstance.ephemeral()


def health(instance: dg.DagsterInstance, pid: int | None) -> WorkerStatus:
    """What the launcher says of a run that has started as this process."""
    run = instance.create_run_for_job(dg.job(name="apply")(lambda: None))
    if pid is not None:
        instance.report_engine_event("Started process for run", run, EngineEventData.in_process(pid))
    launcher = WatchedRunLauncher()
    launcher.register_instance(instance)
    assert launcher.supports_check_run_worker_health
    return launcher.check_run_worker_health(run).status


def test_a_run_whose_process_lives_is_left_alone(instance: dg.DagsterInstance) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert health(instance, process.pid) is WorkerStatus.RUNNING
        process.kill()


def test_a_run_whose_process_is_gone_has_failed(instance: dg.DagsterInstance) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert health(instance, process.pid) is WorkerStatus.FAILED


def test_a_process_that_got_the_id_later_is_not_the_runs(instance: dg.DagsterInstance) -> None:
    environment = os.environ | {VARIABLE: "another stack"}
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env=environment) as process:
        assert health(instance, process.pid) is WorkerStatus.FAILED
        process.kill()


def test_a_run_that_has_not_said_its_process_yet_is_left_alone(instance: dg.DagsterInstance) -> None:
    assert health(instance, None) is WorkerStatus.RUNNING
