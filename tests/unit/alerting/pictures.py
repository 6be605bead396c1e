"""Pictures of a small stack: topics `left` and `right`, the tables dwd.things and dm.counts."""

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from headwater.engines import ActualJob, JobHealth, JobState
from headwater.health.verdicts import Check, Verdict
from headwater.lag.hops import Hop, HopKind, TableLag
from headwater.model import Freshness, Model, TableName, Warehouse
from resources.alerting.addresses import Destination
from resources.alerting.book import Message
from resources.local.processes import ProcessStatus
from resources.status import JobStatus, StackStatus
from resources.watch.picture import DagsterPicture, Picture
from tests.unit.compile.declared import COUNTS, LEFT, RIGHT, THINGS

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PROMISE = Freshness(timedelta(seconds=30), timedelta(minutes=2))
MODELS = (LEFT, RIGHT, replace(THINGS, owner="things-team", freshness=PROMISE), replace(COUNTS, freshness=PROMISE))
DECLARED = Warehouse(Path("warehouse"), MODELS)
PROCESSES = ("kafka", "jobmanager", "taskmanager", "dagster-code", "dagster-webserver", "dagster-daemon")


def process(name: str, state: str = "RUNNING") -> ProcessStatus:
    return ProcessStatus(name, 1 if state == "RUNNING" else None, state, 9e4, 0, 0, Path(f"{name}.log"))


def job(model: Model = THINGS, fault: Verdict | None = None) -> JobStatus:
    actual = ActualJob("j1", model.name, "v1", JobState.RUNNING, NOW - timedelta(hours=1), f"http://flink/{model.name}")
    health = JobHealth(JobState.RUNNING, 3, None, NOW, 0, since=NOW - timedelta(minutes=5))
    return JobStatus(model.name, actual, health, (fault,) if fault else ())


def failing(model: Model = THINGS, check: Check = Check.RUNNING) -> JobStatus:
    return job(model, Verdict(check, False, "RESTARTING, failed 4 times", "mend it"))


def lag(model: Model, seconds: float = 0, guilty: TableName | None = None, unmeasured: str = "") -> TableLag:
    """A table's lag, all of it spent in the job of `guilty`."""
    age = timedelta(seconds=seconds)
    table = guilty or model.name
    hops = (Hop(HopKind.READ, table, LEFT.name, age, age, 5300),) if seconds else ()
    return TableLag(model.name, NOW, PROMISE, hops, watermark_lag=age, unmeasured=unmeasured)


FRESH = (lag(THINGS), lag(COUNTS))
GOOD = Picture(
    at=NOW,
    status=StackStatus(NOW, tuple(map(process, PROCESSES)), (job(THINGS), job(COUNTS)), ()),
    lags=FRESH,
    dagster=DagsterPicture(at=NOW),
    warehouse=DECLARED,
)


def picture(
    *,
    down: str = "",
    jobs: tuple[JobStatus, ...] | None = None,
    lags: tuple[TableLag, ...] = FRESH,
    unreachable: str = "",
    dagster: DagsterPicture = GOOD.dagster,
    seconds: float = 0,
) -> Picture:
    """The good picture with this changed, so many seconds later."""
    running = tuple(process(name, "BACKOFF" if name == down else "RUNNING") for name in PROCESSES)
    status = replace(GOOD.status, processes=running, unreachable=unreachable)
    status = status if jobs is None else replace(status, jobs=jobs)
    return replace(GOOD, status=status, lags=lags, dagster=dagster, at=NOW + timedelta(seconds=seconds))


@dataclass
class Inbox:
    """Takes messages, or does not, with this reason; says so after a pause, in seconds."""

    refuses: str = ""
    pause: float = 0.0
    taken: list[Message] = field(default_factory=list)
    tried: int = 0

    def send(self, message: Message) -> str:
        self.tried += 1
        if not self.refuses:
            self.taken.append(message)
        time.sleep(self.pause)
        return self.refuses

    @property
    def changes(self) -> list[str]:
        return [message.change for message in self.taken]


@dataclass
class Inboxes:
    """One for each destination, by its name."""

    by_name: dict[str, Inbox] = field(default_factory=dict)

    def __call__(self, destination: Destination) -> Inbox:
        return self[destination.name]

    def __getitem__(self, name: str) -> Inbox:
        return self.by_name.setdefault(name, Inbox())
