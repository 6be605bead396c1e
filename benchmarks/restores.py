"""What really happens to an edit: the new SQL restored from the old one's savepoint, beside the new SQL run afresh.

Both read the same records. What the restored job writes after the edit is held against what the fresh one writes in
the same time.
"""

import contextlib
import itertools
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from benchmarks.corpus import SUBJECT, Edit, Version
from benchmarks.edit_records import Burst, after_the_edit, before_the_edit
from benchmarks.feed import committed
from benchmarks.reality import Reality, Rows, compared
from benchmarks.stand import Stand
from headwater.compile.binding import Addresses
from headwater.compile.job import JobSpec, compile_job
from headwater.compile.operator_ids import Plan, adopted
from headwater.engines import ActualJob, ActualTable, JobState, RetainedState
from headwater.loader import load
from headwater.model import Model, Warehouse
from headwater.plan.actual import Actual, observe
from headwater.plan.build import build_plan
from headwater.plan.execute import Executor
from headwater.plan.health import end
from headwater.plan.stages import AddColumns, CreateTable, ResetOptions, SetOptions
from headwater.plan.stages import Plan as Stages
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from headwater.verdict.comparison import Comparison
from headwater.verdict.graph import PlanGraph
from headwater.verdict.judge import Judgement, judge
from headwater.verdict.verdict import Outcome, Verdict
from resources import deploy
from resources.flink.engine import FlinkEngine
from resources.kafka import KafkaBroker, create_topics, writer
from resources.paimon.reader import scan
from resources.paimon.store import FilesystemTableStore

AT_ONCE = 5
"""Edits tried at the same time: each is up to three jobs, beside one of the old SQL."""

SCRATCH = "scratch"
"""The folder of a place in which `compiled` has its lake, with a table without rows as the version declares it."""

_PATIENCE = 120.0
_THREADS = 16
_CHECKPOINTS = 3
_POLL_SECONDS = 0.5
_OF_TABLES = (CreateTable, AddColumns, ResetOptions, SetOptions)


_BEST_FIRST = (Reality.SAME, Reality.LATER, Reality.WRONG, Reality.REFUSED)


@dataclass(frozen=True)
class Trial:
    """An edit, what was said of it and what became of it.

    Args:
        attempts: With the ids that the platform gives, and, where an operator lost its state by that, with its old id.
        notes: Why an attempt was refused, or how the rows differ.
    """

    edit: Edit
    verdict: Verdict
    attempts: tuple[Reality, ...]
    notes: tuple[str, ...] = ()

    @property
    def reality(self) -> Reality:
        """The best that any attempt came to: a verdict may not be stricter than it must be."""
        return min(self.attempts, key=_BEST_FIRST.index)

    @property
    def judged(self) -> Outcome:
        """What the platform said."""
        return self.verdict.outcome

    @property
    def agrees(self) -> bool:
        """The platform said what the corpus says, and the restore bears it out."""
        return self.judged is self.edit.verdict and self.reality.bears_out(self.judged)

    @property
    def seen(self) -> tuple[tuple[Reality, str], ...]:
        """Each attempt with its note."""
        return tuple(zip(self.attempts, self.notes, strict=True))


@dataclass
class _Run:
    """One job of one version over a table of its own."""

    place: Stack
    version: Version
    spec: JobSpec
    model: Model
    warehouse: Warehouse
    group: str
    topics: list[str]
    plan: Plan | None = None
    job: str = ""
    refusal: str = ""
    rows: list[Rows] = field(default_factory=list)

    def look(self) -> None:
        """Remember the rows that the table holds now."""
        snapshot = FilesystemTableStore(self.place.lake).latest_snapshot(SUBJECT)
        found = scan(self.place.lake, SUBJECT, snapshot.id).read_all().to_pylist() if snapshot else []
        self.rows.append(found)


class Laboratory:
    """Tries edits of one base version, some at a time.

    Args:
        stand: The stack, and a folder for tables and states.
        base: The version that every edit starts from.
    """

    def __init__(self, stand: Stand, base: Version) -> None:
        self._stand = stand
        self._base = base
        self._suffix = "_" + secrets.token_hex(4)
        self._folder = stand.scratch / f"edits{self._suffix}"
        self._sent: Counter[str] = Counter()
        self._numbers = itertools.count(1)

    def try_out(self, edits: Sequence[Edit]) -> list[Trial]:
        """Run the edits' old and new versions over the records; give what became of each."""
        stack = self._stand.stack
        create_topics(
            stack.kafka, [source.topic for source in self._loaded(self._base, "sources").sources if source.topic]
        )
        with deploy.engine(stack) as flink:
            self._flink = flink
            old = self._run(self._base, "old")
            fresh = {
                edit.id: self._run(edit.after, "fresh") for edit in edits if edit.verdict is not Outcome.INCOMPATIBLE
            }
            everyone = [old, *fresh.values()]
            with ThreadPoolExecutor(max_workers=3) as pool:
                list(pool.map(lambda run: self._start(run, None, None), everyone))
            early, late = before_the_edit()
            self._send(early, everyone, is_last=False)
            self._send(late, everyone, is_last=True)
            for run in everyone:
                run.look()
            state = self._savepoint(old)
            with ThreadPoolExecutor(max_workers=3) as pool:
                restored = list(pool.map(lambda edit: self._restored(edit, old, state), edits))
            running = [run for _, runs in restored for run in runs if not run.refusal]
            early, late = after_the_edit()
            self._send(early, [*fresh.values(), *running], is_last=False)
            self._send(late, [*fresh.values(), *running], is_last=True)
            for run in [*fresh.values(), *running]:
                run.look()
            self._each([*fresh.values(), *running], self._cancel)
            return [
                _trial(edit, verdict, old, fresh.get(edit.id), runs)
                for edit, (verdict, runs) in zip(edits, restored, strict=True)
            ]

    def _loaded(self, version: Version, name: str) -> Warehouse:
        folder = self._folder / "warehouses" / name
        version.write(folder, self._suffix)
        return load(folder)

    def _run(self, version: Version, name: str) -> _Run:
        number = next(self._numbers)
        declared = self._loaded(version, f"{name}-{number}")
        place = replace(self._stand.stack, home=self._folder / f"{name}-{number}", warehouse=declared.root)
        model = declared.model(SUBJECT)
        spec = compile_job(model, declared.model, deploy.addresses(place))
        group = f"edits{self._suffix}-{number}"
        # Every version reads as a group of its own: what it has committed says how far it is.
        bound = tuple(text.replace(f"'headwater.{SUBJECT}'", f"'{group}'") for text in spec.bindings)
        topics = [str(declared.model(name).topic.name) for name in model.reads if declared.model(name).topic]  # type: ignore[union-attr]
        return _Run(place, version, replace(spec, bindings=bound), model, declared, group, topics)

    def _start(self, run: _Run, plan: Plan | None, state: RetainedState | None) -> None:
        """Make or change its table, then start it; a refusal is remembered."""
        with deploy.engine(run.place) as flink:
            try:
                self._make_table(run, flink)
                if plan is None:
                    run.job = flink.submit(run.spec, state)
                else:
                    run.job = flink.submit_plan(run.spec, plan, state)
            except HeadwaterError as error:
                run.refusal = error.failed

    def _make_table(self, run: _Run, flink: FlinkEngine) -> None:
        broker = KafkaBroker(run.place.kafka)
        actual = replace(observe(run.warehouse, flink, FilesystemTableStore(run.place.lake), broker), jobs=())
        stages = build_plan(run.warehouse, actual, deploy.addresses(run.place), models={SUBJECT}).stages
        tables = tuple(stage for stage in stages if isinstance(stage, _OF_TABLES))
        Executor(flink, broker, lambda _line: None).execute(Stages(tables))

    def _send(self, burst: Burst, runs: Sequence[_Run], *, is_last: bool) -> None:
        with writer(self._stand.stack.kafka) as opened:
            for topic, records in burst.items():
                for record in records:
                    opened.write(topic + self._suffix, record)
                self._sent[topic + self._suffix] += len(records)
        self._each(runs, lambda run: self._await(run, is_last))

    def _await(self, run: _Run, is_last: bool) -> None:
        """Wait until the job has read what was sent and has committed it to its table, or is refused.

        A record is read within milliseconds, but a source that has nothing more to read says only after ten seconds
        how far it is (the time-out of its poll). So it is asked at the end of each half.
        """
        if run.refusal:
            return
        wanted = sum(self._sent[topic] for topic in run.topics)
        position = committed(run.place.kafka, run.group, run.topics)
        deadline = time.monotonic() + _PATIENCE
        enough: int | None = None
        while True:
            health = self._flink.health(run.job)
            if health.state.is_final or health.restarts > 1 or time.monotonic() > deadline:
                run.refusal = health.failure or f"{health.state.value}, {position()} of {wanted} records read"
                self._cancel(run)
                return
            if enough is None and health.state is JobState.RUNNING:
                enough = health.checkpoints_completed + _CHECKPOINTS
            is_through = enough is not None and health.checkpoints_completed >= enough
            if is_through and (not is_last or position() >= wanted):
                return
            time.sleep(_POLL_SECONDS)

    def _cancel(self, run: _Run) -> None:
        """End the job, if it has not ended by itself: its slots, and its table's name, are for the next."""
        with contextlib.suppress(HeadwaterError):
            end(self._flink, _job(run), patience=_PATIENCE)

    def _savepoint(self, run: _Run) -> RetainedState:
        if run.refusal:
            raise HeadwaterError(f"The base version does not run: {run.refusal}")
        with deploy.engine(run.place) as flink:
            flink.stop_with_savepoint(_job(run))
            state = flink.retained_state(SUBJECT)
            assert state is not None
            run.plan = flink.deployed_plan(state)
        return state

    def _restored(self, edit: Edit, old: _Run, state: RetainedState) -> tuple[Verdict, list[_Run]]:
        """Give the verdict on the edit, and what was started of it.

        That is the edited version from the old one's state on a copy of its table; and where it loses state, also with
        the old ids: does Flink take the state then, and are the rows right?
        """
        table = FilesystemTableStore(old.place.lake).table(SUBJECT)
        assert old.plan is not None
        assert table is not None
        runs = [self._run(edit.after, "restored")]
        plan = compiled(self._flink, runs[0].warehouse, runs[0].place)
        judged = judge_edit(runs[0].warehouse, table, plan, old.plan)
        plans = [judged.plan]
        if judged.verdict.outcome is Outcome.REBUILD:
            forced = _with_old_ids(plan, old.plan)
            if forced != judged.plan:
                runs.append(self._run(edit.after, "forced"))
                plans.append(forced)
        for run, plan in zip(runs, plans, strict=True):
            shutil.copytree(old.place.lake, run.place.lake)
            run.plan = plan
        self._each(runs, lambda run: self._start(run, run.plan, state))
        return judged.verdict, runs

    def _each(self, runs: Iterable[_Run], act: Callable[[_Run], None]) -> None:
        with ThreadPoolExecutor(max_workers=_THREADS) as pool:
            for _ in pool.map(act, list(runs)):
                pass


def compiled(flink: FlinkEngine, warehouse: Warehouse, place: Stack) -> Plan:
    """The compiled plan of a version, over an empty lake."""
    scratch = deploy.scratch(place, place.home / SCRATCH)
    return flink.compile(compile_job(warehouse.model(SUBJECT), warehouse.model, scratch))


def judge_edit(warehouse: Warehouse, table: ActualTable, plan: Plan, running: Plan) -> Judgement:
    """Judge an edited version as `headwater plan` does.

    Args:
        warehouse: The edited version.
        table: As the version before it has left it.
        plan: Of the edited version, compiled.
        running: Of the version before it, deployed.
    """
    judged = judge(plan, running, keyed=bool(warehouse.model(SUBJECT).key))
    actual = Actual(tables={SUBJECT: table}, jobs=(), states={})
    nowhere = Addresses(lake="lake:", kafka="kafka:")
    planned = build_plan(warehouse, actual, nowhere, models={SUBJECT}, verdicts={SUBJECT: judged.verdict})
    return replace(judged, verdict=planned.verdicts[SUBJECT])


def _with_old_ids(plan: Plan, running: Plan) -> Plan:
    """Every operator that lost its state given the id of one of its kind."""
    new, old = PlanGraph(plan), PlanGraph(running)
    pairs = Comparison(new, old).pairs()
    for number in new.stateful:
        alike = [
            before for before in old.stateful if before not in pairs.values() and old.kind(before) == new.kind(number)
        ]
        if number not in pairs and alike:
            pairs[number] = alike[0]
    return adopted(plan, running, pairs)


def _trial(edit: Edit, verdict: Verdict, old: _Run, fresh: _Run | None, restored: Sequence[_Run]) -> Trial:
    attempts, notes = zip(*(_compared(run, old, fresh) for run in restored), strict=True)
    return Trial(edit, verdict, attempts, notes)


def _compared(run: _Run, old: _Run, fresh: _Run | None) -> tuple[Reality, str]:
    if run.refusal or fresh is None:
        return (Reality.REFUSED, run.refusal) if run.refusal else (Reality.LATER, "it ran")
    if fresh.refusal:
        raise HeadwaterError(f"The edited version does not run afresh: {fresh.refusal}")
    return compared(run.version, old.rows[0], fresh.rows[0], run.rows[-1], fresh.rows[-1])


def _job(run: _Run) -> ActualJob:
    return ActualJob(run.job, SUBJECT, run.spec.fingerprint, JobState.RUNNING, datetime.now(UTC), "")
