"""Waiting until a process of the local stack does its work, not only exists."""

import logging
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.local import dagster, dashboard, flink, kafka, serving, supervisor

_LOADING = "the definitions are being loaded"

# A process that lives for some seconds before it fails is never FATAL to the supervisor.
_MOST_STARTS = 4

Answers = Callable[[Stack], bool]


@dataclass(frozen=True, slots=True)
class Service:
    """Something that answers once it is up.

    Args:
        title: How progress calls it.
        processes: The processes that it takes.
        answers: It does its work now.
    """

    title: str
    processes: tuple[str, ...]
    answers: Answers


def kafka_answers(stack: Stack) -> bool:
    """The broker gives its metadata."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    settings = {"bootstrap.servers": stack.kafka, "log_level": 0, "socket.connection.setup.timeout.ms": 2000}
    try:
        # Without a logger that drops them, the client writes every refused connection to stderr.
        return bool(AdminClient(settings, logger=_SILENT).list_topics(timeout=2).brokers)
    except KafkaException:
        return False


def flink_answers(stack: Stack) -> bool:
    """The TaskManager has registered all its slots with the JobManager."""
    overview = get_json(f"{stack.flink_url}/overview")
    return overview is not None and overview.get("slots-total", 0) >= flink.SLOTS


def gateway_answers(stack: Stack) -> bool:
    """The SQL gateway's REST endpoint is up."""
    return get_json(f"{stack.gateway_url}/v4/info") is not None


def dagster_answers(stack: Stack) -> bool:
    """Dagster's web server is up, and has loaded the definitions or knows why it cannot."""
    if get_json(f"{stack.dagster_url}/server_info") is None:
        return False
    problem = definitions_problem(stack)
    # A web server that starts before the code server says so, and connects again by itself.
    return problem != _LOADING and "DagsterUserCodeUnreachableError" not in problem


def api_answers(stack: Stack) -> bool:
    """The data service API is up, whether it is well or not: it listens wherever HEADWATER_API_HOST says."""
    import httpx

    try:
        # Whose name its certificate has is of no matter here: nothing is sent that were a secret.
        return httpx.get(f"{serving.url(stack)}/healthz", timeout=5, verify=False).status_code > 0
    except httpx.HTTPError:
        return False


def dashboard_answers(stack: Stack) -> bool:
    """The dashboard gives its pages, or asks who wants them."""
    import httpx

    try:
        return httpx.get(dashboard.url(stack), timeout=5).status_code < 500
    except httpx.HTTPError:
        return False


def definitions_problem(stack: Stack) -> str:
    """Why Dagster's definitions are not loaded, in one line, or "" when they are."""
    query = (
        "{workspaceOrError{... on Workspace{locationEntries{name loadStatus "
        "locationOrLoadError{__typename ... on PythonError{message}}}}}}"
    )
    answer = get_json(f"{stack.dagster_url}/graphql?{urllib.parse.urlencode({'query': query})}") or {}
    entries = answer.get("data", {}).get("workspaceOrError", {}).get("locationEntries", [])
    for entry in entries:
        outcome = entry["locationOrLoadError"] or {}
        if outcome.get("__typename") == "PythonError":
            return outcome["message"].strip().splitlines()[-1][:300]
        if entry["loadStatus"] != "LOADED":
            return _LOADING
    return "" if entries else _LOADING


def get_json(url: str) -> dict[str, Any] | None:
    """The JSON that an address answers with, or None when it does not answer well."""
    import httpx

    try:
        response = httpx.get(url, timeout=5)
        return response.json() if response.status_code == 200 else None
    except (httpx.HTTPError, ValueError):
        return None


KAFKA = Service("Kafka", (kafka.NAME,), kafka_answers)
FLINK = Service("Flink", (flink.JOBMANAGER, flink.TASKMANAGER), flink_answers)
GATEWAY = Service("SQL gateway", (flink.GATEWAY,), gateway_answers)
CODE_SERVER = Service(
    "Dagster's code server", (dagster.CODE_SERVER,), lambda stack: dagster.code_socket(stack).exists()
)
API = Service("Data service API", (serving.API, serving.FEEDER), api_answers)
DASHBOARD = Service("Dashboard", (dashboard.NAME,), dashboard_answers)
DAGSTER = Service("Dagster", (dagster.CODE_SERVER, dagster.WEBSERVER, dagster.DAEMON), dagster_answers)


def wait_for(
    stack: Stack,
    service: Service,
    seconds: float = 300,
    cancelled: Callable[[], bool] = lambda: False,
    *,
    counts_starts: bool = True,
) -> None:
    """Wait until a service answers.

    Args:
        stack: Where.
        service: What is waited for.
        seconds: For how long.
        cancelled: Asked now and then; it need not be waited for any more.
        counts_starts: Give up on a process that was started often or given up. Not for one that has run: its starts are
            counted since the stack came up.

    Raises:
        HeadwaterError: one of its processes was given up or ends again and again, or it does not answer in `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not service.answers(stack):
        states = {report["name"]: report["statename"] for report in supervisor.reports(stack)}
        starts = supervisor.starts(stack)
        given_up = [
            name
            for name in service.processes
            if counts_starts and (states.get(name) == "FATAL" or starts.get(name, 0) > _MOST_STARTS)
        ]
        if given_up or time.monotonic() > deadline:
            raise _not_up(stack, service, given_up or list(service.processes), states)
        if cancelled():
            return
        time.sleep(0.2)


def _not_up(stack: Stack, service: Service, names: list[str], states: Mapping[str, str]) -> HeadwaterError:
    name = names[0]
    last = _last_line(stack, name)
    return HeadwaterError(
        f"{service.title} did not come up: {name} is {states.get(name, 'not running')}"
        + (f"; it says: {last}" if last else ""),
        next_command=f"headwater logs {name}",
        unreachable=True,
    )


def _last_line(stack: Stack, name: str) -> str:
    try:
        lines = supervisor.log_file(stack, name).read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    errors = [line for line in lines if "Exception" in line or "ERROR" in line or "Error" in line]
    return (errors or lines or [""])[-1].strip()[:300]


def _silent_logger() -> logging.Logger:
    logger = logging.getLogger("headwater.silent")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger


_SILENT = _silent_logger()
