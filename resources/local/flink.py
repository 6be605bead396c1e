"""The local Flink cluster: a session cluster of one JobManager and one TaskManager, and the SQL gateway."""

import os
import shutil
from pathlib import Path

from headwater.stack import Stack
from resources import jars, java
from resources.local.program import Program

JOBMANAGER, TASKMANAGER, GATEWAY = "jobmanager", "taskmanager", "gateway"
SLOTS = 16

_REPORTER = "metrics.reporter.watch"

_COPIED = ("bin", "lib", "opt", "plugins", "conf")

_LOGGING = """\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
appender.console.name = console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n
logger.pekko.name = org.apache.pekko
logger.pekko.level = WARN
logger.kafka.name = org.apache.kafka
logger.kafka.level = WARN
logger.hadoop.name = org.apache.hadoop
logger.hadoop.level = ERROR
logger.checkpoints.name = org.apache.flink.runtime.checkpoint.CheckpointCoordinator
logger.checkpoints.level = WARN
logger.configuration.name = org.apache.flink.configuration
logger.configuration.level = WARN
logger.paimon.name = org.apache.paimon
logger.paimon.level = WARN
"""


def flink_home(stack: Stack) -> Path:
    """The project's own Flink distribution: what the Python package carries, and the jars it lacks."""
    return stack.home / "flink" / "home"


def prepare(stack: Stack) -> None:
    """Lay out the distribution and write its configuration. Never writes into the Python package."""
    home = flink_home(stack)
    expected = _distribution(stack)
    for target, source in expected.items():
        _put(source, home / target)
    # A jar of an older version beside a newer one would make two of it on the class path.
    for folder in ("lib", "opt"):
        for file in (home / folder).glob("*.jar"):
            if file.relative_to(home) not in expected:
                file.unlink()
    shutil.rmtree(_temporary(stack), ignore_errors=True)
    for folder in (_temporary(stack), _temporary(stack) / "web", stack.job_state, stack.lake):
        folder.mkdir(parents=True, exist_ok=True)
    (home / "conf" / "config.yaml").write_text(config(stack))
    (home / "conf" / "log4j.headwater.properties").write_text(_LOGGING)


def config(stack: Stack) -> str:
    """Flink's `config.yaml`.

    Memory is given part by part because the processes are started without Flink's scripts, which otherwise derive
    the parts: https://nightlies.apache.org/flink/flink-docs-release-2.0/docs/deployment/memory/mem_setup_tm/
    """
    state = f"file://{stack.job_state}"
    values = {
        "jobmanager.rpc.address": "127.0.0.1",
        "jobmanager.rpc.port": stack.ports.flink_rpc,
        "jobmanager.bind-host": "127.0.0.1",
        "rest.address": "127.0.0.1",
        "rest.bind-address": "127.0.0.1",
        "rest.port": stack.ports.flink,
        "taskmanager.host": "127.0.0.1",
        "taskmanager.bind-host": "127.0.0.1",
        # A name that stays the same lets a restarted TaskManager replace the dead one at once.
        "taskmanager.resource-id": TASKMANAGER,
        "taskmanager.numberOfTaskSlots": SLOTS,
        "taskmanager.cpu.cores": SLOTS,
        "jobmanager.memory.heap.size": f"{_HEAP[JOBMANAGER]}m",
        "jobmanager.memory.off-heap.size": "64m",
        "jobmanager.memory.jvm-metaspace.size": "256m",
        "jobmanager.memory.jvm-overhead.min": "192m",
        "jobmanager.memory.jvm-overhead.max": "192m",
        "taskmanager.memory.framework.heap.size": "128m",
        "taskmanager.memory.task.heap.size": f"{_HEAP[TASKMANAGER] - 128}m",
        "taskmanager.memory.framework.off-heap.size": "128m",
        "taskmanager.memory.task.off-heap.size": "64m",
        "taskmanager.memory.network.min": "128m",
        "taskmanager.memory.network.max": "128m",
        # Of 32 KiB each, for every result of a batch job: with Flink's 512 eight results would take all there are.
        "taskmanager.network.sort-shuffle.min-buffers": 64,
        "taskmanager.memory.managed.size": "512m",
        "taskmanager.memory.jvm-metaspace.size": "256m",
        "taskmanager.memory.jvm-overhead.min": "192m",
        "taskmanager.memory.jvm-overhead.max": "192m",
        # One budget for all jobs: a share per slot would leave a job 1/16 of it, most of which stands idle.
        "state.backend.rocksdb.memory.fixed-per-tm": "256m",
        "state.backend.type": "rocksdb",
        "execution.checkpointing.incremental": True,
        "execution.checkpointing.interval": "5s",
        "execution.checkpointing.timeout": "5min",
        "execution.checkpointing.tolerable-failed-checkpoints": 10,
        "execution.checkpointing.dir": state,
        "execution.checkpointing.savepoint-dir": state,
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "execution.checkpointing.num-retained": 3,
        "execution.state-recovery.from-local": False,
        "execution.checkpointing.local-backup.enabled": False,
        "jobmanager.scheduler": "adaptive",
        "jobmanager.adaptive-scheduler.executing.cooldown-after-rescaling": "0s",
        "parallelism.default": 1,
        # About a quarter of an hour of trying with growing pauses: long enough for a broker to come back,
        # and visible as RESTARTING all the while; then FAILED with its checkpoints kept.
        "restart-strategy.type": "exponential-delay",
        "restart-strategy.exponential-delay.initial-backoff": "1s",
        "restart-strategy.exponential-delay.max-backoff": "30s",
        "restart-strategy.exponential-delay.backoff-multiplier": 2.0,
        "restart-strategy.exponential-delay.reset-backoff-threshold": "2min",
        "restart-strategy.exponential-delay.attempts-before-reset-backoff": 30,
        # A killed TaskManager refuses connections: two failed heartbeats, 4 s, and it counts as gone.
        "heartbeat.interval": 2000,
        "heartbeat.timeout": 20000,
        "heartbeat.rpc-failure-threshold": 2,
        # A busy laptop takes longer than a server for which the defaults, 10 s each, were chosen.
        "pekko.ask.timeout": "30s",
        "pekko.startup-timeout": "60s",
        "io.tmp.dirs": str(_temporary(stack)),
        "process.working-dir": str(_temporary(stack) / "work"),
        "blob.storage.directory": str(_temporary(stack)),
        "web.tmpdir": str(_temporary(stack) / "web"),
        # Answers about a job are kept this long; with the default of 3 s a healthy job is waited for in vain.
        "web.refresh-interval": 200,
        "web.submit.enable": False,
        "web.cancel.enable": True,
        "table.exec.sink.upsert-materialize": "NONE",
        "table.local-time-zone": "UTC",
        # Flink's own metrics go to the process `watch` (resources.watch.pushes says why they are pushed), each of its
        # processes under its name, which the command line gives. Labels that every restart changes would make new
        # series for ever.
        f"{_REPORTER}.factory.class": "org.apache.flink.metrics.prometheus.PrometheusPushGatewayReporterFactory",
        f"{_REPORTER}.hostUrl": f"{stack.watch_url}/flink",
        f"{_REPORTER}.interval": "15 SECONDS",
        # In quotes: the reporter reads texts alone, and takes its default for a boolean.
        f"{_REPORTER}.randomJobNameSuffix": "'false'",
        f"{_REPORTER}.deleteOnShutdown": "'false'",
        f"{_REPORTER}.scope.variables.excludes": "host;tm_id;task_attempt_id;task_attempt_num",
        "sql-gateway.endpoint.rest.address": "127.0.0.1",
        "sql-gateway.endpoint.rest.bind-address": "127.0.0.1",
        "sql-gateway.endpoint.rest.port": stack.ports.gateway,
    }
    return "".join(f"{key}: {_yaml(value)}\n" for key, value in values.items())


def programs(stack: Stack) -> tuple[Program, ...]:
    """JobManager, TaskManager and SQL gateway as supervised processes."""
    home = flink_home(stack)
    conf = str(home / "conf")
    entry = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
    return (
        _program(
            stack,
            JOBMANAGER,
            entry,
            ["--configDir", conf, *_pushing_as(JOBMANAGER), "--executionMode", "cluster"],
            ["-XX:TieredStopAtLevel=1"],
        ),
        _program(
            stack,
            TASKMANAGER,
            "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
            ["--configDir", conf, *_pushing_as(TASKMANAGER)],
            ["-XX:MaxDirectMemorySize=320m", "-XX:MaxMetaspaceSize=256m"],
            niceness=_NICENESS,
        ),
        _program(
            stack,
            GATEWAY,
            "org.apache.flink.table.gateway.SqlGateway",
            [],
            ["-XX:TieredStopAtLevel=1"],
            extra=sorted((home / "opt").glob("flink-sql-gateway-*.jar")),
        ),
    )


def _pushing_as(name: str) -> list[str]:
    # Before any option that the entry point does not know: it reads none behind that.
    return [f"-D{_REPORTER}.jobName={name}"]


_HEAP = {JOBMANAGER: 384, TASKMANAGER: 1408, GATEWAY: 512}
_NICENESS = 5
"""While the jobs start, dozens of their threads want a processor; what a person waits for is to come first."""


def _program(
    stack: Stack,
    name: str,
    main_class: str,
    arguments: list[str],
    options: list[str],
    extra: list[Path] | None = None,
    niceness: int = 0,
) -> Program:
    home = flink_home(stack)
    command = java.command(
        main_class,
        [*_class_path(home), *(extra or ())],
        arguments,
        heap_megabytes=_HEAP[name],
        temporary=_temporary(stack),
        options=[
            *java.MODULE_OPTIONS,
            f"-Dlog4j.configurationFile=file:{home / 'conf' / 'log4j.headwater.properties'}",
            *options,
        ],
    )
    folders = {"FLINK_CONF_DIR": "conf", "FLINK_LIB_DIR": "lib", "FLINK_OPT_DIR": "opt", "FLINK_PLUGINS_DIR": "plugins"}
    environment = {variable: str(home / folder) for variable, folder in folders.items()}
    return Program(name, command, environment, niceness=niceness)


def _class_path(home: Path) -> list[Path]:
    # Flink's scripts put the distribution jar last, so that what a user adds comes first.
    return sorted((home / "lib").glob("*.jar"), key=lambda jar: (jar.name.startswith("flink-dist"), jar.name))


def _temporary(stack: Stack) -> Path:
    return stack.home / "flink" / "tmp"


def _distribution(stack: Stack) -> dict[Path, Path]:
    import pyflink

    package = Path(next(iter(pyflink.__path__)))
    files = [file for folder in _COPIED for file in (package / folder).rglob("*") if file.is_file()]
    expected = {file.relative_to(package): file for file in files}
    for jar in jars.read_lock():
        if jar.place.startswith("flink/"):
            source = jar.path(jars.folder(stack))
            expected[Path(jar.place).relative_to("flink") / jar.file_name] = source
    return expected


def _put(source: Path, target: Path) -> None:
    """A hard link for a jar, which nobody edits; a copy of anything else, or across file systems."""
    if target.exists() and target.stat().st_size == source.stat().st_size:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    if source.suffix == ".jar":
        try:
            os.link(source, target)
            return
        except OSError:
            pass
    shutil.copy2(source, target)


def _yaml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
