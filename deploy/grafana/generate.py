"""Writes the dashboards: `python deploy/grafana/generate.py`. A test holds the files and this script together."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "dashboards"
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_STACK = 'stack=~"$stack"'
_WIDTH, _HEIGHT = 24, 8

Panel = dict[str, Any]


def graph(title: str, expression: str, legend: str, unit: str = "short", width: int = 12) -> Panel:
    """A line for each series over time."""
    return _panel("timeseries", title, expression, legend, unit, width)


def stat(title: str, expression: str, unit: str = "short", *, red_above: float | None = None, width: int = 6) -> Panel:
    """One number, red above a limit."""
    panel = _panel("stat", title, expression, "", unit, width)
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if red_above is not None:
        steps.append({"color": "red", "value": red_above})
    panel["fieldConfig"]["defaults"]["thresholds"] = {"mode": "absolute", "steps": steps}
    return panel


def table(title: str, expression: str, width: int = 12) -> Panel:
    """The series of this moment, a row each."""
    panel = _panel("table", title, expression, "", "short", width)
    panel["targets"][0] |= {"format": "table", "instant": True}
    return panel


def _panel(kind: str, title: str, expression: str, legend: str, unit: str, width: int) -> Panel:
    return {
        "type": kind,
        "title": title,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "targets": [
            {"refId": "A", "datasource": _SOURCE, "expr": expression.replace("$of", _STACK), "legendFormat": legend}
        ],
        "gridPos": {"w": width, "h": _HEIGHT},
    }


def dashboard(uid: str, title: str, panels: Sequence[Panel]) -> dict[str, Any]:
    """A dashboard with its panels laid out in rows, left to right."""
    x = y = 0
    for number, panel in enumerate(panels, 1):
        if x + panel["gridPos"]["w"] > _WIDTH:
            x, y = 0, y + _HEIGHT
        panel["id"] = number
        panel["gridPos"] |= {"x": x, "y": y}
        x += panel["gridPos"]["w"]
    variables = [
        {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"},
        {
            "name": "stack",
            "type": "query",
            "datasource": _SOURCE,
            "query": "label_values(headwater_look_timestamp_seconds, stack)",
            "refresh": 2,
            "includeAll": True,
            "multi": True,
            "current": {"text": "All", "value": "$__all"},
        },
    ]
    return {
        "uid": uid,
        "title": title,
        "tags": ["headwater"],
        "schemaVersion": 39,
        "timezone": "utc",
        "refresh": "15s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": variables},
        "panels": list(panels),
    }


FRESHNESS = dashboard(
    "headwater-freshness",
    "Headwater: freshness",
    [
        stat("Stale tables", 'sum(headwater_table_state{state="stale", $of}) or vector(0)', red_above=1),
        stat("Late tables", 'sum(headwater_table_state{state="late", $of}) or vector(0)', red_above=1),
        stat("Jobs that do not run", "count(headwater_job_up{$of} == 0) or vector(0)", red_above=1),
        stat("Open alerts", "count(headwater_alert_open{$of}) or vector(0)", red_above=1),
        graph("Promise used up (1 is stale)", "headwater:table_promise_used:ratio{$of}", "{{table}}", "percentunit"),
        graph("Lag of each table", "headwater_table_behind_seconds{$of}", "{{table}}", "s"),
        graph(
            "Where the time goes, hop by hop", "headwater_lag_own_seconds{$of}", "{{source}} → {{table}}, {{hop}}", "s"
        ),
        table("The hop that eats most of it", "headwater_table_guilty_hop{$of}"),
        graph("What waits", "headwater_lag_backlog{$of}", "{{source}} → {{table}}, {{hop}}"),
        graph(
            "Age of the newest snapshot", "time() - headwater_table_snapshot_timestamp_seconds{$of}", "{{table}}", "s"
        ),
        graph("Rows", "headwater_table_rows{$of}", "{{table}}"),
        graph("Snapshots a minute", "60 * deriv(headwater_table_snapshot_id{$of}[5m])", "{{table}}"),
        table("Declared checks that failed", "headwater_check_failed{$of}"),
        table("Alerts that are open", "headwater_alert_open{$of}"),
    ],
)

PLATFORM = dashboard(
    "headwater-platform",
    "Headwater: jobs, Dagster, processes",
    [
        stat("Healthy (1)", "min(headwater_healthy{$of})"),
        stat("Seconds since the last look", "max(time() - headwater_look_timestamp_seconds{$of})", "s", red_above=60),
        stat("Runs failed within six hours", "sum(headwater_runs_failed{$of})", red_above=1),
        stat("Platform's processor time of Flink's", "headwater:platform_cpu_of_flink:ratio{$of}", "percentunit"),
        graph("Job verdicts that do not hold", "headwater_job_check_passed{$of} == 0", "{{table}} {{check}}"),
        graph("Restarts within an hour", "increase(headwater_job_restarts_total{$of}[1h])", "{{table}}"),
        graph(
            "Age of the newest checkpoint", "time() - headwater_job_checkpoint_timestamp_seconds{$of}", "{{table}}", "s"
        ),
        graph("Rows dropped as late", "increase(headwater_job_late_rows_dropped_total{$of}[1h])", "{{table}}"),
        graph(
            "Records read a second (Flink)",
            "sum by (job_name) (flink_taskmanager_job_task_numRecordsInPerSecond{$of})",
            "{{job_name}}",
        ),
        graph(
            "Back pressure (Flink, of a second)",
            "max by (job_name, task_name) (flink_taskmanager_job_task_backPressuredTimeMsPerSecond{$of}) / 1000",
            "{{job_name}} {{task_name}}",
            "percentunit",
        ),
        graph("Processor time of each table (cores)", "headwater_asset_cpu_cores{$of}", "{{table}}"),
        graph("Files of each table", "headwater_asset_stored_bytes{$of}", "{{table}}", "bytes"),
        graph("Cost of each table a month", "headwater_asset_month_cost{$of}", "{{table}} {{currency}}"),
        graph("Applies that ended", "increase(headwater_applies_total{$of}[1h])", "{{outcome}}"),
        graph("Runs that ended", "increase(headwater_runs_total{$of}[1h])", "{{kind}} {{outcome}}"),
        graph(
            "Since a sensor's last tick",
            'time() - headwater_instigator_tick_timestamp_seconds{kind="sensor", $of}',
            "{{name}}",
            "s",
        ),
        graph("Processor time (cores)", "headwater:process_cpu:rate5m{$of}", "{{process}}"),
        graph("Memory", "headwater_process_resident_memory_bytes{$of}", "{{process}}", "bytes"),
        graph(
            "Flink's heap",
            "flink_taskmanager_Status_JVM_Memory_Heap_Used{$of} or flink_jobmanager_Status_JVM_Memory_Heap_Used{$of}",
            "{{__name__}}",
            "bytes",
        ),
        graph("Daemons that are not healthy", "headwater_dagster_daemon_healthy{$of} == 0", "{{daemon}}"),
    ],
)


def files() -> dict[str, str]:
    """Each dashboard's file, by its name."""
    return {f"{each['uid']}.json": json.dumps(each, indent=2) + "\n" for each in (FRESHNESS, PLATFORM)}


if __name__ == "__main__":
    for name, text in files().items():
        (FOLDER / name).write_text(text)
