"""`headwater up` and `down` as a person uses them, with a small warehouse that has nothing to do with orders."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.model import TableName
from headwater.stack import Stack
from resources.deploy import engine
from resources.kafka import writer
from resources.local import lifecycle, owned
from resources.local.ports import free_ports as find_ports
from resources.local.processes import processes
from resources.paimon.store import FilesystemTableStore
from tests.integration.local.runs import Runs
from tests.integration.waiting import eventually

pytestmark = pytest.mark.timeout(1800)  # several starts of a whole stack, on a machine that may be busy

VISITS = TableName.parse("dwd.visits")
DECLARATIONS = {
    "ods/visits/table.yaml": """
        description: Page views.
        owner: web-team
        topic: {name: web.visits, format: json}
        columns:
          view_id: {type: BIGINT, required: true}
          page: {type: STRING}
          seen_at: {type: TIMESTAMP_LTZ(3), required: true}
        event_time: {column: seen_at}
        """,
    "dwd/visits/table.yaml": """
        description: One row per page view.
        owner: web-team
        key: [view_id]
        columns:
          view_id: {type: BIGINT, required: true}
          page: {type: STRING}
          seen_at: {type: TIMESTAMP_LTZ(3)}
        merge: deduplicate
        event_time: {column: seen_at}
        job: {checkpoint_interval: 1s}
        """,
    "dwd/visits/select.sql": "SELECT view_id, page, seen_at FROM ods.visits\n",
}


class Place:
    """A state folder with ports and a warehouse of its own, and the command run in it."""

    def __init__(self, stack: Stack, jars: Path) -> None:
        self.stack = stack
        self._environment = os.environ | stack.environment() | {"HEADWATER_JARS": str(jars)}
        self._sent = 0

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [str(Path(sys.executable).parent / "headwater"), *arguments]
        return subprocess.Popen(
            command, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        running = self.start(*arguments)
        try:
            out, err = running.communicate(timeout=600)
        finally:
            running.kill()
        return subprocess.CompletedProcess(arguments, running.returncode, out, err)

    def be_up(self) -> None:
        up = self.run("up", "--detach")
        assert up.returncode == 0 or "is running already" in up.stderr, up.stderr

    def send(self, count: int) -> None:
        with writer(self.stack.kafka) as to:
            for number in range(self._sent, self._sent + count):
                view = {"view_id": number, "page": "/", "seen_at": "2026-11-22T03:04:05.678Z"}
                to.write("web.visits", json.dumps(view).encode())
        self._sent += count

    def records(self) -> int:
        snapshot = FilesystemTableStore(self.stack.lake).latest_snapshot(VISITS)
        return snapshot.rows if snapshot else 0

    def everything_arrived(self) -> bool:
        return self.records() >= self._sent

    def doctor(self) -> dict[str, Any]:
        return json.loads(self.run("doctor", "--json").stdout)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, shared_jars: Path) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("up")
    for path, text in DECLARATIONS.items():
        file = folder / "warehouse" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
    stack = Stack(home=folder / "home", warehouse=folder / "warehouse", ports=find_ports())
    yield Place(stack, shared_jars)
    lifecycle.stop(stack)


def _restored_from(stack: Stack) -> str:
    with engine(stack) as flink:
        (job,) = [job for job in flink.jobs() if job.model == VISITS]
        return flink.health(job.id).restored_from or ""


def test_up_resumes_after_down_after_a_crash_and_after_ctrl_c(place: Place) -> None:
    up = place.run("up", "--detach")
    assert up.returncode == 0, up.stderr
    assert place.stack.dagster_url in up.stdout
    assert "Simulator: off: this warehouse does not declare" in up.stderr
    place.send(100)
    eventually(place.everything_arrived, "the first hundred views")

    second = place.run("up", "--detach")
    assert second.returncode == 1
    assert "is running already (supervisor pid" in second.stderr

    doctor = place.doctor()
    assert [check for check in doctor["checks"] if not check["ok"]] == []
    assert {check["name"] for check in doctor["checks"]} >= {"Kafka", "Flink", "SQL gateway", "Dagster", "ports"}

    down = place.run("down", "--json")
    assert down.returncode == 0, down.stderr
    assert json.loads(down.stdout)["notes"] == []
    assert owned.owned(place.stack.home) == ()
    again = place.run("down")
    assert (again.returncode, again.stdout) == (0, "Nothing was running.\n")

    assert place.run("up", "--detach").returncode == 0
    assert "/savepoints/" in _restored_from(place.stack)
    place.send(100)
    eventually(place.everything_arrived, "the second hundred views")

    for process in owned.owned(place.stack.home):
        process.kill()
    assert not place.doctor()["checks"][-1]["ok"]
    watched = place.start("up")
    assert watched.stdout is not None
    for line in watched.stdout:
        if line.strip().startswith("Logs"):
            break
    assert "/checkpoints/" in _restored_from(place.stack)
    place.send(100)
    eventually(place.everything_arrived, "the third hundred views")

    watched.send_signal(signal.SIGINT)
    _, err = watched.communicate(timeout=120)
    assert watched.returncode == 0, err
    assert owned.owned(place.stack.home) == ()
    assert list(place.stack.job_state.glob("dwd.visits/*/savepoints/*/_metadata"))


def test_a_run_killed_in_the_middle_of_an_apply_is_failed_and_launched_again_goes_on(place: Place) -> None:
    place.be_up()
    runs = Runs(place.stack)
    with engine(place.stack) as flink:
        (job,) = [job for job in flink.jobs() if job.model == VISITS]
        flink.cancel(job)
        eventually(lambda: all(found.id != job.id for found in flink.jobs()), "the job to end")
    killed = runs.launch("flink", "dwd_visits")
    runs.kill_at(killed, "start job")
    assert runs.await_end(killed) == "FAILURE"

    # The daemon starts what is queued, frees the pool of the run that is gone, and comes back itself before that.
    (daemon,) = (process.pid for process in processes(place.stack) if process.name == "dagster-daemon")
    assert daemon is not None
    os.kill(daemon, signal.SIGKILL)
    again = runs.launch("flink", "dwd_visits")
    assert runs.await_end(again) == "SUCCESS"
    assert "/checkpoints/" in _restored_from(place.stack)
    place.send(100)
    eventually(place.everything_arrived, "the next hundred views")


def test_down_stops_the_processes_although_flink_does_not_answer(place: Place) -> None:
    place.be_up()
    frozen = [
        process for process in owned.owned(place.stack.home) if "StandaloneSession" in " ".join(process.cmdline())
    ]
    for process in frozen:
        process.suspend()
    down = place.run("down")
    assert down.returncode == 0
    assert "Flink did not stop its jobs" in down.stderr
    assert "the next headwater up goes on from the newest checkpoints" in down.stderr
    assert owned.owned(place.stack.home) == ()


def test_a_mistake_in_the_declarations_is_told_before_anything_starts(place: Place) -> None:
    extra = place.stack.warehouse / "dwd" / "visits" / "from_nowhere.sql"
    extra.write_text("SELECT view_id FROM ods.nothing\n")
    try:
        up = place.run("up", "--detach")
    finally:
        extra.unlink()
    assert up.returncode == 1
    assert "ods.nothing" in up.stderr
    assert owned.owned(place.stack.home) == ()
