"""Where a running stack is: its state folder, its declarations, its addresses."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from headwater.problem import HeadwaterError
from headwater.wholefile import write_whole

HOME_VARIABLE = "HEADWATER_HOME"
WAREHOUSE_VARIABLE = "HEADWATER_WAREHOUSE"
API_HOST = "HEADWATER_API_HOST"
"""Where the data service API listens, other than on loopback."""
API_CERTIFICATE = "HEADWATER_API_TLS_CERTIFICATE"
"""File of its certificate; without it there is no TLS."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Loopback ports of the local stack. Each can be set by the environment variable named beside it."""

    dagster: int = 3000  # HEADWATER_PORT_DAGSTER
    flink: int = 8081  # HEADWATER_PORT_FLINK
    flink_rpc: int = 6123  # HEADWATER_PORT_FLINK_RPC
    gateway: int = 8083  # HEADWATER_PORT_GATEWAY
    kafka: int = 9092  # HEADWATER_PORT_KAFKA
    kafka_controller: int = 9093  # HEADWATER_PORT_KAFKA_CONTROLLER
    watch: int = 9400  # HEADWATER_PORT_WATCH
    api: int = 8800  # HEADWATER_PORT_API
    dashboard: int = 8700  # HEADWATER_PORT_DASHBOARD

    @classmethod
    def variable(cls, field: str) -> str:
        """The environment variable that sets this port."""
        return f"HEADWATER_PORT_{field.upper()}"


@dataclass(frozen=True, slots=True)
class Stack:
    """The addresses of one stack. `headwater up` writes it to the state folder; every other command reads it there.

    Args:
        home: The state folder; everything written at run time lives below it.
        warehouse: The folder of declarations.
        ports: Where the processes listen, on loopback.
    """

    home: Path
    warehouse: Path
    ports: Ports

    @property
    def file(self) -> Path:
        """The record of this stack's addresses."""
        return self.home / "stack.json"

    @property
    def lake(self) -> Path:
        """The Paimon warehouse: `<lake>/<layer>.db/<table>`."""
        return self.home / "lake"

    @property
    def job_state(self) -> Path:
        """Checkpoints, savepoints and compiled plans: `<job_state>/<model>/<fingerprint>/`."""
        return self.home / "flink" / "state"

    @property
    def logs(self) -> Path:
        """One log file per process."""
        return self.home / "logs"

    @property
    def gateway_url(self) -> str:
        """The SQL gateway's REST address."""
        return f"http://127.0.0.1:{self.ports.gateway}"

    @property
    def flink_url(self) -> str:
        """The JobManager's REST address and web page."""
        return f"http://127.0.0.1:{self.ports.flink}"

    @property
    def dagster_url(self) -> str:
        """Dagster's web page."""
        return f"http://127.0.0.1:{self.ports.dagster}"

    @property
    def watch_url(self) -> str:
        """Where the process `watch` tells of the stack: `/healthz`, `/metrics`, `/alerts`."""
        return f"http://127.0.0.1:{self.ports.watch}"

    @property
    def api_url(self) -> str:
        """The data service API, where it listens on loopback."""
        return f"http://127.0.0.1:{self.ports.api}"

    @property
    def dashboard_url(self) -> str:
        """The dashboard."""
        return f"http://127.0.0.1:{self.ports.dashboard}"

    @property
    def kafka(self) -> str:
        """The broker's bootstrap address."""
        return f"127.0.0.1:{self.ports.kafka}"

    def environment(self) -> dict[str, str]:
        """The environment variables that point another process to this stack; what `resolve` reads."""
        ports = {Ports.variable(field): str(port) for field, port in asdict(self.ports).items()}
        return ports | {HOME_VARIABLE: str(self.home), WAREHOUSE_VARIABLE: str(self.warehouse)}

    def write(self) -> None:
        """Record the addresses in the state folder, in one step."""
        self.home.mkdir(parents=True, exist_ok=True)
        said = json.dumps({"warehouse": str(self.warehouse), "ports": asdict(self.ports)}, indent=2) + "\n"
        write_whole(self.file, said.encode())

    @classmethod
    def resolve(cls, warehouse: str | None = None) -> Self:
        """The stack that the environment, and a `--warehouse` given by hand, point to.

        Order: the argument, the environment, what the last `up` recorded, the default.
        Raises HeadwaterError when a port variable is not a number.
        """
        home = Path(os.environ.get(HOME_VARIABLE, ".headwater")).absolute()
        recorded = _recorded(home / "stack.json")
        folder = warehouse or os.environ.get(WAREHOUSE_VARIABLE) or recorded.get("warehouse") or "warehouse"
        values = {**asdict(Ports()), **recorded.get("ports", {})}
        for field in values:
            text = os.environ.get(Ports.variable(field))
            if text is not None:
                values[field] = _port(Ports.variable(field), text)
        return cls(home=home, warehouse=Path(folder).absolute(), ports=Ports(**values))


def _recorded(file: Path) -> dict:
    try:
        return json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, json.JSONDecodeError) as error:
        raise HeadwaterError(
            f"The record of the running stack, {file}, cannot be read: {error}",
            next_command="headwater down, then remove that file and run headwater up",
        ) from error


def _port(variable: str, text: str) -> int:
    if text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    raise HeadwaterError(f"{variable}={text} is not a port number (1 to 65535)", next_command=f"unset {variable}")
