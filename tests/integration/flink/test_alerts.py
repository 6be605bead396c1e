"""A job that hangs on real engines is one alert that names the hop, and one message when it is over."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headwater.alerts.policy import Policy
from headwater.compile.rejects import REJECTED
from resources import declarations
from resources.alerting.alerting import Alerting
from resources.alerting.trial import trial
from resources.lags import lags
from resources.local import supervisor
from resources.status import status
from resources.watch.picture import DagsterPicture, Picture
from tests.integration.alerting.servers import Hook, served
from tests.integration.flink.events import COUNTS, EVENTS, event
from tests.integration.flink.house import House
from tests.integration.waiting import eventually


@pytest.fixture
def hook() -> Iterator[Hook]:
    with served(Hook()) as running:
        yield running


def picture(house: House) -> Picture:
    """What there is of the house's own tables; the one of rejected records belongs to every test."""
    read = declarations.warehouse(house.stack)
    declared = replace(read, models=tuple(model for model in read.models if model.name != REJECTED))
    at = datetime.now(UTC)
    found = status(house.stack)
    jobs = tuple(job for job in found.jobs if job.model in declared)
    measured = lags(house.stack, declared, at)
    return Picture(at, replace(found, jobs=jobs), measured, DagsterPicture(), warehouse=declared)


@pytest.mark.timeout(560)
def test_a_task_manager_that_hangs_is_one_alert_with_the_hop_and_is_over_when_it_goes_on(
    counts: House, hook: Hook, tmp_path: Path
) -> None:
    declaration = counts.folder / counts.named("dwd/events#/table.yaml")
    promise = "event_time: {column: seen_at}\nfreshness: {fail_after: 8s}\n"
    declaration.write_text(f"{declaration.read_text()}{promise}")
    counts.write("alerts.yaml", "hold: 1s\nresolve_after: 3s\n")
    counts.apply(EVENTS, COUNTS)
    counts.send("event#", [event(1, 1)])
    environment = {"HEADWATER_NOTIFY": f"json://127.0.0.1:{hook.port}/x"}
    # The library's services take their time to load: here, and not while a TaskManager is held up.
    assert [each.error for each in trial(Policy(), environment)] == [""]
    hook.got.clear()
    # The stack's own watch looks after another warehouse, and writes what it sees into the stack's book.
    alerting = Alerting(replace(counts.stack, home=tmp_path), environment)
    events = counts.named(EVENTS)

    def well() -> bool:
        # A record that is read and not committed when the TaskManager is held up would wait at the commit.
        seen = picture(counts)
        whole = all(lag.newest_arrival and lag.behind == timedelta() for lag in seen.lags)
        return whole and all(job.runs for job in seen.status.jobs)

    eventually(well, "both tables to hold all that there is", seconds=120)
    alerting.look(picture(counts))
    assert alerting.open() == ()
    (task_manager,) = (r["pid"] for r in supervisor.reports(counts.stack) if r["name"] == "taskmanager")
    os.kill(task_manager, signal.SIGSTOP)
    try:
        counts.send("event#", [event(2, 1)])

        def told() -> bool:
            alerting.look(picture(counts))
            return bool(hook.got)

        eventually(told, lambda: f"an alert, of {alerting.as_json()}", seconds=45)
    finally:
        os.kill(task_manager, signal.SIGCONT)
    incident = hook.got[0]["incident"]
    assert (incident["change"], incident["cause"]) == ("opened", f"table:{events}")
    assert incident["hop"].startswith(counts.named(f"ods.event# → {EVENTS}, read"))
    assert counts.named(COUNTS) in incident["affects"]

    def over() -> bool:
        alerting.look(picture(counts))
        return "resolved" in hook.changes

    eventually(over, lambda: f"its end, of {alerting.as_json()}", seconds=120)
    assert hook.changes == ["opened", "resolved"]
    alerting.stop()
