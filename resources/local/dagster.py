"""Dagster's local processes: one code server that web server and daemon share, the web server, and the daemon.

The daemon starts its code server anew every minute when it has one of its own (dagster/_daemon/controller.py,
RELOAD_WORKSPACE_INTERVAL); one that is shared is started once, and reloads when the web page's button says so.
"""

import os
import shutil
import sqlite3
import sys
from pathlib import Path

from headwater.stack import Stack
from resources.local.program import Program
from resources.local.supervisor import socket_folder

CODE_SERVER, WEBSERVER, DAEMON = "dagster-code", "dagster-webserver", "dagster-daemon"
MODULE = "assets.definitions"
ATTRIBUTE = "defs"
_PATIENCE = {
    # A run that the code server has not begun by then is failed, and nothing tries again: on a busy machine beginning
    # one has taken more than Dagster's minute. Sensors and schedules come again, so theirs stays.
    "DAGSTER_GRPC_TIMEOUT_SECONDS": "180",
    "DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS": "60",
    "DAGSTER_SCHEDULE_GRPC_TIMEOUT_SECONDS": "60",
}


def instance_folder(stack: Stack) -> Path:
    """DAGSTER_HOME: the instance's settings and its storage."""
    return stack.home / "dagster"


def prepare(stack: Stack, project: Path) -> None:
    """Lay out the instance: the project's `dagster.yaml`, and a workspace that points to the shared code server."""
    folder = instance_folder(stack)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(project / "dagster.yaml", folder / "dagster.yaml")
    (folder / "workspace.yaml").write_text(
        "# Written by headwater up. The project's own workspace.yaml loads the same definitions without a server.\n"
        f'load_from:\n  - grpc_server:\n      socket: "{code_socket(stack)}"\n      location_name: {MODULE}\n'
    )
    code_socket(stack).unlink(missing_ok=True)


def programs(stack: Stack) -> tuple[Program, ...]:
    """Code server, web server and daemon as supervised processes."""
    folder = instance_folder(stack)
    workspace = str(folder / "workspace.yaml")
    scripts = Path(sys.executable).parent
    code = ["code-server", "start", "--socket", str(code_socket(stack)), "--location-name", MODULE]
    web = ["--host", "127.0.0.1", "--port", str(stack.ports.dagster), "--workspace", workspace]
    environment = {"DAGSTER_HOME": str(folder), "DAGSTER_DISABLE_TELEMETRY": "1", **_PATIENCE}
    return (
        Program(CODE_SERVER, [str(scripts / "dagster"), *code, "-m", MODULE, "-a", ATTRIBUTE], environment, False),
        Program(WEBSERVER, [str(scripts / "dagster-webserver"), *web], environment, False),
        Program(DAEMON, [str(scripts / "dagster-daemon"), "run", "--workspace", workspace], environment, False),
    )


def fail_lost_runs(stack: Stack) -> int:
    """Mark runs as failed whose process went with an earlier stack; give their number.

    Dagster's own launcher for local runs cannot tell that a process is gone, and each lost run would hold one of the
    few slots for ever. To be called while no process of the stack lives.
    """
    file = instance_folder(stack) / "history" / "runs.db"
    if not file.exists() or not _has_unfinished(file):
        return 0
    os.environ["DAGSTER_HOME"] = str(instance_folder(stack))
    from dagster import DagsterInstance, RunsFilter
    from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES

    with DagsterInstance.get() as instance:
        lost = instance.get_runs(RunsFilter(statuses=list(IN_PROGRESS_RUN_STATUSES)))
        for run in lost:
            instance.report_run_failed(run, "Its process went down with the local stack; launch it again.")
    return len(lost)


def _has_unfinished(file: Path) -> bool:
    # Asked of the file itself: importing Dagster takes longer than everything else a start does in Python.
    try:
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
            query = "SELECT 1 FROM runs WHERE status NOT IN ('SUCCESS', 'FAILURE', 'CANCELED') LIMIT 1"
            return database.execute(query).fetchone() is not None
    except sqlite3.Error:
        return False


def code_socket(stack: Stack) -> Path:
    """Where the code server listens; the file is there once it does."""
    return socket_folder(stack) / "dagster.sock"
