"""`headwater status`: how jobs are, in words, and what runs beside them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli import status as command
from headwater.compile.job import fingerprint
from headwater.engines import ActualJob, ForeignJob, JobHealth, JobListing, JobState
from headwater.model import TableName, Warehouse
from headwater.stack import HOME_VARIABLE
from resources import status
from resources.local.processes import ProcessStatus
from tests.unit.compile.declared import LEFT, RIGHT, THINGS, UPSTREAM
from tests.unit.health.watch import HEALTHY, Watch, actual, ago
from tests.unit.plan.tables import TablesInMemory

POISON = (Path(__file__).parents[1] / "flink" / "traces" / "failures" / "not_a_number.txt").read_text()
OTHER = ForeignJob("x1", "someone's", JobState.RUNNING, "http://flink/x1")


class Flink(Watch):
    """One declared model's job, and others."""

    others: tuple[ActualJob, ...] = ()
    foreign: tuple[ForeignJob, ...] = ()

    def listing(self) -> JobListing:
        return JobListing((*self.alive, *self.others), self.ended, self.foreign)


@pytest.fixture
def flink(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Flink:
    """The declared job runs as it should."""
    found = Flink((actual(fingerprint=fingerprint(THINGS, UPSTREAM)),))
    now = status.datetime.now(status.UTC)
    found.answer = replace(HEALTHY, last_checkpoint_at=now, since=now)

    @contextmanager
    def engine(_stack: object) -> Iterator[Flink]:
        yield found

    process = ProcessStatus("kafka", 1, "RUNNING", 1.0, 0, 1, tmp_path)
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    monkeypatch.setattr(status, "engine", engine)
    monkeypatch.setattr(status, "warehouse", lambda _stack: Warehouse(tmp_path, (LEFT, RIGHT, THINGS)))
    monkeypatch.setattr(status, "FilesystemTableStore", lambda _lake: TablesInMemory())
    monkeypatch.setattr(status, "processes", lambda _stack: (process,))
    # There is no broker: each look would wait for it.
    monkeypatch.setattr(status, "lags", lambda *_: ())
    return found


def shown(*arguments: str) -> Result:
    return CliRunner().invoke(command.command, list(arguments), env={"COLUMNS": "400"})


def job() -> dict[str, object]:
    (found,) = json.loads(shown("--json").stdout)["jobs"]
    return found


def failing(flink: Flink) -> JobHealth:
    now = status.datetime.now(status.UTC)
    times = tuple(now - (ago(0) - ago(second)) for second in (1, 4, 9))
    return replace(flink.answer, restarts=3, failed_at=times, trace=POISON, failure="x")


def test_a_job_that_is_as_it_should_be_has_nothing_said_of_it(flink: Flink) -> None:
    result = shown()
    assert result.exit_code == 0
    assert "✗" not in result.stdout
    assert "Not declared" not in result.stdout
    assert job()["health"] == "ok"


def test_a_job_that_keeps_failing_is_told_with_the_cause_and_what_to_do(flink: Flink) -> None:
    flink.answer = failing(flink)
    result = shown()
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    (number,) = (number for number, line in enumerate(lines) if line.startswith("✗"))
    assert lines[number].startswith("✗ dwd.things: RUNNING, failed 3 times within the last")
    assert "A record holds a value that cannot be converted (For input string: 'poison'" in lines[number]
    assert lines[number + 1].rstrip() == (
        "    next:  write TRY_CAST where the SQL of dwd.things has CAST, then headwater apply"
    )
    assert job()["health"] == "failing"


def test_a_job_of_another_version_is_told_and_the_stack_is_healthy_all_the_same(flink: Flink) -> None:
    flink.alive = (replace(flink.alive[0], fingerprint="other0000000"),)
    result = shown()
    assert result.exit_code == 0
    assert "✗ dwd.things: it runs other0000000, declared is" in result.stdout
    found = job()
    assert found["health"] == "warning"
    checks = found["checks"]
    assert isinstance(checks, list)
    assert [(check["check"], check["passed"]) for check in checks] == [
        ("job_running", True),
        ("checkpoint_recent", True),
        ("job_as_declared", False),
        ("job_keeps_up", True),
    ]
    assert checks[2]["next"] == "headwater plan shows the difference, headwater apply deploys it"
    assert checks[0]["next"] is None


def test_of_a_job_that_is_gone_it_is_said_once_how_it_ended(flink: Flink) -> None:
    flink.ended, flink.alive = (replace(flink.alive[0], state=JobState.FAILED),), ()
    flink.answer = replace(flink.answer, state=JobState.FAILED, trace=POISON, failure="x")
    result = shown()
    assert result.exit_code == 1
    assert result.stdout.count("✗") == 1
    assert "✗ dwd.things: FAILED: A record holds a value" in result.stdout
    assert job()["state"] == "FAILED"


def test_jobs_that_no_model_declares_and_jobs_of_others_are_named(flink: Flink) -> None:
    gone = replace(flink.alive[0], id="j2", model=TableName.parse("dm.gone"), fingerprint="old000000000")
    flink.others, flink.foreign = (gone,), (OTHER,)
    result = shown()
    assert result.exit_code == 0
    assert "  • dm.gone (j2), RUNNING since" in result.stdout
    assert "  • «someone's» (x1), RUNNING" in result.stdout
    found = json.loads(shown("--json").stdout)
    assert [job["name"] for job in found["undeclared"]] == ["dm.gone@old000000000"]
    assert [job["name"] for job in found["foreign"]] == ["someone's"]


def test_an_unreachable_flink_is_part_of_the_answer(flink: Flink, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable() -> JobListing:
        raise status.HeadwaterError("The JobManager does not answer", unreachable=True)

    monkeypatch.setattr(flink, "listing", unreachable)
    result = shown()
    assert result.exit_code == 1
    assert "The JobManager does not answer" in result.stdout
    assert job()["health"] is None
