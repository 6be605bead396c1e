"""From a stuck job to a delivered notification, and from a mended one to its end; and what Flink itself tells."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

from headwater.engines import JobState
from headwater.stack import Stack
from tests.integration.flink.events import EVENTS, event
from tests.integration.flink.house import House
from tests.integration.prometheus.inbox import Inbox
from tests.integration.waiting import eventually
from tests.unit.deploy.expressions import FLINK


def test_a_job_that_is_gone_is_told_of_once_and_its_coming_back_too(copying: House, notified: Inbox) -> None:
    table = str(copying.table(EVENTS))
    down = {"alertname": "HeadwaterJobDown", "table": table}
    copying.cancel(EVENTS)
    copying.send("event#", [event(2, 20)])
    eventually(lambda: bool(notified.told("duty", **down)), lambda: f"a notification, not {notified.came}")
    (alert,) = (alert for each in notified.came for alert in each.about(**down))
    assert alert["labels"].items() >= {"owner": "tests", "cause": table, "severity": "error", "stack": "tested"}.items()
    assert alert["annotations"]["summary"] == f"The job of {table} does not run"
    assert notified.told("office-hours", table=table) == [], "what follows from the job's end is not told as well"

    copying.apply(EVENTS)
    eventually(lambda: "resolved" in notified.told("duty", **down), lambda: f"the end of it, not {notified.came}")
    copying.await_values(EVENTS, ("id", "size"), [(1, 10), (2, 20)])
    assert notified.told("duty", **down) == ["firing", "resolved"]


def test_flink_tells_of_its_tasks_what_the_dashboards_show(copying: House, stack: Stack) -> None:
    assert copying.job(EVENTS).state is JobState.RUNNING

    def told() -> set[str]:
        pages = (httpx.get(f"{stack.watch_url}/metrics/{name}") for name in ("jobmanager", "taskmanager"))
        bodies = [page.text for page in pages if page.status_code == 200]
        return {
            sample.name
            for body in bodies
            for family in text_string_to_metric_families(body)
            for sample in family.samples
        }

    eventually(lambda: told() >= FLINK, lambda: f"{FLINK - told()} to be pushed", seconds=120)
