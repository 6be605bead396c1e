"""Metrics that Flink pushes: the newest of each of its processes, as it wrote them.

Flink's reporter that is scraped listens on every interface of the machine and cannot be told otherwise
(PrometheusReporter.java: `new InetSocketAddress(port)`), so the local stack uses the one that pushes
(https://nightlies.apache.org/flink/flink-docs-release-2.0/docs/deployment/metric_reporters/#prometheuspushgateway)
to the process `watch`, which hands on what came. Nothing is read or changed in between.
"""

import time
from dataclasses import dataclass

from resources.local.flink import JOBMANAGER, TASKMANAGER

SOURCES = (JOBMANAGER, TASKMANAGER)
# Three pushes: a process that does not push any more is gone, and so are its figures.
KEPT_SECONDS = 45.0
LARGEST = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Push:
    """What one process pushed.

    Args:
        body: Prometheus' text format.
        at: Seconds since 1970.
    """

    body: bytes
    at: float


class Pushes:
    """The newest push of each of Flink's processes."""

    def __init__(self) -> None:
        self._newest: dict[str, Push] = {}

    def take(self, source: str, body: bytes) -> None:
        """Keep what a process pushed."""
        self._newest[source] = Push(body, time.time())

    def newest(self, source: str) -> Push | None:
        """What it pushed last, or None when that was too long ago."""
        found = self._newest.get(source)
        return found if found is not None and time.time() - found.at <= KEPT_SECONDS else None
