"""Systems that go away while a plan is applied, and records that do not fit: what is told, kept, and how it goes on."""

import contextlib
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from cli.main import main
from headwater.compile.rejects import REJECTED
from headwater.engines import JobState
from headwater.plan.execute import Executor
from headwater.problem import HeadwaterError
from headwater.stack import HOME_VARIABLE, WAREHOUSE_VARIABLE, Ports
from resources import deploy
from tests.integration.flink.events import EVENTS, event
from tests.integration.flink.house import House
from tests.integration.waiting import eventually


def test_a_gateway_that_goes_away_is_told_and_applying_again_finishes(
    events: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with gone_after_first_stage(events.stack.ports.gateway) as (port, go):
        monkeypatch.setenv(HOME_VARIABLE, str(events.stack.home))
        monkeypatch.setenv(WAREHOUSE_VARIABLE, str(events.folder))
        for name, value in (
            ("flink", events.stack.ports.flink),
            ("gateway", port),
            ("kafka", events.stack.ports.kafka),
        ):
            monkeypatch.setenv(Ports.variable(name), str(value))
        monkeypatch.setattr(
            "resources.deploy.Executor",
            lambda flink, broker, tell, **more: Executor(flink, broker, going_away(tell, go), **more),
        )
        monkeypatch.setattr("sys.argv", ["headwater", "apply", "--yes", "--model", events.named(EVENTS)])
        with pytest.raises(SystemExit) as exited:
            main()
    assert exited.value.code == 3
    told = capsys.readouterr().err
    assert f"Flink's SQL gateway does not answer at http://127.0.0.1:{port}" in told
    assert "applied again" in told
    assert not events.has_job(EVENTS)

    events.send("event#", [event(1, 10)])
    assert [line.split(" ")[0] for line in events.apply(EVENTS)] == ["start", "wait"]
    events.await_values(EVENTS, ("id", "size"), [(1, 10)])


def test_a_broker_that_goes_away_is_told_before_its_reader_starts(events: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        port = closed_soon.getsockname()[1]
    nobody = replace(events.stack, ports=replace(events.stack.ports, kafka=port))
    with pytest.raises(HeadwaterError, match=f"Kafka at 127.0.0.1:{port} failed at listing the topics") as refused:
        deploy.deploy(nobody, lambda _line: None, models={events.table(EVENTS)})
    assert refused.value.unreachable
    assert not events.has_job(EVENTS)

    events.apply(EVENTS)
    assert events.job(EVENTS).state is JobState.RUNNING


def test_a_malformed_record_is_kept_with_its_place_and_reason_once(events: House) -> None:
    sent = [
        event(1, 10),
        "not json",
        event(2, "many"),
        '{"size": 3, "seen_at": "2026-11-22T03:00:00.000Z"}',
        event(3, None),
        '{"id": 4, "size": 40, "seen_at": "yesterday"}',
        event(5, 50),
        b"{\xff\xfe",
    ]
    events.send("event#", sent)
    rejected = str(REJECTED)
    with events.leaving(rejected):
        events.apply(EVENTS, rejected)
        events.await_values(EVENTS, ("id", "size"), [(1, 10), (3, None), (5, 50)])
        kept = [(1, "not_json"), (2, "type:size"), (3, "missing:id"), (5, "type:seen_at"), (7, "not_json")]
        eventually(lambda: reasons(events) == kept, lambda: f"{kept}, not {reasons(events)}")
        payloads = {row["kafka_offset"]: row["payload"] for row in ours(events)}
        assert payloads[1] == "not json"
        assert events.job(EVENTS).state is JobState.RUNNING

        events.apply(rejected, fresh=[rejected])
        events.send("event#", ["[]"])
        kept.append((8, "not_json"))
        eventually(lambda: reasons(events) == kept, lambda: f"{kept}, not {reasons(events)}")


def test_a_job_that_no_model_declares_runs_on_until_it_is_asked_to_stop(events: House) -> None:
    events.apply(EVENTS)
    job = events.job(EVENTS)
    shutil.rmtree(events.folder / events.named("dwd/events#"))
    with events.leaving(str(REJECTED)):
        assert [found.id for found in deploy.plan(events.stack).undeclared] == [job.id]
        done = deploy.deploy(events.stack, lambda _line: None)
        assert [found.id for found in done.undeclared] == [job.id]
        assert events.job(EVENTS).state is JobState.RUNNING

        done = deploy.deploy(events.stack, lambda _line: None, stop_undeclared=True)
        assert done.stages == (events.named("stop job dwd.events# with a savepoint (its model is not declared)"),)
        assert not events.has_job(EVENTS)
        state = events.newest_state(EVENTS)
        assert state is not None
        assert state.is_savepoint


def going_away(tell: Callable[[str], None], go: Callable[[], None]) -> Callable[[str], None]:
    """Let the gateway go when the table is there and the job is about to start."""

    def told(line: str) -> None:
        tell(line)
        if line.startswith("start job"):
            go()

    return told


def ours(house: House) -> list[dict[str, object]]:
    return [row for row in house.rows(str(REJECTED)) if row["source"] == house.named("ods.event#")]


def reasons(house: House) -> list[tuple[object, object]]:
    return [(row["kafka_offset"], row["reason"]) for row in ours(house)]


@contextlib.contextmanager
def gone_after_first_stage(port: int) -> Iterator[tuple[int, Callable[[], None]]]:
    """A port that passes on to another one until it is told to go; then nothing answers there any more."""
    listener = socket.create_server(("127.0.0.1", 0))
    open_now: list[socket.socket] = []

    def passed_on(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        target.close()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", port))
                open_now.extend((client, server))
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=passed_on, args=pair, daemon=True).start()

    def go() -> None:
        for connection in (listener, *open_now):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1], go
    finally:
        go()
