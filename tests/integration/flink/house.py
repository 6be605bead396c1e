"""A warehouse that a test writes, changes and applies, and the topics that feed it."""

import json
import textwrap
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import httpx

from headwater.engines import ActualJob, JobHealth, JobScale, RetainedState
from headwater.model import TableName
from headwater.plan.stages import Plan
from headwater.shadow import shadowed
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

    def source(self, name: str, columns: str, *, form: str = "json", partitions: int = 1, **more: str) -> None:
        """Declare a topic and make it. Records are spread over its partitions by chance."""
        lines = "".join(f"{key}: {value}\n" for key, value in more.items())
        self.write(
            f"ods/{name}#/table.yaml",
            f"description: a topic\nowner: tests\ntopic: {{name: {name}#, format: {form}, partitions: {partitions}}}\n"
            f"columns:\n{textwrap.indent(textwrap.dedent(columns).strip(), '  ')}\n{lines}",
        )
        self.make_topic(f"{name}#", partitions)

    def make_topic(self, topic: str, partitions: int = 1) -> None:
        """Make a topic."""
        from confluent_kafka.admin import AdminClient
        from confluent_kafka.cimpl import NewTopic

        admin = AdminClient({"bootstrap.servers": self.stack.kafka})
        made = admin.create_topics([NewTopic(self.named(topic), partitions)])
        made[self.named(topic)].result(30)

    def send(self, topic: str, records: Iterable[dict[str, Any] | str | bytes]) -> None:
        """Send records, in order; text and bytes are sent as they are."""
        from confluent_kafka import Producer

        if self._producer is None:
            # Without a pause between the partitions that records without a key go to, all would go to one.
            settings = {"sticky.partitioning.linger.ms": 0}
            self._producer = Producer({"bootstrap.servers": self.stack.kafka, "log_level": 0} | settings)
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

    def plan(
        self, *models: str, fresh: Collection[str] = (), rebuild: Collection[str] = (), trial: bool = False
    ) -> Plan:
        """Plan these models, all others left alone."""
        chosen, unheld, anew = map(self._chosen, (models, fresh, rebuild))
        return deploy.plan(self.stack, models=chosen, fresh=unheld, rebuild=anew, trial=trial)

    def apply(
        self,
        *models: str,
        fresh: Collection[str] = (),
        rebuild: Collection[str] = (),
        earlier: Collection[Path] = (),
        patience: float = 90,
        tell: Callable[[str], None] = lambda _line: None,
    ) -> tuple[str, ...]:
        """Apply these models, all others left alone; give what was told."""
        lines: list[str] = []

        def told(line: str) -> None:
            lines.append(line)
            tell(line)

        chosen, unheld, anew = map(self._chosen, (models, fresh, rebuild))
        deploy.deploy(self.stack, told, models=chosen, fresh=unheld, rebuild=anew, earlier=earlier, patience=patience)
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

    def scale(self, model: str) -> JobScale:
        """How many subtasks the model's one job has."""
        scale = self._ask(lambda flink: flink.scale(self.job(model).id))
        assert scale is not None
        return scale

    def states(self, model: str) -> tuple[RetainedState, ...]:
        """The states of the model, the newest first."""
        return self._ask(lambda flink: flink.retained_states(self.table(model)))

    def meant_start(self, model: str) -> str | None:
        """Where the model's one job was told to start."""
        return self._ask(lambda flink: flink.meant_start(self.job(model).id))

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

    def versions(self, table: str, since: int) -> list[list[dict[str, Any]]]:
        """The rows of every snapshot after this one, as `rows` gives them."""
        name = self.table(table)
        newest = FilesystemTableStore(self.stack.lake).latest_snapshot(name)
        assert newest is not None
        found = (
            scan(self.stack.lake, name, number).read_all().to_pylist() for number in range(since + 1, newest.id + 1)
        )
        return [sorted(rows, key=lambda row: list(map(str, row.values()))) for rows in found]

    def snapshot(self, table: str) -> int:
        """The id of the newest snapshot."""
        newest = FilesystemTableStore(self.stack.lake).latest_snapshot(self.table(table))
        assert newest is not None
        return newest.id

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

    def cancel(self, model: str) -> None:
        """Cancel the model's job."""
        self._cancel(lambda job: job.model == self.table(model))

    def leave(self) -> None:
        """Cancel the jobs of this house, and those of rebuilds that a test left under way."""
        self._cancel(lambda job: shadowed(job.model).table.endswith(f"_{self._number}"))

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
