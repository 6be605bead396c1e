"""The local Kafka broker: one node in KRaft mode, broker and controller in one process."""

import os
import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources import jars, java
from resources.local.flink import flink_home
from resources.local.program import Program

NAME = "kafka"
HEAP_MEGABYTES = 400

_LOGGING = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p %c{1} - %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
"""


def program(stack: Stack) -> Program:
    """The broker as a supervised process."""
    return Program(NAME, _command(stack, "kafka.Kafka", [str(_properties(stack))], HEAP_MEGABYTES))


def prepare(stack: Stack) -> None:
    """Write the broker's configuration; format its storage on first use.

    Raises:
        HeadwaterError: the storage could not be formatted.
    """
    home = _home(stack)
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    _properties(stack).write_text(properties(stack))
    (home / "log4j2.properties").write_text(_LOGGING)
    if (home / "data" / "meta.properties").exists():
        return
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    # In one word: an id may begin with a dash, which the tool would take for an option.
    arguments = ["format", f"--cluster-id={cluster}", f"--config={_properties(stack)}"]
    tool = _command(stack, "kafka.tools.StorageTool", arguments, 128)
    done = subprocess.run(tool, capture_output=True, text=True, env=os.environ | {"HEADWATER_OWNER": str(stack.home)})
    if done.returncode != 0:
        raise HeadwaterError(
            f"Kafka's storage could not be formatted: {(done.stderr or done.stdout).strip().splitlines()[-1:]}",
            left=f"{home / 'data'}",
            next_command="headwater doctor",
        )


def properties(stack: Stack) -> str:
    """The broker's configuration. Everything listens on 127.0.0.1; a topic exists only when someone declared it."""
    broker, controller = stack.ports.kafka, stack.ports.kafka_controller
    return f"""\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
controller.listener.names=CONTROLLER
log.dirs={_home(stack) / "data"}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
log.segment.bytes=134217728
log.retention.hours=168
"""


def _home(stack: Stack) -> Path:
    return stack.home / "kafka"


def _properties(stack: Stack) -> Path:
    return _home(stack) / "server.properties"


def _command(stack: Stack, main_class: str, arguments: list[str], heap_megabytes: int) -> list[str]:
    # Kafka's jars carry log4j but not its binding to slf4j; Flink's distribution has it, in the same version.
    binding = sorted((flink_home(stack) / "lib").glob("log4j-slf4j-impl-*.jar"))
    return java.command(
        main_class,
        [jars.folder(stack) / "kafka" / "*", *binding],
        arguments,
        heap_megabytes=heap_megabytes,
        temporary=_home(stack) / "tmp",
        options=[f"-Dlog4j2.configurationFile={_home(stack) / 'log4j2.properties'}"],
    )
