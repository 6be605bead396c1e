"""The supervisor of the local processes: supervisord, configured and asked over a Unix socket.

A process that ends is started again; one that ends too soon, again and again, with growing pauses (BACKOFF), for more
than an hour: long enough for somebody to make room on a disk. Then it is given up (FATAL).
http://supervisord.org/subprocess.html#process-states
"""

import contextlib
import hashlib
import http.client
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil

from headwater.problem import HeadwaterError
from headwater.stack import HOME_VARIABLE, WAREHOUSE_VARIABLE, Stack
from resources.local.owned import VARIABLE as OWNER_VARIABLE
from resources.local.program import Program

_SOCKET_LIMIT = 100  # a Unix socket's path has at most 108 bytes, and supervisord adds its pid while it binds

_SUPERVISORD = """\
[supervisord]
logfile={log}
logfile_maxbytes=0
pidfile={pid}
childlogdir={logs}
identifier=headwater
directory={directory}
strip_ansi=true
silent=true

[unix_http_server]
file={socket}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""

_PROGRAM = """
[{kind}:{name}]
command={command}
environment={environment}
autostart={autostart}
autorestart=true
startsecs=4
startretries=100
stopsignal=TERM
stopwaitsecs={stop_seconds}
stopasgroup=true
killasgroup=true
redirect_stderr={both}
{stream}_logfile={log}
{stream}_logfile_maxbytes=20MB
{stream}_logfile_backups=2
"""
_LISTENER = """\
events={event}
stdout_logfile=NONE
"""


def run_folder(stack: Stack) -> Path:
    """Where the supervisor's configuration, log and pid file lie."""
    return stack.home / "run"


def socket_folder(stack: Stack) -> Path:
    """Where sockets lie: the run folder, or a short one named by a hash when its path is too long for a socket."""
    folder = run_folder(stack)
    if len(os.fsencode(folder)) + len("/supervisor.sock") < _SOCKET_LIMIT:
        return folder
    digest = hashlib.sha256(os.fsencode(stack.home)).hexdigest()[:16]
    return Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"headwater-{os.getuid()}-{digest}"


def configuration(stack: Stack, programs: Iterable[Program], directory: Path) -> str:
    """The text of `supervisord.conf`."""
    run = run_folder(stack)
    head = _SUPERVISORD.format(
        log=_escape(run / "supervisord.log"),
        pid=_escape(run / "supervisord.pid"),
        logs=_escape(stack.logs),
        directory=_escape(directory),
        socket=_escape(_socket(stack)),
    )
    return head + "".join(
        _PROGRAM.format(
            kind="eventlistener" if program.listens_to else "program",
            name=program.name,
            both=str(not program.listens_to).lower(),
            stream="stderr" if program.listens_to else "stdout",
            command=_escape(shlex.join(_command(program))),
            environment=",".join(f'{key}="{_escape(value)}"' for key, value in program.environment.items()),
            autostart=str(program.autostart).lower(),
            stop_seconds=program.stop_seconds,
            log=_escape(log_file(stack, program.name)),
        )
        + (_LISTENER.format(event=program.listens_to) if program.listens_to else "")
        for program in programs
    )


def log_file(stack: Stack, name: str) -> Path:
    """Where a process's output goes; rotated at 20 MB, two older files kept."""
    return stack.logs / f"{name}.log"


def launch(stack: Stack, programs: Iterable[Program], directory: Path) -> None:
    """Start the supervisor in the background; it starts every program that is to start with it.

    Raises:
        HeadwaterError: it did not come up.
    """
    run = run_folder(stack)
    for folder in (run, stack.logs):
        folder.mkdir(parents=True, exist_ok=True)
    socket_folder(stack).mkdir(mode=0o700, parents=True, exist_ok=True)
    remove_traces(stack)
    file = run / "supervisord.conf"
    file.write_text(configuration(stack, programs, directory))
    environment = os.environ | {
        HOME_VARIABLE: str(stack.home),
        WAREHOUSE_VARIABLE: str(stack.warehouse),
        OWNER_VARIABLE: str(stack.home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "supervisor.supervisord", "-c", str(file)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    deadline = time.monotonic() + 20
    while done.returncode == 0 and time.monotonic() < deadline:
        if is_running(stack):
            return
        time.sleep(0.05)
    reason = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["it does not answer"]
    raise HeadwaterError(
        f"The supervisor of the local processes did not start: {reason[0]}",
        left=f"{run / 'supervisord.log'}",
        next_command="headwater down, then: headwater up",
    )


def remove_traces(stack: Stack) -> None:
    """Remove what a killed supervisor leaves: its socket, its pid file, and its log of the run before."""
    run = run_folder(stack)
    for file in (_socket(stack), run / "supervisord.pid", run / "supervisord.log"):
        file.unlink(missing_ok=True)
    if socket_folder(stack) != run and not run.exists():
        shutil.rmtree(socket_folder(stack), ignore_errors=True)


def is_running(stack: Stack) -> bool:
    """The supervisor answers."""
    return bool(_ask(stack, "getState"))


def pid(stack: Stack) -> int | None:
    """The supervisor's process, or None when it does not answer."""
    return _ask(stack, "getPID")


def reports(stack: Stack) -> list[dict[str, Any]]:
    """What the supervisor says of every process, in the order of its configuration; empty when it does not answer."""
    return _ask(stack, "getAllProcessInfo") or []


def starts(stack: Stack) -> dict[str, int]:
    """How often each process was started in this run of the supervisor, read from its log, which it keeps whole."""
    counts: dict[str, int] = {}
    try:
        lines = (run_folder(stack) / "supervisord.log").read_text().splitlines()
    except FileNotFoundError:
        return counts
    for line in lines:
        _, found, rest = line.partition("spawned: '")
        if found:
            name = rest.partition("'")[0]
            counts[name] = counts.get(name, 0) + 1
    return counts


def start(stack: Stack, name: str) -> None:
    """Start one process; return at once. Nothing happens when it runs already."""
    with contextlib.suppress(xmlrpc.client.Fault):
        _ask(stack, "startProcess", name, False)


def stop(stack: Stack, name: str) -> None:
    """Stop one process and wait for its end. Nothing happens when it does not run."""
    with contextlib.suppress(xmlrpc.client.Fault):
        _ask(stack, "stopProcess", name, True)


def shut_down(stack: Stack, seconds: float) -> bool:
    """Stop every process, all at once, then the supervisor. False when it is still there after `seconds`."""
    running = pid(stack)
    if running is None:
        return True
    deadline = time.monotonic() + seconds
    _ask(stack, "stopAllProcesses", False)
    while time.monotonic() < deadline and any(report["pid"] for report in reports(stack)):
        time.sleep(0.1)
    _ask(stack, "shutdown")
    try:
        psutil.Process(running).wait(max(1.0, deadline - time.monotonic()))
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True


def _socket(stack: Stack) -> Path:
    return socket_folder(stack) / "supervisor.sock"


def _ask(stack: Stack, method: str, *arguments: Any) -> Any:
    """Call a method of the supervisor; None when nobody answers."""
    from supervisor.xmlrpc import SupervisorTransport

    transport = SupervisorTransport(None, None, serverurl=f"unix://{_socket(stack)}")
    try:
        proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
        return getattr(proxy.supervisor, method)(*arguments)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        transport.close()


def _command(program: Program) -> list[str]:
    stands_back = ["nice", "-n", str(program.niceness)] if program.niceness else []
    return [*stands_back, *program.command]


def _escape(text: str | Path) -> str:
    # supervisord expands %(name)s in every value.
    return str(text).replace("%", "%%")
