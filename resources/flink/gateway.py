"""Sessions of Flink's SQL gateway (REST v4). A session lives in the gateway's memory: open, use, close."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

from headwater.problem import HeadwaterError
from resources.flink.rest import FlinkRest, FlinkRefusal

_POLL_SECONDS = 0.02
_ENDED = frozenset({"FINISHED", "ERROR", "CANCELED", "CLOSED", "TIMEOUT"})


class Session:
    """One session of the gateway; statements run one after the other."""

    def __init__(self, rest: FlinkRest, handle: str) -> None:
        self._rest = rest
        self._path = f"/v4/sessions/{handle}"

    def execute(self, statement: str, *, timeout: float = 60.0) -> dict[str, Any]:
        """Run one statement to its end; give the gateway's first result page (`jobID`, `results`).

        Args:
            timeout: Seconds to wait; DDL takes milliseconds, a submission up to a few seconds.

        Raises:
            HeadwaterError: With Flink's last cause and the statement's first line; or unreachable.
        """
        handle = self._rest.post(f"{self._path}/statements", {"statement": statement})["operationHandle"]
        operation = f"{self._path}/operations/{handle}"
        deadline = time.monotonic() + timeout
        pause = _POLL_SECONDS
        while self._rest.get(f"{operation}/status")["status"] not in _ENDED:
            if time.monotonic() > deadline:
                raise HeadwaterError(
                    f"Flink's SQL gateway did not finish within {timeout:.0f} s: {first_line(statement)}",
                    left="the statement may still take effect",
                    next_command="headwater status, then headwater apply",
                )
            time.sleep(pause)
            pause = min(pause * 1.5, 0.5)
        try:
            return self._rest.get(f"{operation}/result/0", rowFormat="JSON")
        except FlinkRefusal as refusal:
            raise HeadwaterError(
                f"Flink refused «{first_line(statement)}»: {refusal.cause}",
                next_command="headwater logs gateway",
            ) from refusal


class Gateway:
    """The SQL gateway at one address."""

    def __init__(self, url: str) -> None:
        self._rest = FlinkRest(url, "Flink's SQL gateway")

    @contextlib.contextmanager
    def session(self, properties: Mapping[str, str]) -> Iterator[Session]:
        """A session with these Flink properties, closed at the end."""
        handle = self._rest.post("/v4/sessions", {"properties": dict(properties)})["sessionHandle"]
        try:
            yield Session(self._rest, handle)
        finally:
            # The gateway forgets idle sessions by itself; a failure to close one hides nothing.
            with contextlib.suppress(HeadwaterError):
                self._rest.delete(f"/v4/sessions/{handle}")

    def close(self) -> None:
        """Close the connections."""
        self._rest.close()


def first_line(statement: str, width: int = 100) -> str:
    """A statement's beginning, for messages."""
    line = " ".join(statement.split())
    return line if len(line) <= width else line[: width - 1] + "…"
