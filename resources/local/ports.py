"""Which ports the local stack needs, who holds them, and free ones for a stack beside it."""

import random
import socket
from dataclasses import asdict, fields

import psutil

from headwater.problem import HeadwaterError
from headwater.stack import Ports

_USED_BY = {
    "dagster": "Dagster",
    "flink": "Flink's web page",
    "flink_rpc": "Flink's JobManager",
    "gateway": "the SQL gateway",
    "kafka": "Kafka",
    "kafka_controller": "Kafka's controller",
    "watch": "metrics and health",
    "api": "the data service API",
    "dashboard": "the dashboard",
}
_DAGSTER, _SERVING = ("dagster",), ("api", "dashboard")


def check_free(ports: Ports, *, dagster: bool = True, serving: bool = True) -> None:
    """Every port that is wanted can be listened on.

    Raises:
        HeadwaterError: one or more are taken; names the holder and the setting of each.
    """
    unused = (() if dagster else _DAGSTER) + (() if serving else _SERVING)
    taken = [message for field, message in _taken(ports).items() if field not in unused]
    if taken:
        raise HeadwaterError("\n".join(taken), next_command="headwater up, once the ports are free or set otherwise")


def _taken(ports: Ports) -> dict[str, str]:
    messages: dict[str, str] = {}
    for field, port in asdict(ports).items():
        if not is_free(port):
            messages[field] = (
                f"port {port} ({_USED_BY[field]}) is taken by {holder(port)}; "
                f"set {Ports.variable(field)} to another port, or stop it"
            )
    return messages


def is_free(port: int) -> bool:
    """Nothing listens on this port of 127.0.0.1 (nor on all interfaces)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def find_holder(port: int) -> psutil.Process | None:
    """The process that listens on a port, or None when there is none that we may look at."""
    for process in psutil.process_iter():
        try:
            connections = process.net_connections(kind="tcp")
        except psutil.Error:
            continue
        if any(entry.status == psutil.CONN_LISTEN and entry.laddr.port == port for entry in connections):
            return process
    return None


def holder(port: int) -> str:
    """The process that listens on a port, for people: `java, pid 123`."""
    process = find_holder(port)
    return "a process of another user" if process is None else f"{process.name()}, pid {process.pid}"


def free_ports() -> Ports:
    """Ports that nothing listens on now, for a stack beside the default one.

    They lie below the range from which the system gives ports to outgoing connections, so that none of those takes
    one before the stack does.
    """
    free = (port for port in random.sample(range(20000, 32000), 1000) if is_free(port))
    return Ports(**{field.name: next(free) for field in fields(Ports)})
