"""The load generator wrk, from Debian's packages: one thread, so that it leaves the other core to what is measured."""

import re
import shutil
import subprocess
from dataclasses import dataclass

from headwater.problem import HeadwaterError

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


@dataclass(frozen=True, slots=True)
class Load:
    """What a run came to.

    Args:
        p50: Median latency in seconds.
        p99: Latency in seconds that 99 of 100 requests did not exceed.
        rate: Requests a second.
    """

    p50: float
    p99: float
    rate: float


def load(url: str, connections: int, seconds: float, headers: tuple[str, ...] = ()) -> Load:
    """Ask for one address as fast as it answers.

    Raises HeadwaterError when wrk is not there, or an answer was none of status 200.
    """
    program = shutil.which("wrk")
    if program is None:
        raise HeadwaterError("The load generator wrk is not installed", next_command="apt-get install wrk")
    shown = [part for header in headers for part in ("-H", header)]
    command = [program, "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", *shown, url]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 60)
    if said.returncode or "Non-2xx" in said.stdout or "Socket errors" in said.stdout:
        raise HeadwaterError(
            f"wrk was not answered well by {url}: {(said.stderr or said.stdout).strip()}",
            left="nothing was measured",
            next_command="headwater bench B12 again, on a machine with less to do",
        )
    rate = re.findall(r"Requests/sec:\s+([0-9.]+)", said.stdout)[0]
    return Load(_latency(said.stdout, 50), _latency(said.stdout, 99), float(rate))


def _latency(text: str, share: int) -> float:
    number, unit = re.findall(rf"^\s+{share}%\s+([0-9.]+)(us|ms|s|m)$", text, re.M)[0]
    return float(number) * _UNITS[unit]
