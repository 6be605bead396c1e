"""HTTP to Flink: time-outs, retries of what is safe to repeat, and errors that say who did not answer."""

from typing import Any

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from headwater.problem import HeadwaterError

_TIMEOUT = httpx.Timeout(30.0, connect=3.0)
_RETRY_SECONDS = 6.0


class FlinkRest:
    """A JSON client of one of Flink's REST servers.

    Args:
        url: Base address.
        who: What answers there, for messages: «Flink's JobManager», «Flink's SQL gateway».
    """

    def __init__(self, url: str, who: str) -> None:
        self._who = who
        self._url = url
        # Loading the certificates that nobody is asked for over plain HTTP takes longer than most requests.
        self._client = httpx.Client(base_url=url, timeout=_TIMEOUT, verify=url.startswith("https:"))

    def get(self, path: str, **params: str) -> Any:
        """GET, repeated for a few seconds while nothing answers. Raises HeadwaterError (unreachable) after that."""
        retrying = Retrying(
            retry=retry_if_exception_type((httpx.TransportError, _Starting)),
            wait=wait_exponential(multiplier=0.1, max=1.0),
            stop=stop_after_delay(_RETRY_SECONDS),
            reraise=True,
        )
        try:
            return retrying(lambda: self._decoded(self._client.get(path, params=params)))
        except (httpx.TransportError, _Starting) as error:
            raise self._unreachable(error) from error

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """POST once. A connection that was never made is reported like any other: nothing was sent twice."""
        return self._once("POST", path, body or {})

    def put(self, path: str, body: dict[str, Any]) -> Any:
        """PUT once."""
        return self._once("PUT", path, body)

    def patch(self, path: str) -> Any:
        """PATCH once."""
        return self._once("PATCH", path, None)

    def delete(self, path: str) -> Any:
        """DELETE once."""
        return self._once("DELETE", path, None)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _once(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        try:
            return self._decoded(self._client.request(method, path, json=body))
        except (httpx.TransportError, _Starting) as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> HeadwaterError:
        return HeadwaterError(
            f"{self._who} does not answer at {self._url} ({error or type(error).__name__})",
            left="jobs go on as they are; what was being applied can be applied again",
            next_command="headwater status, or headwater doctor",
            unreachable=True,
        )

    def _decoded(self, response: httpx.Response) -> Any:
        if response.is_success:
            return response.json() if response.content else {}
        if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            raise _Starting(f"{self._who} is starting")
        try:
            errors = response.json().get("errors", [])
        except ValueError:
            errors = [response.text]
        cause = last_cause("\n".join(map(str, errors)))
        if "while the JobManager is initializing" in cause:
            raise _Starting(f"{self._who} is starting")
        raise FlinkRefusal(self._who, response.status_code, cause)


class _Starting(Exception):
    """A server answers 503 until it has a leader, and no for a job that it is still reading; nothing has happened."""


class FlinkRefusal(HeadwaterError):
    """Flink answered, and the answer is no. `cause` is the last cause in one line; `status` the HTTP status."""

    def __init__(self, who: str, status: int, cause: str) -> None:
        self.cause = cause
        self.status = status
        super().__init__(f"{who} refused: {cause}")


def last_cause(trace: str) -> str:
    """What a person needs of a Java trace: the message of its last «Caused by», without the class's package.

    A message may run over several lines; stack frames (`at …`, `... 12 more`) end it.
    """
    lines = trace.strip().splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("Caused by: ")]
    start = starts[-1] if starts else 0
    message = []
    for line in lines[start:]:
        if line.startswith(("\tat ", "    at ", "\t... ")):
            break
        message.append(line.removeprefix("Caused by: ").strip())
    # The parser lists every word that might have stood there; the place and the word it met are enough.
    text = " ".join(part for part in message if part).partition(" Was expecting")[0]
    text = text.removeprefix("Internal server error. ").removeprefix("<Exception on server side: ")
    name, colon, rest = text.partition(": ")
    if colon and " " not in name and "." in name:
        return f"{name.rsplit('.', 1)[-1].rsplit('$', 1)[-1]}: {rest}"
    return text or "no reason given"
