"""What is written for the processes of the local stack."""

import configparser
import re
import shlex
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from headwater.stack import Ports, Stack
from resources.local import flink, kafka, supervisor
from resources.local.program import Program


@pytest.fixture
def place(tmp_path: Path, free_ports: Ports) -> Stack:
    return Stack(home=tmp_path / "home", warehouse=tmp_path / "warehouse", ports=free_ports)


def test_flink_keeps_its_state_and_its_temporary_files_in_the_state_folder(place: Stack) -> None:
    config = yaml.safe_load(flink.config(place))
    assert config["execution.checkpointing.dir"] == f"file://{place.job_state}"
    for key in ("io.tmp.dirs", "web.tmpdir", "blob.storage.directory", "process.working-dir"):
        assert Path(config[key]).is_relative_to(place.home)
    assert config["execution.checkpointing.externalized-checkpoint-retention"] == "RETAIN_ON_CANCELLATION"


def test_nothing_is_told_to_listen_beyond_loopback(place: Stack) -> None:
    config = yaml.safe_load(flink.config(place))
    hosts = {key: value for key, value in config.items() if re.search(r"address|host$", key)}
    assert len(hosts) >= 7
    assert set(hosts.values()) == {"127.0.0.1"}
    listeners = dict(line.split("=", 1) for line in kafka.properties(place).splitlines())
    assert set(re.findall(r"//([^:]+):", listeners["listeners"])) == {"127.0.0.1"}


def test_every_port_of_the_stack_is_used_once(place: Stack) -> None:
    config = yaml.safe_load(flink.config(place))
    used = [config["rest.port"], config["jobmanager.rpc.port"], config["sql-gateway.endpoint.rest.port"]]
    used += [int(port) for port in re.findall(r"^listeners=.*:(\d+),.*:(\d+)$", kafka.properties(place), re.M)[0]]
    used.append(int(re.findall(r"^http://127.0.0.1:(\d+)/", config["metrics.reporter.watch.hostUrl"])[0]))
    others = [place.ports.dagster, place.ports.api, place.ports.dashboard]
    assert sorted([*used, *others]) == sorted(asdict(place.ports).values())


def test_each_of_flinks_processes_pushes_its_metrics_under_its_name(place: Stack) -> None:
    commands = {program.name: list(program.command) for program in flink.programs(place)}
    for name in (flink.JOBMANAGER, flink.TASKMANAGER):
        ours = commands[name][commands[name].index("--configDir") :]
        # The entry point reads no option behind one that it does not know, which --executionMode is.
        assert ours[2] == f"-Dmetrics.reporter.watch.jobName={name}"
    config = yaml.safe_load(flink.config(place))
    # A boolean would not be read as one: the reporter takes texts alone.
    assert config["metrics.reporter.watch.randomJobNameSuffix"] == "false"


def test_the_supervisor_reads_back_what_was_meant(place: Stack) -> None:
    program = Program("odd", ["/a b/java", "-Dx=100%", "it's"], {"KEY": "50% of it"}, autostart=False)
    parser = configparser.RawConfigParser()
    parser.read_string(supervisor.configuration(place, [program], place.home))
    section = parser["program:odd"]
    assert [part.replace("%%", "%") for part in shlex.split(section["command"])] == list(program.command)
    assert section["environment"] == 'KEY="50%% of it"'
    assert section["autostart"] == "false"
    assert (section["stopasgroup"], section["killasgroup"], section["autorestart"]) == ("true", "true", "true")


def test_a_deep_state_folder_has_its_sockets_elsewhere(place: Stack, tmp_path: Path) -> None:
    deep = Stack(tmp_path / ("d" * 60) / ("e" * 60), place.warehouse, place.ports)
    other = Stack(tmp_path / ("d" * 60) / ("f" * 60), place.warehouse, place.ports)
    assert len(str(supervisor.socket_folder(deep) / "supervisor.sock")) < 100
    assert supervisor.socket_folder(deep) != supervisor.socket_folder(other)
    near = Stack(Path("/tmp/near"), place.warehouse, place.ports)
    assert supervisor.socket_folder(near) == supervisor.run_folder(near)
