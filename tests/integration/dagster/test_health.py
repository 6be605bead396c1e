"""Jobs that fail on real engines: what the sensor says of them, and that it starts them again where it is asked to."""

from typing import Any

import dagster as dg

from assets.naming import job_key
from headwater.engines import JobState
from tests.integration.dagster.desk import Desk
from tests.integration.waiting import eventually

SALES = "dwd.sales#"
NOON = "2026-02-01T12:00:00.000Z"
UNDIVIDED = "A record cannot be computed with (/ by zero); the job fails at it again and again"
AT_ONCE = ", ".join(
    (
        "restart-strategy.type: fixed-delay",
        *(f"restart-strategy.fixed-delay.{o}" for o in ("attempts: 99", "delay: 1ms")),
    )
)
DIVIDING = "SELECT id, market, 100 / amount AS amount, sold_at FROM ods.sales#"


def declare(desk: Desk, job: str) -> None:
    """A flow that cannot take every amount, in a job with these options."""
    desk.house.write("dwd/sales#/select.sql", DIVIDING)
    file = desk.house.folder / desk.house.named("dwd/sales#/table.yaml")
    file.write_text(file.read_text().replace("500ms}", f"500ms, {job}}}"))
    desk.reload()


class Sensor:
    """The job-health sensor, tick after tick."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._cursor: str | None = None
        self.checks: dict[str, tuple[bool, str | None]] = {}
        self.observed: list[dg.AssetObservation] = []
        self.requests: list[Any] = []

    def tick(self) -> None:
        """One more; what it says of the job is remembered, the last of each check."""
        data = self._desk.evaluate("job_health", self._cursor)
        self._cursor = data.cursor
        self.requests += data.run_requests or []
        for event in data.asset_events:
            if event.asset_key != job_key(self._desk.table):
                continue
            if isinstance(event, dg.AssetCheckEvaluation):
                self.checks[event.check_name] = (event.passed, event.description)
            elif isinstance(event, dg.AssetObservation):
                self.observed.append(event)

    def says(self, check: str, passed: bool) -> bool:
        """Whether it says so after one more tick."""
        self.tick()
        return self.checks[check][0] is passed


def test_a_record_that_a_job_fails_at_turns_it_red_in_words_until_its_sql_is_corrected(desk: Desk) -> None:
    declare(desk, f"options: {{{AT_ONCE}}}")
    desk.run_job()
    sensor = Sensor(desk)
    assert sensor.says("job_running", True)
    desk.sell([(1, "hk", 10, NOON), (2, "hk", 0, NOON)])
    eventually(lambda: sensor.says("job_running", False), "the job to keep failing")
    said = sensor.checks["job_running"][1] or ""
    assert f"; cause: {UNDIVIDED}. Next: guard the operation in the SQL of {desk.table} (NULLIF" in said
    cause = sensor.observed[-1].metadata["headwater/cause"].value
    assert str(cause).startswith(UNDIVIDED)
    assert sensor.requests == []

    desk.house.write("dwd/sales#/select.sql", DIVIDING.replace("amount AS", "NULLIF(amount, 0) AS"))
    desk.reload()
    assert sensor.says("job_as_declared", False)
    desk.run_job()
    assert sensor.says("job_running", True)
    assert sensor.checks["job_as_declared"][0]
    desk.house.await_values(SALES, ("id", "amount"), [(1, 10), (2, None)])


def test_a_job_that_has_failed_for_good_is_started_again_from_its_checkpoint(desk: Desk) -> None:
    declare(desk, "restart: {attempts: 2, backoff: 1ms}, options: {restart-strategy.type: none}")
    desk.run_job()
    failed = desk.house.job(SALES).id
    desk.sell([(1, "hk", 10, NOON)])
    desk.house.await_values(SALES, ("id", "amount"), [(1, 10)])
    desk.sell([(2, "hk", 0, NOON)])
    eventually(lambda: not desk.house.has_job(SALES), "the job to fail")

    sensor = Sensor(desk)
    eventually(lambda: sensor.says("job_running", False) and bool(sensor.requests), "a start to be asked for")
    assert f"FAILED: {UNDIVIDED}; start 1 of 2 by itself" in (sensor.checks["job_running"][1] or "")
    (request,) = sensor.requests
    assert request.run_key == f"restart-{desk.table}-{failed}-1"
    # Somebody takes the record away meanwhile.
    desk.house.forget_records("sales#")
    desk.sell([(3, "hk", 20, NOON)])
    desk.materialise(*request.asset_selection, tags=request.tags)

    job = desk.house.job(SALES)
    assert (job.state, job.id == failed) == (JobState.RUNNING, False)
    assert failed in str(desk.house.health(SALES).restored_from)
    assert sensor.says("job_running", True)
    assert (sensor.checks["job_running"][1] or "").endswith("; started again by itself once")
    desk.house.await_values(SALES, ("id", "amount"), [(1, 10), (3, 5)])
    assert len(sensor.requests) == 1
