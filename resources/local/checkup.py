"""Examining the machine and the stack on it: what holds, what does not, and what to do about it."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass

from headwater.problem import HeadwaterError
from headwater.stack import Ports, Stack
from resources import jars, java
from resources.local import disk, flink, owned, ports, ready, serving, supervisor

_MEMORY_GIGABYTES = 4.5  # what the stack takes with the reference warehouse's jobs running


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check.

    Args:
        name: What was checked.
        ok: It holds; None when it cannot be told yet, before the first start or while the stack does not run.
        detail: What was found.
        next_command: What to do when it does not hold.
    """

    name: str
    ok: bool | None
    detail: str
    next_command: str = ""


def examine(stack: Stack) -> tuple[Finding, ...]:
    """Every check, in the order in which one depends on the other. Never raises for what it finds."""
    running = supervisor.is_running(stack)
    machine = (
        _python(),
        _java(),
        _jars(stack),
        _disk(stack),
        _memory(running),
        _ports(stack),
        _orphans(stack, running),
    )
    engines: tuple[tuple[str, Callable[[Stack], Finding]], ...] = (
        ("processes", _processes),
        ("Kafka", _kafka),
        ("Flink", _flink),
        ("SQL gateway", _gateway),
        ("Dagster", _dagster),
        ("API", _api),
    )
    if not running:
        return machine + tuple(Finding(name, None, "the stack does not run", "headwater up") for name, _ in engines)
    return machine + tuple(check(stack) for _, check in engines)


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Finding(
        "Python", sys.version_info[:2] == (3, 11), version, "install Python 3.11, remove .venv, then: make up"
    )


def _java() -> Finding:
    again = "remove .venv, then: make install"
    try:
        done = subprocess.run([str(java.executable()), "-version"], capture_output=True, text=True, timeout=30)
    except (OSError, ImportError, subprocess.TimeoutExpired) as error:
        return Finding("Java", False, f"it does not start: {error}", again)
    return Finding("Java", done.returncode == 0, (done.stderr or done.stdout).partition("\n")[0], again)


def _jars(stack: Stack) -> Finding:
    needed, folder = jars.read_lock(), jars.folder(stack)
    missing, wrong = jars.missing(needed, folder), jars.wrong(needed, folder)
    if wrong:
        names = ", ".join(str(jar.path(folder)) for jar in wrong)
        return Finding("jars", False, f"wrong checksum: {names}", "remove these files, then: headwater up")
    if missing:
        return Finding("jars", None, f"{len(missing)} of {len(needed)} are not there yet; headwater up fetches them")
    return Finding("jars", True, f"{len(needed)} in {folder}, checksums right")


def _disk(stack: Stack) -> Finding:
    try:
        disk.check_room(stack.home)
    except HeadwaterError as error:
        return Finding("disk", False, error.failed, error.next_command)
    return Finding("disk", True, f"{disk.free_gigabytes(stack.home):.0f} GB free")


def _memory(running: bool) -> Finding:
    import psutil

    available = psutil.virtual_memory().available / 1e9
    enough = running or available >= _MEMORY_GIGABYTES
    return Finding(
        "memory", enough, f"{available:.1f} GB available", f"free some: the stack takes {_MEMORY_GIGABYTES} GB"
    )


def _ports(stack: Stack) -> Finding:
    own = {process.pid for process in owned.owned(stack.home)}
    foreign: list[str] = []
    for field, port in asdict(stack.ports).items():
        found = None if ports.is_free(port) else ports.find_holder(port)
        if not ports.is_free(port) and (found is None or found.pid not in own):
            foreign.append(f"{port} by {ports.holder(port)} ({Ports.variable(field)})")
    if foreign:
        return Finding("ports", False, f"taken: {', '.join(foreign)}", "set the variables named, or stop the holders")
    return Finding("ports", True, ", ".join(str(port) for port in asdict(stack.ports).values()))


def _orphans(stack: Stack, running: bool) -> Finding:
    left = () if running else owned.owned(stack.home)
    pids = ", ".join(str(process.pid) for process in left)
    return Finding("orphans", not left, f"left behind: {pids}" if left else "none", "headwater down")


def _processes(stack: Stack) -> Finding:
    reports = supervisor.reports(stack)
    down = {report["name"]: report["statename"] for report in reports if report["statename"] != "RUNNING"}
    if down:
        states = ", ".join(f"{name} is {state}" for name, state in down.items())
        return Finding("processes", False, states, f"headwater logs {next(iter(down))}")
    return Finding("processes", True, f"{len(reports)} running")


def _kafka(stack: Stack) -> Finding:
    return Finding("Kafka", ready.kafka_answers(stack), stack.kafka, "headwater logs kafka")


def _flink(stack: Stack) -> Finding:
    overview = ready.get_json(f"{stack.flink_url}/overview")
    if overview is None:
        return Finding("Flink", False, f"{stack.flink_url} does not answer", f"headwater logs {flink.JOBMANAGER}")
    total, free = overview.get("slots-total", 0), overview.get("slots-available", 0)
    detail = f"{total} slots, {free} free, {overview.get('jobs-running', 0)} jobs running"
    return Finding("Flink", total >= flink.SLOTS, detail, f"headwater logs {flink.TASKMANAGER}")


def _gateway(stack: Stack) -> Finding:
    return Finding("SQL gateway", ready.gateway_answers(stack), stack.gateway_url, f"headwater logs {flink.GATEWAY}")


def _dagster(stack: Stack) -> Finding:
    if not ready.dagster_answers(stack):
        return Finding("Dagster", False, f"{stack.dagster_url} does not answer", "headwater logs dagster-webserver")
    problem = ready.definitions_problem(stack)
    return Finding(
        "Dagster", not problem, problem or f"{stack.dagster_url}, definitions loaded", "headwater logs dagster-code"
    )


def _api(stack: Stack) -> Finding:
    import httpx

    if serving.API not in {report["name"] for report in supervisor.reports(stack)}:
        return Finding("API", None, "the stack runs without it")
    address = serving.url(stack)
    try:
        # Whose name its certificate has is of no matter here: nothing is sent that were a secret.
        said = httpx.get(f"{address}/healthz", timeout=5, verify=False).json()
    except (httpx.HTTPError, ValueError):
        return Finding("API", False, f"{address} does not answer", f"headwater logs {serving.API}")
    return Finding("API", said["healthy"], "; ".join(said["troubles"]) or address, f"headwater logs {serving.FEEDER}")
