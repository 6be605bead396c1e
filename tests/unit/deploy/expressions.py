"""Every PromQL expression under deploy, and the metrics that one may use."""

import json
import re
from collections.abc import Iterator
from functools import cache

import yaml

from resources.watch.catalogue import METRICS
from tests.conftest import PROJECT

FLINK = frozenset(
    {
        "flink_taskmanager_job_task_numRecordsInPerSecond",
        "flink_taskmanager_job_task_backPressuredTimeMsPerSecond",
        "flink_taskmanager_Status_JVM_Memory_Heap_Used",
        "flink_jobmanager_Status_JVM_Memory_Heap_Used",
    }
)
"""What the dashboards show of Flink's own metrics; a test looks for each in what a running Flink pushes."""

_NAME = re.compile(r"\b(?:(?:headwater|flink)[a-zA-Z0-9_:]+|up)\b")
_TEXT = re.compile(r'"[^"]*"')


def used(expression: str) -> set[str]:
    """The metrics that an expression names."""
    return set(_NAME.findall(_TEXT.sub("", expression)))


@cache
def known() -> frozenset[str]:
    """The platform's metrics, and the one that Prometheus makes of each target."""
    return frozenset(metric.name for metric in METRICS) | {"up"}


@cache
def recorded() -> frozenset[str]:
    """What recording rules make."""
    return frozenset(rule["record"] for rule in _rules() if "record" in rule)


def rules() -> Iterator[tuple[str, str]]:
    """Each rule's name and expression."""
    for rule in _rules():
        yield rule.get("alert") or rule["record"], rule["expr"]


def dashboards() -> Iterator[tuple[str, str]]:
    """Each panel's title and expression."""
    for file in sorted((PROJECT / "deploy" / "grafana" / "dashboards").glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel["targets"]:
                yield panel["title"], target["expr"]


def _rules() -> Iterator[dict[str, str]]:
    for file in sorted((PROJECT / "deploy" / "prometheus" / "rules").glob("*.yml")):
        for group in yaml.safe_load(file.read_text())["groups"]:
            yield from group["rules"]
