"""A warehouse that a test writes, changes and applies, and the topics that feed it."""

import json
import textwrap
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import httpx

from headwater.engines import ActualJob, JobHealth, RetainedState
from headwater.model import TableName
from headwater.plan.stages import Plan
from headwater.stack import Stack
from resources import deploy
from resources.flink.engine import FlinkEngine
from resources.paimon.reader import scan
from resources.paimon.store import FilesystemTableStore
from tests.integration.waiting import eventually

Answer = TypeVar("Answer")


class House:
    """Files and topics are named with `#` where the number goes that keeps tests apart: `dwd.orders#`."""

    def __init__(self, stack: Stack, folder: Path, number: str) -> None:
        self.stack = replace(stack, warehouse=folder)
        self.folder = folder
        self._number = number
        self._producer: Any = None

    def named(self, text: str) -> str:
        """The text with every `#` put in."""
        return text.replace("#", f"_{self._number}")

    def table(self, text: str) -> TableName:
        """The name of a table."""
        return TableName.parse(self.named(text))

    def write(self, path: str, text: str) -> None:
        """Write a file of the warehouse."""
        file = self.folder / self.named(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.named(textwrap.dedent(text)))

    def remove(self, path: str) -> None:
        """Remove a file of the warehouse."""
        (self.folder / self.named(path)).unlink()

    def source(self, name: str, columns: str, *, form: str = "json", **more: str) -> None:
        """Declare a topic and make it."""
        lines = "".join(f"{key}: {value}\n" for key, value in more.items())
        self.write(
            f"ods/{name}#/table.yaml",
            f"description: a topic\nowner: tests\ntopic: {{name: {name}#, format: {form}}}\n"
            f"columns:\n{textwrap.indent(textwrap.dedent(columns).strip(), '  ')}\n{lines}",
        )
        self.make_topic(f"{name}#")

    def make_topic(self, topic: str) -> None:
        """Make a topic of one partition."""
        from confluent_kafka.admin import AdminClient
        from confluent_kafka.cimpl import NewTopic

        admin = AdminClient({"bootstrap.servers": self.stack.kafka})
        made = admin.create_topics([NewTopic(self.named(topic), 1)])
        made[self.named(topic)].result(30)

    def send(self, topic: str, records: Iterable[dict[str, Any] | str | bytes]) -> None:
        """Send records, in order; text and bytes are sent as they are."""
        from confluent_kafka import Producer

        if self._producer is None:
            self._producer = Producer({"bootstrap.servers": self.stack.kafka, "log_level": 0})
        for record in records:
            self._producer.produce(self.named(topic), json.dumps(record) if isinstance(record, dict) else record)
        assert self._producer.flush(30) == 0

    def forget_records(self, topic: str) -> None:
        """Remove all records that the topic holds now."""
        from confluent_kafka import OFFSET_END, TopicPartition
        from confluent_kafka.admin import AdminClient

        admin = AdminClient({"bootstrap.servers": self.stack.kafka})
        for removed in admin.delete_records([TopicPartition(self.named(topic), 0, OFFSET_END)]).values():
            removed.result(30)

    def plan(self, *models: str, fresh: Collection[str] = (), trial: bool = False) -> Plan:
        """Plan these models, all others left alone."""
        return deploy.plan(self.stack, models=self._chosen(models), fresh=self._chosen(fresh), trial=trial)

    def apply(self, *models: str, fresh: Collection[str] = (), patience: float = 90) -> tuple[str, ...]:
        """Apply these models, all others left alone; give the stages."""
        lines: list[str] = []
        chosen, unheld = self._chosen(models), self._chosen(fresh)
        deploy.deploy(self.stack, lines.append, models=chosen, fresh=unheld, patience=patience)
        return tuple(lines)

    def job(self, model: str) -> ActualJob:
        """The model's one job."""
        (found,) = (job for job in self._ask(lambda flink: flink.jobs()) if job.model == self.table(model))
        return found

    def has_job(self, model: str) -> bool:
        """Whether a job of the model is there, running or not."""
        return any(job.model == self.table(model) for job in self._ask(lambda flink: flink.jobs()))

    def health(self, model: str) -> JobHealth:
        """What Flink says of the model's one job."""
        return self._ask(lambda flink: flink.health(self.job(model).id))

    def newest_state(self, model: str) -> RetainedState | None:
        """The newest state of the model."""
        return self._ask(lambda flink: flink.retained_state(self.table(model)))

    def state(self, model: str, path: Path) -> RetainedState:
        """One state of the model."""
        (found,) = (s for s in self._ask(lambda flink: flink.retained_states(self.table(model))) if s.path == path)
        return found

    def pair(self, model: str, savepoint: Path) -> int:
        """Pair the savepoint with the table's newest snapshot; give that."""
        snapshot = self._ask(lambda flink: flink.pair(self.table(model), savepoint))
        assert snapshot is not None
        return snapshot

    def roll_back(self, model: str, snapshot: int) -> None:
        """Make the snapshot the table's newest one."""
        self._ask(lambda flink: flink.roll_back(self.table(model), snapshot))

    def start(self, model: str, savepoint: Path) -> str:
        """Start the version that wrote the savepoint from it."""
        state = self.state(model, savepoint)

        def started(flink: FlinkEngine) -> str:
            job, plan = flink.deployed_job(state), flink.deployed_plan(state)
            assert job is not None
            assert plan is not None
            return flink.submit_plan(job, plan, state)

        return self._ask(started)

    def stop(self, model: str) -> Path:
        """Stop the model's job; give the savepoint."""
        job = self.job(model)
        path = self._ask(lambda flink: flink.stop_with_savepoint(job))
        eventually(lambda: not self.has_job(model), f"{model} to end")
        return path

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Rows of the newest snapshot, ordered by the first column; none before the first commit."""
        name = self.table(table)
        snapshot = FilesystemTableStore(self.stack.lake).latest_snapshot(name)
        if snapshot is None:
            return []
        found = scan(self.stack.lake, name, snapshot.id).read_all().to_pylist()
        return sorted(found, key=lambda row: list(map(str, row.values())))

    def await_rows(self, table: str, expected: list[dict[str, Any]]) -> None:
        """Wait until the table holds just these rows (in the order of `rows`)."""
        eventually(lambda: self.rows(table) == expected, lambda: f"{expected} in {table}, not {self.rows(table)}")

    def await_values(self, table: str, columns: tuple[str, ...], expected: list[tuple[Any, ...]]) -> None:
        """Wait until the table holds just these rows, of which these columns are looked at."""

        def found() -> list[tuple[Any, ...]]:
            return [tuple(row.get(column) for column in columns) for row in self.rows(table)]

        eventually(lambda: found() == expected, lambda: f"{expected} in {table}, not {found()}")

    def records_read(self, model: str, source: str) -> int:
        """Records that the model's job, since it was submitted, has taken from a topic."""
        job = f"{self.stack.flink_url}/jobs/{self.job(model).id}"
        vertices = httpx.get(job).json()["vertices"]
        (vertex,) = (vertex["id"] for vertex in vertices if self.named(f"{source}#") in vertex["name"])
        path = f"{job}/vertices/{vertex}/metrics"
        names = [metric["id"] for metric in httpx.get(path).json()]
        found = [name for name in names if name.startswith("0.Source") and name.endswith(".numRecordsIn")]
        # The JobManager asks for metrics every ten seconds: a young job has none yet.
        return int(httpx.get(path, params={"get": found[0]}).json()[0]["value"]) if found else 0

    @contextmanager
    def leaving(self, model: str) -> Iterator[None]:
        """Cancel the job of a model that has no number of its own when the block ends."""
        try:
            yield
        finally:
            self._cancel(lambda job: job.model == self.table(model))

    def leave(self) -> None:
        """Cancel the jobs of this house."""
        self._cancel(lambda job: job.model.table.endswith(f"_{self._number}"))

    def _cancel(self, chosen: Callable[[ActualJob], bool]) -> None:
        with self._engine() as flink:
            ours = [job for job in flink.jobs() if chosen(job)]
            for job in ours:
                flink.cancel(job)
            eventually(lambda: not {job.id for job in ours} & {job.id for job in flink.jobs()}, "the jobs to end")

    def _chosen(self, names: Collection[str]) -> frozenset[TableName]:
        return frozenset(map(self.table, names))

    def _ask(self, question: Callable[[FlinkEngine], Answer]) -> Answer:
        with self._engine() as flink:
            return question(flink)

    @contextmanager
    def _engine(self) -> Iterator[FlinkEngine]:
        with deploy.engine(self.stack) as flink:
            yield flink
