"""Definitions over systems in memory, and an instance that forgets."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import pytest

from assets.graph import build_definitions
from assets.resources import (
    ACCOUNTANT,
    BACKFILLER,
    CARETAKER,
    DEPLOYER,
    EXAMINER,
    LAGS,
    REPORTER,
    STREAM_ENGINE,
    TABLE_STORE,
)
from headwater.model import Warehouse
from headwater.stack import Ports, Stack
from tests.unit.assets.declared import MARKETS, warehouse
from tests.unit.assets.inmemory import (
    MemoryAccountant,
    MemoryBackfiller,
    MemoryCaretaker,
    MemoryDeployer,
    MemoryEngine,
    MemoryExaminer,
    MemoryLags,
    MemoryReporter,
    MemoryTableStore,
)


@dataclass
class Platform:
    """One warehouse over systems in memory."""

    warehouse: Warehouse
    store: MemoryTableStore
    engine: MemoryEngine
    deployer: MemoryDeployer
    reporter: MemoryReporter
    examiner: MemoryExaminer
    lags: MemoryLags
    instance: dg.DagsterInstance
    caretaker: MemoryCaretaker = field(default_factory=MemoryCaretaker)
    accountant: MemoryAccountant = field(default_factory=MemoryAccountant)
    backfiller: MemoryBackfiller = field(default_factory=MemoryBackfiller)
    _built: tuple[Warehouse, dg.Definitions] | None = None

    @property
    def resources(self) -> dict[str, object]:
        return {
            TABLE_STORE: self.store,
            STREAM_ENGINE: self.engine,
            DEPLOYER: self.deployer,
            REPORTER: self.reporter,
            EXAMINER: self.examiner,
            LAGS: self.lags,
            CARETAKER: self.caretaker,
            ACCOUNTANT: self.accountant,
            BACKFILLER: self.backfiller,
        }

    def definitions(self) -> dg.Definitions:
        """The definitions of the warehouse as it is now, over the systems in memory."""
        if self._built is None or self._built[0] is not self.warehouse:
            self._built = (self.warehouse, self._build())
        return self._built[1]

    def _build(self) -> dg.Definitions:
        built = build_definitions(self.warehouse, Stack(Path("home"), self.warehouse.root, Ports()))
        return dg.Definitions(
            assets=built.assets,
            asset_checks=built.asset_checks,
            jobs=built.jobs,
            schedules=built.schedules,
            sensors=built.sensors,
            executor=built.executor,
            resources=self.resources,
        )

    def materialize(
        self,
        *keys: dg.AssetKey,
        partition_key: str | None = None,
        tags: dict[str, str] | None = None,
        checks: bool = True,
    ) -> dg.ExecuteInProcessResult:
        """A run of these assets, as the page would start it: with their checks, unless told otherwise."""
        selection = dg.AssetSelection.assets(*keys)
        if not checks:
            selection = selection.without_checks()
        job = dg.define_asset_job("by_hand", selection)
        definitions = dg.Definitions.merge(self.definitions(), dg.Definitions(jobs=[job]))
        return definitions.resolve_job_def("by_hand").execute_in_process(
            instance=self.instance, partition_key=partition_key, tags=tags, raise_on_error=False
        )


@pytest.fixture
def platform() -> Iterator[Platform]:
    engine = MemoryEngine()
    store = MemoryTableStore()
    with dg.DagsterInstance.ephemeral() as instance:
        yield Platform(
            warehouse(),
            store,
            engine,
            MemoryDeployer(engine),
            MemoryReporter(MARKETS),
            MemoryExaminer(store),
            MemoryLags(),
            instance,
        )
