"""The core's `Rebuilder` over Flink and Paimon: comparing and replacing are batch jobs on the same cluster."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from headwater.compile import replacement
from headwater.compile.storage import create_catalog
from headwater.compile.text import file_uri
from headwater.engines import ActualJob
from headwater.model import Model, TableName
from headwater.plan.rebuilds import is_merged
from headwater.rebuilder import Reading, RowComparison
from headwater.shadow import shadow
from resources.flink.gateway import Gateway
from resources.flink.jobmanager import JobManager
from resources.flink.statefolder import StateFolder
from resources.kafka import KafkaBroker
from resources.paimon.consumers import next_snapshot
from resources.paimon.store import FilesystemTableStore

_BATCH = {
    "execution.runtime-mode": "batch",
    "table.local-time-zone": "UTC",
    # The statement ends when its job has.
    "table.dml-sync": "true",
    # A batch job that fails would fail again; a person is waiting.
    "restart-strategy.type": "none",
}
_SECONDS = 3600.0


class FlinkRebuilder:
    """Compares, replaces and removes shadows of tables.

    Args:
        gateway: The SQL gateway.
        jobmanager: The JobManager.
        state: What jobs have left.
        lake: The Paimon warehouse's folder.
        kafka: The broker's address.
    """

    def __init__(self, gateway: Gateway, jobmanager: JobManager, state: StateFolder, lake: Path, kafka: str) -> None:
        self._gateway = gateway
        self._jobmanager = jobmanager
        self._state = state
        self._lake = lake
        self._kafka = kafka

    def reading(self, job: ActualJob, topics: Sequence[str], tables: Sequence[TableName]) -> Reading:
        """See Rebuilder.reading."""
        spans = KafkaBroker(self._kafka).extents(topics) if topics else ()
        begins = {f"{span.topic}/{span.partition}": span.start for span in spans}
        ends = {f"{span.topic}/{span.partition}": span.end for span in spans}
        read = self._jobmanager.offsets_read(job.id) if topics else {}
        store = FilesystemTableStore(self._lake)
        for table in tables:
            newest = store.latest_snapshot(table)
            ends[str(table)] = newest.id + 1 if newest else 0
            read[str(table)] = next_snapshot(self._lake, table, job.model) or -1
        return Reading(begins, read, ends)

    def compare(self, model: Model) -> RowComparison:
        """See Rebuilder.compare."""
        (row,) = self._rows(replacement.comparison(model))
        return RowComparison(*row)

    def replace(self, model: Model) -> None:
        """See Rebuilder.replace."""
        self._rows(replacement.merge(model) if is_merged(model) else replacement.overwrite(model))

    def hand_over(self, model: TableName) -> None:
        """See Rebuilder.hand_over."""
        newest = FilesystemTableStore(self._lake).latest_snapshot(model)
        self._state.hand_over(shadow(model), model, newest.id if newest else 0)

    def discard(self, model: TableName) -> None:
        """See Rebuilder.discard."""
        self._rows(replacement.drop_shadow(model))
        self._state.remove(shadow(model))
        for consumer in self._lake.glob(f"*/*/consumer/consumer-{shadow(model)}"):
            # The job's own; the table's snapshots would be kept for it.
            with suppress(FileNotFoundError):
                consumer.unlink()

    def _rows(self, statement: str) -> list[list[Any]]:
        with self._gateway.session(_BATCH) as session:
            session.execute(create_catalog(file_uri(self._lake)))
            return session.rows(statement, timeout=_SECONDS)
