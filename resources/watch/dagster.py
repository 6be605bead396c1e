"""What Dagster says of itself, asked of its web server with one query per look."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from resources.watch import questions
from resources.watch.picture import (
    Check,
    Daemon,
    DagsterPicture,
    Instigator,
    InstigatorKind,
    Run,
    Tick,
    instant,
)
from resources.watch.questions import CheckKey

_SECONDS = 20.0
# As long as a failed run is worth telling of.
_FAILED_WITHIN = timedelta(hours=6)
# Looks may be late; a run that ended between two of them must not be missed.
_OVERLAP = timedelta(minutes=2)
# Schedules and declared checks move slowly, and cost the web server a query of its database each: asked for less often,
# and of the checks so many at a time, in turns.
_ALL_EVERY = timedelta(minutes=2)
_CHECKS_AT_A_TIME = 40
# The jobs' own checks are judged from Flink in the same picture.
_JOBS = "flink"
_LINE = 300


class DagsterUnreachable(Exception):
    """The web server does not answer, or not with what was asked."""


class DagsterEye:
    """Looks at one Dagster, again and again.

    Args:
        url: Of its web server.
        client: To ask it with; one is made where none is given.
    """

    def __init__(self, url: str, client: httpx.Client | None = None) -> None:
        self._client = client or httpx.Client(base_url=url, timeout=httpx.Timeout(_SECONDS, connect=3.0), verify=False)
        self._loaded: tuple[float, ...] = ()
        self._checks: tuple[CheckKey, ...] = ()
        self._next = 0
        self._failed: dict[CheckKey, Check] = {}
        self._errors: dict[str, str] = {}
        self._asked_at: datetime | None = None
        self._asked_all_at: datetime | None = None
        self._schedules: tuple[Instigator, ...] = ()

    def look(self, now: datetime) -> DagsterPicture:
        """What it says now. Its not answering is a part of the answer, never an error.

        Args:
            now: UTC.
        """
        try:
            return self._look(now)
        except DagsterUnreachable as error:
            return DagsterPicture(unreachable=str(error), checks=self._known_checks(), at=now)

    def _look(self, now: datetime) -> DagsterPicture:
        asks_all = self._asked_all_at is None or now - self._asked_all_at >= _ALL_EVERY
        batch = self._batch() if asks_all else ()
        since = (self._asked_at or now) - _OVERLAP
        answer = self._ask(
            questions.look(batch),
            failedAfter=(now - _FAILED_WITHIN).timestamp(),
            endedAfter=since.timestamp(),
            all=asks_all,
        )
        self._asked_at = now
        entries = (answer["workspaceOrError"] or {}).get("locationEntries", [])
        if asks_all:
            self._asked_all_at = now
            self._schedules = tuple(each for entry in entries for each in _schedules(entry))
            self._note_checks(batch, answer)
        self._learn_checks(tuple(entry["updatedTimestamp"] for entry in entries))
        return DagsterPicture(
            daemons=tuple(_daemon(entry) for entry in answer["instance"]["daemonHealth"]["allDaemonStatuses"]),
            instigators=(*(each for entry in entries for each in _sensors(entry)), *self._schedules),
            runs=self._with_errors([_run(entry) for entry in _results(answer["failed"])]),
            checks=self._known_checks(),
            definitions_error=_definitions_error(answer["workspaceOrError"]),
            ended=tuple(_run(entry) for entry in _results(answer["ended"])),
            at=now,
            backfills=tuple(entry["id"] for entry in _results(answer["backfills"])),
        )

    def _known_checks(self) -> tuple[Check, ...]:
        return tuple(self._failed[key] for key in sorted(self._failed))

    def _batch(self) -> tuple[CheckKey, ...]:
        """The checks whose turn it is."""
        batch = self._checks[self._next : self._next + _CHECKS_AT_A_TIME]
        self._next = self._next + len(batch) if self._next + len(batch) < len(self._checks) else 0
        return batch

    def _note_checks(self, batch: Sequence[CheckKey], answer: Mapping[str, Any]) -> None:
        for number, key in enumerate(batch):
            for execution in answer[f"c{number}"]:
                evaluation = execution["evaluation"]
                if evaluation is None:  # it is being evaluated: what was found before still stands
                    continue
                if evaluation["success"]:
                    self._failed.pop(key, None)
                else:
                    self._failed[key] = _check(key, execution["timestamp"], evaluation)

    def _learn_checks(self, loaded: tuple[float, ...]) -> None:
        """Which checks there are: asked anew when the definitions were loaded anew."""
        if loaded == self._loaded:
            return
        nodes = self._ask(questions.CHECKS)["assetNodes"]
        keys = (
            (tuple(node["assetKey"]["path"]), check["name"])
            for node in nodes
            if node["hasAssetChecks"] and node["assetKey"]["path"][0] != _JOBS
            for check in node["assetChecksOrError"].get("checks", ())
        )
        self._loaded, self._checks, self._next = loaded, tuple(keys), 0
        self._asked_all_at = None
        self._failed = {key: check for key, check in self._failed.items() if key in set(self._checks)}

    def _with_errors(self, runs: Sequence[Run]) -> tuple[Run, ...]:
        """The same runs, each with why it failed."""
        unknown = [run.id for run in runs if run.id not in self._errors]
        if unknown:
            answer = self._ask(questions.why(unknown))
            said = {run: _reason(answer[f"r{number}"]) for number, run in enumerate(unknown)}
            self._errors = {run.id: self._errors.get(run.id) or said.get(run.id, "") for run in runs}
        return tuple(replace(run, error=self._errors.get(run.id, "")) for run in runs)

    def _ask(self, query: str, **variables: float | bool) -> dict[str, Any]:
        try:
            response = self._client.post("/graphql", json={"query": query, "variables": variables})
            answer = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise DagsterUnreachable(one_line(str(error)) or type(error).__name__) from error
        if answer.get("errors") or not answer.get("data"):
            errors = answer.get("errors") or [{"message": f"HTTP status {response.status_code}"}]
            raise DagsterUnreachable(one_line(str(errors[0].get("message"))))
        return answer["data"]


def one_line(text: str) -> str:
    """The first line that says something, so long that it can be shown."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:_LINE]


def _results(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    return answer.get("results") or []


def _daemon(entry: Mapping[str, Any]) -> Daemon:
    errors = entry["lastHeartbeatErrors"] or []
    return Daemon(
        type=entry["daemonType"],
        healthy=bool(entry["healthy"]),
        required=bool(entry["required"]),
        last_heartbeat=instant(entry["lastHeartbeatTime"]),
        error=_said(errors[0]["message"]) if errors else "",
    )


def _sensors(entry: Mapping[str, Any]) -> Iterator[Instigator]:
    for repository in _repositories(entry):
        for sensor in repository["sensors"]:
            state, interval = sensor["sensorState"], timedelta(seconds=sensor["minIntervalSeconds"])
            yield _instigator(sensor["name"], InstigatorKind.SENSOR, state, interval)


def _schedules(entry: Mapping[str, Any]) -> Iterator[Instigator]:
    for repository in _repositories(entry):
        for schedule in repository["schedules"]:
            yield _instigator(schedule["name"], InstigatorKind.SCHEDULE, schedule["scheduleState"], None)


def _repositories(entry: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return (entry["locationOrLoadError"] or {}).get("repositories", ())


def _instigator(name: str, kind: InstigatorKind, state: Mapping[str, Any], interval: timedelta | None) -> Instigator:
    last = None
    for tick in state["ticks"][:1]:
        error = _said(tick["error"]["message"]) if tick["error"] else ""
        last = Tick(datetime.fromtimestamp(tick["timestamp"], UTC), tick["status"], error)
    return Instigator(name, kind, state["status"] == "RUNNING", last, interval)


def _run(entry: Mapping[str, Any]) -> Run:
    tags = {tag["key"]: tag["value"] for tag in entry["tags"]}
    first, last = tags.get("dagster/asset_partition_range_start", ""), tags.get("dagster/asset_partition_range_end", "")
    whole = first if first == last else f"{first}...{last}"
    return Run(
        id=entry["runId"],
        job_name=entry["jobName"],
        status=entry["status"],
        ended_at=instant(entry["endTime"]) or datetime.now(UTC),
        backfill=tags.get("dagster/backfill", ""),
        partition=tags.get("dagster/partition", "") or whole,
        assets=tuple("/".join(key["path"]) for key in entry["assetSelection"] or ()),
    )


def _check(key: CheckKey, at: float, evaluation: Mapping[str, Any]) -> Check:
    said = one_line(evaluation["description"] or "")
    return Check("/".join(key[0]), key[1], evaluation["severity"], False, datetime.fromtimestamp(at, UTC), said)


def _reason(log: Mapping[str, Any]) -> str:
    """The innermost cause of the first step that failed; of a run without one, what its end says."""
    said = ""
    for event in log.get("events", ()):
        error = event.get("error") or {}
        causes = error.get("causes") or ()
        if "causes" in error:
            return _said(causes[-1]["message"] if causes else error["message"])
        said = _said(error.get("message") or event.get("message") or "") or said
    return said


def _said(text: str) -> str:
    """What a Python error says: its message, without the class's package."""
    line = one_line(text)
    name, colon, rest = line.partition(": ")
    return f"{name.rsplit('.', 1)[-1]}: {rest}" if colon and " " not in name else line


def _definitions_error(workspace: Mapping[str, Any]) -> str:
    if workspace.get("message"):
        return one_line(workspace["message"])
    for entry in workspace.get("locationEntries", ()):
        outcome = entry["locationOrLoadError"] or {}
        if outcome.get("__typename") == "PythonError":
            return outcome["message"].strip().splitlines()[-1][:_LINE]
    return ""
