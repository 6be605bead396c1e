"""`headwater plan` and `headwater apply`: texts, JSON and exit status, on engines that only remember."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from filelock import FileLock

from cli import apply, plan
from headwater.compile.binding import Addresses
from headwater.compile.job import compile_job, fingerprint
from headwater.compile.operator_ids import numbered
from headwater.engines import ForeignJob, JobState
from headwater.model import Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import HOME_VARIABLE, Stack
from resources import applylock, deploy
from tests.unit.compile.declared import LEFT, RIGHT, THINGS, UPSTREAM
from tests.unit.plan.inmemory import InMemoryBroker, InMemoryEngine, job, retained
from tests.unit.plan.tables import TablesInMemory, on_disk
from tests.unit.verdict.test_judge import PAIRS

START = "start job dwd.things for the first time"


class World:
    """What the commands find: change it before running one."""

    def __init__(self) -> None:
        self.engine = InMemoryEngine()
        self.tables = TablesInMemory()

    def run(self, command: object, *arguments: str) -> Result:
        return CliRunner().invoke(command, list(arguments))  # type: ignore[arg-type]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    found = World()

    @contextmanager
    def engine(_stack: object) -> Iterator[InMemoryEngine]:
        yield found.engine

    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    monkeypatch.setattr(deploy, "engine", engine)
    monkeypatch.setattr(deploy, "warehouse", lambda _stack: Warehouse(tmp_path, (LEFT, RIGHT, THINGS)))
    monkeypatch.setattr(deploy, "FilesystemTableStore", lambda _lake: found.tables)
    monkeypatch.setattr(deploy, "KafkaBroker", lambda _bootstrap: InMemoryBroker("left-topic", "right-topic"))
    return found


def running(world: World) -> None:
    world.run(apply.command)
    world.engine.checkpoint("dwd.things")
    world.tables = TablesInMemory(on_disk(THINGS))
    world.engine.calls.clear()


def changed(world: World, edit: str) -> None:
    """A job runs, and its model has been edited like that since."""
    world.tables = TablesInMemory(on_disk(THINGS))
    world.engine = InMemoryEngine([job("dwd.things", "old000000000")])
    world.engine.plans[THINGS.name] = PAIRS[edit]["after"]
    world.engine.deployed_plans[THINGS.name] = numbered(PAIRS[edit]["before"])


def test_plan_says_what_becomes_of_the_state_of_a_changed_job(world: World) -> None:
    changed(world, "aggregates: a condition on the result")
    result = world.run(plan.command)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:6] == [
        "dwd.things: compatible, meaning changes",
        "     goes on from its state; rows written from now on follow the new SQL, those before stay",
        "     • sink: condition (24 < n) is new",
        "     keeps the state of GroupAggregate(groupBy=[k])",
        "",
        f"  1. stop job dwd.things with a savepoint (declared {fingerprint(THINGS, UPSTREAM)}, running old000000000)",
    ]
    assert json.loads(world.run(plan.command, "--json").stdout)["verdicts"] == [
        {
            "model": "dwd.things",
            "verdict": "compatible, meaning changes",
            "findings": [
                {"verdict": "compatible, meaning changes", "operator": "sink", "edit": "condition (24 < n) is new"}
            ],
            "kept": ["GroupAggregate(groupBy=[k])"],
        }
    ]


def test_a_trial_restores_what_is_said_to_go_on_and_tells_how_long_that_took(world: World) -> None:
    changed(world, "aggregates: a condition on the result")
    result = world.run(plan.command, "--trial")
    assert result.exit_code == 0
    assert "     tried: restored from the running job's state, with a checkpoint after 3.2 s" in result.stdout
    assert world.engine.tried == ["dwd.things from j1: CREATE TEMPORARY TABLE `dwd`.`things`"]
    assert world.engine.calls == []
    found = json.loads(world.run(plan.command, "--trial", "--json").stdout)
    assert found["trials"] == [{"model": "dwd.things", "seconds": 3.2, "refusal": ""}]


def test_a_trial_that_contradicts_the_verdict_refuses_the_plan(world: World) -> None:
    changed(world, "aggregates: a condition on the result")
    world.engine.refusal = "Job dwd.things is FAILED: StateMigrationException"
    result = world.run(plan.command, "--trial")
    assert result.exit_code == 1
    assert "dwd.things: its trial failed, so deploying it would too: Job dwd.things is FAILED" in result.stdout
    found = json.loads(world.run(plan.command, "--trial", "--json").stdout)
    assert found["trials"][0]["seconds"] is None


def test_what_needs_a_rebuild_is_not_tried(world: World) -> None:
    changed(world, "aggregates: an aggregate more")
    world.run(plan.command, "--trial")
    assert world.engine.tried == []


def test_options_and_versions_that_differ_are_named_beside_the_edits_of_the_sql(world: World) -> None:
    changed(world, "aggregates: a condition on the result")
    declared = compile_job(THINGS, UPSTREAM, Addresses("lake:", "kafka:"))
    cut = (*declared.properties, ("pipeline.max-parallelism", "64"))
    world.engine.running_as[THINGS.name] = replace(declared, properties=cut, engine="flink-1.20")
    said = world.run(plan.command).stdout
    assert said.startswith("dwd.things: needs a rebuild")
    assert "• job: option pipeline.max-parallelism was 64, is not set; state is cut into as many parts" in said
    assert "• engine: ran with flink-1.20, runs with flink-2.0.2" in said


def test_a_change_that_would_misread_the_state_is_refused_before_the_job_is_stopped(world: World) -> None:
    changed(world, "aggregates: an aggregate more")
    result = world.run(plan.command)
    assert result.exit_code == 1
    assert "dwd.things: needs a rebuild" in result.stdout
    assert "keeps the state" not in result.stdout
    error = world.run(apply.command, "--yes").exception
    assert isinstance(error, HeadwaterError)
    assert "dwd.things: GroupAggregate(groupBy=[k]): aggregate MAX(v) is new; put the SQL back, make" in error.failed
    assert world.engine.calls == []


def test_a_job_that_starts_without_its_state_has_no_verdict(world: World) -> None:
    changed(world, "aggregates: an aggregate more")
    result = world.run(plan.command, "--fresh", "dwd.things")
    assert result.exit_code == 0
    assert json.loads(world.run(plan.command, "--fresh", "dwd.things", "--json").stdout)["verdicts"] == []


def test_state_whose_plan_is_gone_is_refused_before_the_job_is_stopped(world: World) -> None:
    changed(world, "aggregates: an aggregate more")
    world.engine.deployed_plans.clear()
    assert "state: the compiled plan that it was written with is gone" in world.run(plan.command).stdout


def test_plan_lists_the_stages_and_how_to_carry_them_out(world: World) -> None:
    result = world.run(plan.command)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "  1. create table dwd.things (5 columns, key id)",
        f"  2. {START}",
        "  3. wait until job dwd.things runs and has completed a checkpoint",
        "",
        "To carry it out: headwater apply",
    ]
    assert world.engine.calls == []


def test_plan_as_json(world: World) -> None:
    found = json.loads(world.run(plan.command, "--json").stdout)
    assert found["refusals"] == []
    assert found["stages"][1] == {"kind": "SubmitJob", "table": "dwd.things", "text": START}


def test_nothing_to_do_is_said(world: World) -> None:
    running(world)
    for command in (plan.command, apply.command):
        result = world.run(command)
        assert result.exit_code == 0
        assert result.stdout == "Nothing to do: every declared table is there and its job runs as declared.\n"
    assert world.engine.calls == []


def test_a_refused_plan_is_the_answer_no(world: World) -> None:
    world.tables = TablesInMemory(on_disk(THINGS, key=("note",)))
    result = world.run(plan.command)
    assert result.exit_code == 1
    assert "  ✗  dwd.things: the table's key is (note), declared (id)" in result.stdout
    assert "headwater apply" not in result.stdout
    assert json.loads(world.run(plan.command, "--json").stdout)["refusals"]
    refused = world.run(apply.command)
    assert isinstance(refused.exception, HeadwaterError)
    assert world.engine.calls == []


def test_apply_tells_stages_on_stderr_and_the_sum_on_stdout(world: World) -> None:
    result = world.run(apply.command)
    assert result.exit_code == 0
    assert START in result.stderr.splitlines()
    assert result.stdout == "Applied 3 stages; 1 jobs run.\n"
    assert world.engine.calls[-2:] == ["submit dwd.things from nothing", "prune dwd.things new-dwd.things"]


def test_apply_as_json_prints_json_alone(world: World) -> None:
    found = json.loads(world.run(apply.command, "--json").stdout)
    assert found["stages"][1] == START
    assert found["jobs"] == [{"model": "dwd.things", "id": "new-dwd.things", "url": ""}]


def test_fresh_passes_the_state_over(world: World) -> None:
    world.engine = InMemoryEngine((), [retained("dwd.things")])
    world.tables = TablesInMemory(on_disk(THINGS))
    assert "without state" in world.run(plan.command, "--fresh", "dwd.things").stdout
    world.run(apply.command, "--fresh", "dwd.things")
    assert "submit dwd.things from nothing" in world.engine.calls


def test_fresh_joins_the_models_asked_for(world: World) -> None:
    result = world.run(plan.command, "--model", "dwd.things", "--fresh", "dwd.things")
    assert "without state" in result.stdout


@pytest.mark.parametrize("option", ["--model", "--fresh"])
@pytest.mark.parametrize(
    ("name", "said", "advice"),
    [
        ("dwd.thing", "dwd.thing has no job: it is not declared", "name dwd.things?"),
        ("ods.left", "ods.left has no job: it is not kept by a stream", "name one of dwd.things"),
    ],
)
def test_a_model_without_a_job_is_told_and_not_passed_over(
    world: World, option: str, name: str, said: str, advice: str
) -> None:
    error = world.run(apply.command, option, name).exception
    assert isinstance(error, HeadwaterError)
    assert (error.failed, error.next_command) == (said, advice)


def test_what_is_no_tables_name_is_wrong_use(world: World) -> None:
    result = world.run(plan.command, "--model", "orders")
    assert result.exit_code == 2
    assert "«orders» is no table's name; write layer.table, such as dwd.orders" in result.stderr


def test_an_interactive_apply_asks_before_it_stops_a_job(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.tables = TablesInMemory(on_disk(THINGS))
    changed(world, "stateless: the comparison turned round")
    monkeypatch.setattr("cli.apply.sys", Terminal())
    refused = CliRunner().invoke(apply.command, input="n\n")
    assert refused.exit_code == 1
    assert world.engine.calls == []
    assert "stop job dwd.things with a savepoint" in refused.stderr
    assert world.run(apply.command, "--yes").exit_code == 0
    assert world.engine.calls[0] == "stop dwd.things"


@pytest.fixture
def orphaned(world: World) -> World:
    """The declared job runs, and one more that no model declares, and one of somebody else's."""
    world.tables = TablesInMemory(on_disk(THINGS))
    ours = job("dwd.things", fingerprint(THINGS, UPSTREAM))
    world.engine = InMemoryEngine([ours, job("dm.gone", "old000000000", number="j2")])
    world.engine.checkpoint("dwd.things")
    world.engine.foreign = (ForeignJob("x1", "someone's", JobState.RUNNING, "http://flink/x1"),)
    return world


def test_a_job_that_no_model_declares_is_told_by_plan_and_left_running_by_apply(orphaned: World) -> None:
    shown = orphaned.run(plan.command)
    assert shown.exit_code == 0
    assert "Nothing to do" in shown.stdout
    assert "headwater apply --stop-undeclared stops them with a savepoint" in shown.stdout
    assert "  • dm.gone (j2), RUNNING since 2026-11-22" in shown.stdout
    assert "  • «someone's» (x1), RUNNING" in shown.stdout
    applied = orphaned.run(apply.command)
    assert (applied.exit_code, orphaned.engine.calls) == (0, [])
    assert "  • dm.gone (j2)" in applied.stdout
    assert "someone's" not in applied.stdout


def test_both_tell_it_to_programs_too(orphaned: World) -> None:
    told = {
        "model": "dm.gone",
        "id": "j2",
        "name": "dm.gone@old000000000",
        "state": "RUNNING",
        "started_at": "2026-11-22T03:04:05.000Z",
        "url": "http://flink/j2",
    }
    found = json.loads(orphaned.run(plan.command, "--json").stdout)
    assert found["undeclared"] == [told]
    assert found["foreign"] == [{"id": "x1", "name": "someone's", "state": "RUNNING", "url": "http://flink/x1"}]
    assert json.loads(orphaned.run(apply.command, "--json").stdout)["undeclared"] == [told]


def test_a_job_that_no_model_declares_is_stopped_when_asked_and_plan_shows_that(orphaned: World) -> None:
    shown = orphaned.run(plan.command, "--stop-undeclared")
    assert "  1. stop job dm.gone with a savepoint (its model is not declared)" in shown.stdout
    assert "To carry it out: headwater apply --stop-undeclared" in shown.stdout
    assert "left running" not in shown.stdout
    assert orphaned.run(apply.command, "--stop-undeclared", "--yes").exit_code == 0
    assert orphaned.engine.calls == ["stop dm.gone", "pair dm.gone"]


@pytest.mark.parametrize("command", [plan.command, apply.command])
def test_stopping_what_is_not_declared_is_about_all_models(orphaned: World, command: object) -> None:
    result = orphaned.run(command, "--stop-undeclared", "--model", "dwd.things")
    assert result.exit_code == 2
    assert "--stop-undeclared is about the whole warehouse; leave --model out" in result.stderr
    assert orphaned.engine.calls == []


class Terminal:
    """A standard input that a person sits at."""

    class stdin:
        @staticmethod
        def isatty() -> bool:
            return True


def test_stopping_leaves_a_job_that_is_not_running_to_its_checkpoint(world: World) -> None:
    world.engine = InMemoryEngine([job("dwd.things", "f"), job("dm.counts", "f", JobState.RESTARTING, "j2")])
    told: list[str] = []
    left = deploy.stop_jobs(Stack.resolve(), told.append)
    assert world.engine.calls == ["stop dwd.things", "pair dwd.things"]
    assert left == ("dm.counts: job dm.counts is RESTARTING; it will go on from its newest checkpoint",)
    assert len(told) == 2


def test_a_second_apply_says_whom_it_waits_for_and_names_it_when_that_takes_too_long(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applylock, "_LOCK_SECONDS", 0.05)
    stack = Stack.resolve()
    with applylock.applying(stack, "applying dwd.orders", lambda _line: None):
        monkeypatch.setattr(applylock, "FileLock", lambda path: FileLock(path, is_singleton=False))
        result = world.run(apply.command)
    error = result.exception
    assert isinstance(error, HeadwaterError)
    holder = rf"process {os.getpid()}, applying dwd\.orders, since \d\d:\d\d:\d\d UTC"
    assert re.fullmatch(f"wait for another apply: {holder}\n", result.stderr)
    assert re.fullmatch(f"Another apply has held this stack for over 0 s: {holder}", error.failed)
    assert error.left == "nothing was changed"
    assert world.run(apply.command).exit_code == 0


def test_a_holder_that_is_gone_is_not_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applylock, "_LOCK_SECONDS", 0.05)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    stack = Stack.resolve()
    with applylock.applying(stack, "applying all jobs", lambda _line: None):
        said = {"pid": gone.pid, "since": "2026-11-22T03:04:05+00:00", "doing": "applying dwd.orders"}
        (stack.home / "run" / "apply.holder").write_text(json.dumps(said))
        monkeypatch.setattr(applylock, "FileLock", lambda path: FileLock(path, is_singleton=False))
        result = world.run(apply.command)
    assert result.stderr == "wait for another apply: a process that has not said which it is\n"


def test_a_plan_that_lacks_slots_is_refused_before_anything_is_stopped(world: World) -> None:
    changed(world, "aggregates: a condition on the result")
    world.engine.free = -1
    result = world.run(apply.command)
    assert isinstance(result.exception, HeadwaterError)
    assert (
        "too few slots: starting dwd.things (1) takes 1, and of 16 there are 0 to be had; lower job: parallelism, or "
        "end jobs that are not needed (headwater status); nothing was stopped"
    ) in result.exception.failed
    assert world.engine.calls == []
    world.engine.free = 0
    assert world.run(plan.command).exit_code == 0


def test_a_state_that_is_not_there_is_told(world: World, tmp_path: Path) -> None:
    for place in (tmp_path / "flink" / "state" / "dwd.things" / "f" / "chk-9", Path("/elsewhere"), Path("dwd.things")):
        error = world.run(apply.command, "--from", str(place)).exception
        assert isinstance(error, HeadwaterError)
        assert error.failed == f"There is no checkpoint or savepoint of this stack at {place}"
        assert "headwater savepoints" in error.next_command
    assert world.engine.calls == []
