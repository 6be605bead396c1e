"""What people read when a start cannot go ahead: what failed, what is left, the next command."""

import hashlib
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.logs import command as logs
from cli.up import require_python
from headwater.problem import HeadwaterError
from headwater.stack import Ports, Stack
from resources import jars
from resources.local import disk, lifecycle, ports, supervisor


@pytest.fixture
def place(tmp_path: Path, free_ports: Ports) -> Iterator[Stack]:
    stack = Stack(home=tmp_path / "home", warehouse=tmp_path / "warehouse", ports=free_ports)
    yield stack
    lifecycle.stop(stack)


def test_a_taken_port_is_named_with_its_use_its_holder_and_its_setting(free_ports: Ports) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(HeadwaterError) as raised:
            ports.check_free(replace(free_ports, kafka=port))
    message = str(raised.value)
    assert f"port {port} (Kafka) is taken by " in message
    assert ", pid " in message
    assert "set HEADWATER_PORT_KAFKA to another port, or stop it" in message


def test_every_taken_port_is_told_at_once(free_ports: Ports) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(HeadwaterError) as raised:
            ports.check_free(replace(free_ports, kafka=port, gateway=port))
    assert "(Kafka)" in raised.value.failed
    assert "(the SQL gateway)" in raised.value.failed


def test_a_full_disk_is_refused_before_anything_starts(place: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_MIN_FREE_GB", "1000000")
    with pytest.raises(HeadwaterError) as raised:
        lifecycle.start(place)
    assert "the stack needs 1000000 GB" in raised.value.failed or "1e+06" in raised.value.failed
    assert raised.value.left == "nothing was started"
    assert "HEADWATER_MIN_FREE_GB" in raised.value.next_command
    assert not supervisor.is_running(place)


def test_a_limit_that_is_no_number_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_MIN_FREE_GB", "plenty")
    with pytest.raises(HeadwaterError, match="HEADWATER_MIN_FREE_GB=plenty is not a number"):
        disk.needed_gigabytes()


def test_another_python_is_refused() -> None:
    require_python((3, 11))
    with pytest.raises(HeadwaterError) as raised:
        require_python((3, 13))
    assert raised.value.failed == "Headwater needs Python 3.11; this is Python 3.13"
    assert "make up" in raised.value.next_command


def test_a_second_start_names_the_process_that_holds_the_first(place: Stack) -> None:
    import os

    with lifecycle.changing(place), pytest.raises(HeadwaterError) as raised, lifecycle.changing(place):
        pass
    assert f"is being started or stopped by pid {os.getpid()}" in raised.value.failed
    with lifecycle.changing(place):
        pass


def test_an_unknown_log_lists_the_names(place: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    place.logs.mkdir(parents=True)
    for name in ("kafka", "gateway"):
        (place.logs / f"{name}.log").write_text("one\ntwo\nthree\n")
    monkeypatch.setenv("HEADWATER_HOME", str(place.home))
    wrong = CliRunner().invoke(logs, ["kafak"])
    assert str(wrong.exception).startswith("No process is called «kafak». There are: gateway, kafka")
    assert CliRunner().invoke(logs, ["kafka", "-n", "2"]).output == "two\nthree\n"
    assert CliRunner().invoke(logs, []).output == "gateway\nkafka\n"


def _jar(content: bytes, name: str = "thing") -> jars.Jar:
    return jars.Jar(f"org.example:{name}:1.0", "kafka", len(content), hashlib.sha256(content).hexdigest())


def _serving(content: bytes) -> jars.Fetch:
    def download(jar: jars.Jar, into: Path, on_bytes) -> Path:
        into.mkdir(parents=True, exist_ok=True)
        file = into / jar.file_name
        file.write_bytes(content)
        on_bytes(len(content))
        return file

    return download


def test_a_jar_arrives_in_its_place_and_is_not_fetched_again(tmp_path: Path) -> None:
    arrived: list[int] = []
    jars.fetch([_jar(b"right")], tmp_path, jars.Counter(arrived.append), _serving(b"right"))
    assert (tmp_path / "kafka" / "thing-1.0.jar").read_bytes() == b"right"
    assert arrived == [5]

    def refuse(*_: object) -> Path:
        raise AssertionError("fetched again")

    jars.fetch([_jar(b"right")], tmp_path, download=refuse)


def test_a_jar_that_arrives_wrong_is_refused_and_deleted(tmp_path: Path) -> None:
    with pytest.raises(HeadwaterError) as raised:
        jars.fetch([_jar(b"right")], tmp_path, download=_serving(b"wrong"))
    assert "org.example:thing:1.0 has a wrong checksum" in raised.value.failed
    assert hashlib.sha256(b"right").hexdigest() in raised.value.failed
    assert hashlib.sha256(b"wrong").hexdigest() in raised.value.failed
    assert "deleted" in raised.value.left
    assert raised.value.next_command.startswith("headwater up")
    assert not list(tmp_path.rglob("*.jar"))


def test_a_jar_that_was_changed_on_disk_is_refused_and_deleted(tmp_path: Path) -> None:
    jar = _jar(b"right")
    jars.fetch([jar], tmp_path, download=_serving(b"right"))
    jar.path(tmp_path).write_bytes(b"wrong")
    with pytest.raises(HeadwaterError, match="wrong checksum"):
        jars.fetch([jar], tmp_path, download=_serving(b"right"))
    assert not jar.path(tmp_path).exists()
    jars.fetch([jar], tmp_path, download=_serving(b"right"))
    assert jar.path(tmp_path).read_bytes() == b"right"


def test_no_network_on_first_use_says_what_is_kept_and_how_to_go_on(tmp_path: Path) -> None:
    here, there = _jar(b"right", "here"), _jar(b"right", "there")
    jars.fetch([here], tmp_path, download=_serving(b"right"))

    def no_network(*_: object) -> Path:
        raise ConnectionError("[Errno 101] Network is unreachable")

    with pytest.raises(HeadwaterError) as raised:
        jars.fetch([here, there], tmp_path, download=no_network)
    assert raised.value.failed == (
        "Fetching 1 of 2 jars failed, org.example:there:1.0 first: "
        "the Maven repository cannot be reached (ConnectionError)"
    )
    assert raised.value.left.startswith("1 jars are in ")
    assert "headwater up" in raised.value.next_command
    assert raised.value.unreachable
    assert here.path(tmp_path).exists()


def test_the_lock_file_pins_every_jar_by_checksum() -> None:
    pinned = jars.read_lock()
    assert {jar.place for jar in pinned} == {"flink/lib", "flink/opt", "kafka"}
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in pinned)
    plain = {coordinate for coordinates in jars.PLAIN.values() for coordinate in coordinates}
    assert plain <= {jar.coordinate for jar in pinned}
