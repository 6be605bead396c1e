"""How far a job has read topics, from the metrics of its sources.

https://nightlies.apache.org/flink/flink-docs-release-2.0/docs/connectors/datastream/kafka/#monitoring
"""

import re

from resources.flink.rest import FlinkRest

_OFFSET = re.compile(r"\.topic\.(?P<topic>.+)\.partition\.(?P<number>\d+)\.currentOffset$")
_METRICS_AT_ONCE = 50


def partition_of(metric: str) -> tuple[str, int] | None:
    """The topic's partition whose newest offset this metric is; None for any other metric."""
    found = _OFFSET.search(metric)
    return (found["topic"], int(found["number"])) if found else None


def offsets_read(rest: FlinkRest, job_id: str) -> dict[str, int]:
    """Of each partition of a topic, named `topic/0`, the offset of the record that the job reads next.

    Asked of the sources' metrics, which the JobManager renews every ten seconds.
    """
    read: dict[str, int] = {}
    for vertex in rest.get(f"/jobs/{job_id}")["vertices"]:
        path = f"/jobs/{job_id}/vertices/{vertex['id']}/metrics"
        found = {metric["id"]: partition_of(metric["id"]) for metric in rest.get(path)}
        places = {name: f"{place[0]}/{place[1]}" for name, place in found.items() if place}
        asked = list(places)
        for first in range(0, len(asked), _METRICS_AT_ONCE):
            for metric in rest.get(path, get=",".join(asked[first : first + _METRICS_AT_ONCE])):
                if int(metric["value"]) >= 0:
                    place = places[metric["id"]]
                    read[place] = max(read.get(place, 0), int(metric["value"]) + 1)
    return read
