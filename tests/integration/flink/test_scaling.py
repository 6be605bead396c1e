"""Another parallelism for jobs that run: asked for by a person, by a plan, and by the autoscaler."""

import json
import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from assets.naming import job_key
from assets.sensors.autoscaling import autoscaled, look
from assets.sensors.watched import Watched
from cli.main import main
from headwater.ceiling import Ceiling
from headwater.engines import JobScale
from headwater.load import Load
from headwater.loader import load
from headwater.stack import HOME_VARIABLE, WAREHOUSE_VARIABLE, Stack
from resources import deploy
from tests.integration.flink.house import House
from tests.integration.waiting import eventually

SUMS, SLOW = "dm.sums#", "dm.slow#"
TABLE = """
    description: {name}
    owner: tests
    key: [{key}]
    columns: {{{columns}}}
    job: {{checkpoint_interval: 500ms, parallelism: {parallelism}}}
    """
SUMS_COLUMNS = "kind: {type: STRING}, things: {type: BIGINT}, amount: {type: BIGINT}"


@pytest.fixture(scope="module")
def house(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """`dm.sums`, a keyed aggregate, and `dm.slow`, which takes milliseconds for each record; both over topics."""
    house = House(stack, tmp_path_factory.mktemp("scaling"), f"{os.getpid()}_scaling")
    columns = "kind: {type: STRING, required: true}\namount: {type: BIGINT, required: true}"
    house.source("things", columns, partitions=3)
    house.source("works", "id: {type: BIGINT, required: true}", partitions=2)
    declare_sums(house, "{max: 4}")
    sums = "SELECT kind, COUNT(*) AS things, SUM(amount) AS amount FROM ods.things# GROUP BY kind\n"
    house.write("dm/sums#/select.sql", sums)
    slow = "id: {type: BIGINT}, digest: {type: STRING}"
    range_ = "{max: 64, autoscale: on}"
    house.write("dm/slow#/table.yaml", TABLE.format(name="slow", key="id", columns=slow, parallelism=range_))
    house.write(
        "dm/slow#/select.sql",
        "SELECT id, CAST(SHA512(REPEAT(CAST(id AS STRING), 100000)) AS STRING) AS digest FROM ods.works#\n",
    )
    try:
        house.send("works#", ({"id": 100_000 + number} for number in range(30_000)))
        house.apply(SUMS, SLOW)
        yield house
    finally:
        house.leave()


def declare_sums(house: House, parallelism: str) -> None:
    house.write(
        "dm/sums#/table.yaml",
        TABLE.format(name="sums", key="kind", columns=SUMS_COLUMNS, parallelism=parallelism),
    )


def test_a_job_is_scaled_up_and_down_while_records_flow_and_comes_back_with_what_it_had(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = house.job(SUMS)
    with sending(house) as sent:
        assert scaled(house, monkeypatch, SUMS, "3") == 0
        assert capsys.readouterr().out == house.named("dm.sums# goes on with 3 subtasks.\n")
        assert house.scale(SUMS) == JobScale(3, 3)
        # A checkpoint of its own, not a savepoint.
        assert f"/checkpoints/{job.id}/chk-" in str(house.health(SUMS).restored_from)
        assert house.plan(SUMS).is_empty

        declare_sums(house, "{max: 2}")
        assert house.apply(SUMS) == (house.named("scale job dm.sums# from 3 to 2 (declared 1 to 2)"),)
        assert house.scale(SUMS) == JobScale(2, 2)
        assert house.job(SUMS).id == job.id

        house.stop(SUMS)
        house.apply(SUMS)
        assert house.scale(SUMS) == JobScale(2, 2)
        assert scaled(house, monkeypatch, SUMS, "1") == 0
    assert len(sent) > 1000
    house.await_rows(SUMS, totals(sent))


@pytest.mark.parametrize(
    ("number", "told"),
    [
        ("65", "dm.slow# is declared with a parallelism of 1 to 64, not 65"),
        ("40", "Job dm.slow# would need 39 slots more, and "),
    ],
)
def test_what_cannot_be_is_refused_and_the_job_left_alone(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: str,
    told: str,
) -> None:
    assert scaled(house, monkeypatch, SLOW, number) == 1
    assert house.named(told) in capsys.readouterr().err
    assert house.scale(SLOW) == JobScale(1, 1)


def test_the_autoscaler_takes_a_job_with_a_backlog_up_and_records_why(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = house.job(SLOW)
    (model,) = (model for model in autoscaled(load(house.folder)) if model.name == job.model)
    with deploy.engine(house.stack) as flink:
        found: list[Load | None] = []

        def saturated() -> bool:
            found.append(flink.load(job.id))
            return found[-1] is not None and found[-1].busy > 0.9 and bool(found[-1].backlog)

        eventually(saturated, lambda: f"a busy job with a backlog, not {found[-1]}")
        watched: dict[str, Watched] = {}
        events: list[dg.AssetObservation] = []
        # Four looks half a minute apart, of which only the clock is not real.
        for number in range(4):
            now = datetime.now(UTC) + number * timedelta(seconds=30)
            seen = look([model], flink, lambda _model, _now: None, watched, now, Ceiling())
            watched = dict(seen.watched)
            events += seen.events
    (event,) = events
    assert event.asset_key == job_key(job.model)
    assert str(event.description).startswith("Scaled from 1 to 2: busy for ")
    assert int(str(event.metadata["headwater/backlog"].value)) > 0

    eventually(lambda: house.scale(SLOW) == JobScale(2, 2), "two subtasks")
    completed = house.health(SLOW).checkpoints_completed
    eventually(lambda: house.health(SLOW).checkpoints_completed > completed, "progress")
    assert house.job(SLOW).id == job.id

    assert scaled(house, monkeypatch, SLOW, "--json") == 0
    (shown,) = json.loads(capsys.readouterr().out)["jobs"]
    assert (shown["model"], shown["state"], shown["parallelism"], shown["wanted"]) == (str(job.model), "RUNNING", 2, 2)
    assert (shown["min"], shown["max"], shown["autoscale"]) == (1, 64, "on")


def scaled(house: House, monkeypatch: pytest.MonkeyPatch, model: str, what: str) -> int:
    """Run `headwater scale`; give its exit status."""
    monkeypatch.setenv(HOME_VARIABLE, str(house.stack.home))
    monkeypatch.setenv(WAREHOUSE_VARIABLE, str(house.folder))
    monkeypatch.setattr("sys.argv", ["headwater", "scale", house.named(model), what])
    with pytest.raises(SystemExit) as exited:
        main()
    return int(str(exited.value.code))


@contextmanager
def sending(house: House) -> Iterator[list[tuple[str, int]]]:
    """Send things all the while; give those that were sent."""
    sent: list[tuple[str, int]] = []
    stopped = threading.Event()

    def send() -> None:
        while not stopped.wait(0.05):
            some = [(f"k{number % 7}", len(sent) + number) for number in range(20)]
            house.send("things#", [{"kind": kind, "amount": amount} for kind, amount in some])
            sent.extend(some)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield sent
    finally:
        stopped.set()
        thread.join()


def totals(sent: list[tuple[str, int]]) -> list[dict[str, object]]:
    things = Counter(kind for kind, _ in sent)
    amounts: Counter[str] = Counter()
    for kind, amount in sent:
        amounts[kind] += amount
    return [{"kind": kind, "things": things[kind], "amount": amounts[kind]} for kind in sorted(things)]
