"""What is read of a real Dagster: its web server in this process, over an instance in a temporary folder."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import httpx
import pytest
from dagster._core.test_utils import instance_for_test
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.testclient import TestClient

from assets.naming import job_key, table_key
from resources.watch.dagster import DagsterEye
from resources.watch.picture import InstigatorKind
from tests.unit.assets.declared import DAILY, VISITS

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with instance_for_test() as made:
        yield made


@pytest.fixture(scope="module")
def client(instance: dg.DagsterInstance) -> Iterator[TestClient]:
    """The web server, with the small warehouse's definitions."""
    target = ModuleTarget("tests.unit.assets.served", "defs", None, "assets.definitions")
    with WorkspaceProcessContext(instance, target) as workspace:
        yield TestClient(create_app_from_workspace_process_context(workspace))


@pytest.fixture
def eye(client: TestClient) -> DagsterEye:
    return DagsterEye("", client)  # pyright: ignore[reportArgumentType]


@dg.op
def fails() -> None:
    raise ValueError("the report has no input")


@dg.job
def failing() -> None:
    fails()


def test_sensors_and_schedules_are_seen_with_their_intervals(eye: DagsterEye) -> None:
    found = {each.name: each for each in eye.look(NOW).instigators}
    assert found["snapshots"].kind is InstigatorKind.SENSOR
    assert found["snapshots"].running
    assert found["snapshots"].interval is not None
    assert found["snapshots"].last_tick is None
    assert found["declared_checks"].kind is InstigatorKind.SCHEDULE
    assert found["declared_checks"].interval is None


def test_daemons_that_are_required_and_never_ran_are_not_healthy(eye: DagsterEye) -> None:
    found = {each.type: each for each in eye.look(NOW).daemons}
    assert (found["SENSOR"].required, found["SENSOR"].healthy, found["SENSOR"].last_heartbeat) == (True, False, None)


def test_a_failed_run_says_why_in_one_line(eye: DagsterEye, instance: dg.DagsterInstance) -> None:
    tags = {"dagster/backfill": "b1", "dagster/partition": "2026-02-01|hk"}
    done = failing.execute_in_process(instance=instance, raise_on_error=False, tags=tags)
    later = datetime.now(UTC)
    found = eye.look(later)
    (run,) = (run for run in found.runs if run.id == done.run_id)
    assert (run.status, run.error) == ("FAILURE", "ValueError: the report has no input")
    assert (run.backfill, run.partition, run.job_name) == ("b1", "2026-02-01|hk", "failing")
    assert done.run_id in {run.id for run in found.ended}


def test_a_declared_check_that_failed_last_is_seen_until_it_passes(
    client: TestClient, instance: dg.DagsterInstance
) -> None:
    eye = DagsterEye("", client)  # pyright: ignore[reportArgumentType]
    key = table_key(VISITS)

    def report(passed: bool) -> None:
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=key, check_name="not_null_id_market", passed=passed, description="3 rows\nmore"
            )
        )

    report(passed=False)
    eye.look(NOW)
    (check,) = eye.look(NOW).checks
    assert (check.asset, check.name, check.severity, check.description) == (
        "dwd/visits",
        "not_null_id_market",
        "ERROR",
        "3 rows",
    )
    report(passed=True)
    assert eye.look(NOW + timedelta(seconds=30)).checks == (check,)
    assert eye.look(NOW + timedelta(minutes=3)).checks == ()


def test_the_checks_of_jobs_are_not_asked_for_since_flink_is(client: TestClient, instance: dg.DagsterInstance) -> None:
    eye = DagsterEye("", client)  # pyright: ignore[reportArgumentType]
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(asset_key=job_key(VISITS), check_name="job_running", passed=False)
    )
    eye.look(NOW)
    assert "job_running" not in {check.name for check in eye.look(NOW).checks}


def test_the_assets_of_a_run_are_named_as_dagster_shows_them(eye: DagsterEye, instance: dg.DagsterInstance) -> None:
    report = dg.asset(lambda: None, key=table_key(DAILY))
    job = dg.Definitions([report], jobs=[dg.define_asset_job("by_hand", [report])]).resolve_job_def("by_hand")
    run = instance.create_run_for_job(job, asset_selection=frozenset({report.key}))
    instance.report_run_failed(run, "Its process went down with the local stack")
    found = {each.id: each for each in eye.look(datetime.now(UTC) + timedelta(seconds=1)).runs}
    assert found[run.run_id].assets == ("rpt/daily_hits",)
    assert found[run.run_id].error == "Its process went down with the local stack"


def test_a_web_server_that_is_not_there_is_unreachable() -> None:
    found = DagsterEye("http://127.0.0.1:9").look(NOW)
    assert "refused" in found.unreachable
    assert found.at == NOW


def test_an_answer_that_is_no_answer_is_unreachable() -> None:
    transport = httpx.MockTransport(
        lambda _request: httpx.Response(200, json={"errors": [{"message": "no such field"}]})
    )
    eye = DagsterEye("", httpx.Client(base_url="http://dagster", transport=transport))
    assert eye.look(NOW).unreachable == "no such field"
