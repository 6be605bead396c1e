"""Sessions of Flink's SQL gateway (REST v4). A session lives in the gateway's memory: open, use, close."""

import contextlib
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from headwater.problem import HeadwaterError
from resources.flink.rest import FlinkRefusal, FlinkRest

_FIRST_POLL_SECONDS, _LONGEST_POLL_SECONDS = 0.002, 0.05
_FORGOTTEN = re.compile(r"(Session|operation) .*does not exist|Can not find the submitted operation", re.IGNORECASE)


class StatementRefused(HeadwaterError):
    """Flink rejected a statement; `cause` is its last cause in one line."""

    def __init__(self, statement: str, cause: str) -> None:
        self.cause = cause
        super().__init__(
            f"Flink refused «{first_line(statement)}»: {cause}",
            left="what was applied before this statement",
            next_command="correct the model, then headwater apply; Flink's whole answer: headwater logs gateway",
        )


class Session:
    """One session of the gateway; statements run one after the other."""

    def __init__(self, rest: FlinkRest, handle: str) -> None:
        self._rest = rest
        self._path = f"/v4/sessions/{handle}"

    def execute(
        self, statement: str, settings: Mapping[str, str] | None = None, *, timeout: float = 180.0
    ) -> dict[str, Any]:
        """Run one statement to its end; give the gateway's first result page (`jobID`, `results`).

        Args:
            statement: One statement.
            settings: Flink configuration for this statement alone, on top of the session's.
            timeout: Seconds to wait; DDL takes milliseconds, a submission a few seconds, and on a busy machine, with
                several jobs starting at once, more than a minute. One that is given up may still take effect.

        Raises:
            StatementRefused: Flink rejected the statement.
            HeadwaterError: It took too long; or unreachable.
        """
        try:
            return self._executed(statement, settings or {}, timeout)
        except FlinkRefusal as refusal:
            if _FORGOTTEN.search(refusal.cause):
                raise HeadwaterError(
                    f"Flink's SQL gateway was restarted during «{first_line(statement)}»",
                    left="jobs go on as they are; what was being applied can be applied again",
                    next_command="headwater apply",
                    unreachable=True,
                ) from refusal
            raise StatementRefused(statement, refusal.cause) from refusal

    def rows(self, statement: str, *, timeout: float) -> list[list[Any]]:
        """Run a batch statement to its end; give the fields of each row of its result. Raises what `execute` does."""
        page = self.execute(statement, timeout=timeout)
        found = _fields(page)
        while following := page.get("nextResultUri"):
            page = self._ready(urlsplit(following).path, statement, timeout)
            found += _fields(page)
        return found

    def _executed(self, statement: str, settings: Mapping[str, str], timeout: float) -> dict[str, Any]:
        asked = {"statement": statement, "executionConfig": dict(settings)}
        handle = self._rest.post(f"{self._path}/statements", asked)["operationHandle"]
        return self._ready(f"{self._path}/operations/{handle}/result/0", statement, timeout)

    def _ready(self, result: str, statement: str, timeout: float) -> dict[str, Any]:
        """A page of a statement's result, once it is there."""
        deadline = time.monotonic() + timeout
        pause = _FIRST_POLL_SECONDS
        while (page := self._rest.get(result, rowFormat="JSON"))["resultType"] == "NOT_READY":
            if time.monotonic() > deadline:
                raise HeadwaterError(
                    f"Flink's SQL gateway did not finish within {timeout:.0f} s: {first_line(statement)}",
                    left="the statement may still take effect",
                    next_command="headwater status, then headwater apply",
                )
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_POLL_SECONDS)
        return page


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


def _fields(page: dict[str, Any]) -> list[list[Any]]:
    return [row["fields"] for row in page.get("results", {}).get("data", [])]


def first_line(statement: str, width: int = 100) -> str:
    """A statement's beginning, for messages."""
    line = " ".join(statement.split())
    return line if len(line) <= width else line[: width - 1] + "…"
