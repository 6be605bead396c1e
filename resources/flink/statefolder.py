"""Where a job's state lies on disk, and the plan that it belongs to, beside it.

    <job_state>/<model>/<deployment>/plan.json
    <job_state>/<model>/<deployment>/job.json                      what was submitted, addresses left out
    <job_state>/<model>/<deployment>/line.json                     which line of states it belongs to
    <job_state>/<model>/<deployment>/checkpoints/<flink job id>/chk-<n>/_metadata
    <job_state>/<model>/<deployment>/savepoints/savepoint-<…>/_metadata
    <job_state>/<model>/<deployment>/savepoints/savepoint-<…>.json  the table's snapshot then, and its tag

A deployment is `<fingerprint>`, or `<fingerprint>-<n>` when the same SQL runs again with other operator ids. Nothing
else records which state there is: Flink writes `_metadata` last, so a folder that has it is complete.

Which state is the newest is told by Flink's own numbers, never by the clock, which may be set back. A job that is
restored counts on; one that starts without state, or from another state than the newest, counts from an earlier number
and begins a new line of states, newer than every line before it.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from headwater.compile.operator_ids import Plan
from headwater.engines import RetainedState
from headwater.model import TableName
from headwater.wholefile import write_whole
from resources.flink.metadata import checkpoint_number

KEPT_SAVEPOINTS = 5
"""How many savepoints of a model are kept unless more are asked for."""


def fingerprint_of(deployment: str) -> str:
    """The job's fingerprint in a deployment's name."""
    return deployment.partition("-")[0]


@dataclass(frozen=True, slots=True)
class Line:
    """States that count on from one another.

    Args:
        number: Lines of one model are counted; the higher the newer.
        since: The newest snapshot of the model's table when the line began: what was committed up to it, earlier
            lines have committed.
    """

    number: int = 0
    since: int = 0


class StateFolder:
    """The state of all jobs below one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def newest(self, model: TableName) -> RetainedState | None:
        """The newest completed checkpoint or savepoint of this model, or None."""
        return next(iter(self.states(model)), None)

    def states(self, model: TableName) -> tuple[RetainedState, ...]:
        """Every completed checkpoint and savepoint of this model, newest first."""
        lines = {file.parent: _line(file.parent) for file in (self._root / str(model)).glob("*/line.json")}
        found = []
        for metadata in self._metadata(model):
            line = lines.get(self._deployment(model, metadata), Line())
            until = min((later.since for later in lines.values() if later.number > line.number), default=None)
            state = self._retained(model, metadata, line, until)
            if state is not None:
                found.append((line.number, state))
        return tuple(state for _, _, state in sorted(_numbered(found), key=lambda each: each[:2], reverse=True))

    def line(self, state: RetainedState) -> Line:
        """The line that a state belongs to."""
        return _line(self._deployment(state.model, state.path))

    def next_line(self, model: TableName, since: int) -> Line:
        """A new line of states, newer than all others; the newest one again when nothing has come of it."""
        lines = [_line(file.parent) for file in (self._root / str(model)).glob("*/plan.json")]
        newest = max(lines, key=lambda line: line.number, default=None)
        if newest is None:
            return Line(0, since)
        if newest.since == since and not any(self.line(state) == newest for state in self.states(model)):
            return newest
        return Line(newest.number + 1, since)

    def pair(self, savepoint: Path, snapshot: int, tag: str) -> None:
        """Note beside a savepoint which snapshot of its table it belongs to, and the tag that keeps that."""
        _write(_pairing(savepoint), {"snapshot": snapshot, "tag": tag})

    def deployment(self, state: RetainedState) -> str:
        """The name of the deployment that wrote this state."""
        return self._deployment(state.model, state.path).name

    def submitted(self, model: TableName, deployment: str) -> dict[str, Any] | None:
        """What was submitted with a deployment, as `place` was given it; None when it is gone."""
        return _read(self._root / str(model) / deployment / "job.json")

    def job(self, state: RetainedState) -> dict[str, Any] | None:
        """What was submitted with this state's deployment, as last noted; None when it is gone, or lies elsewhere."""
        if not state.path.is_relative_to(self._root / str(state.model)):
            return None
        return self.submitted(state.model, self.deployment(state))

    def note(self, model: TableName, deployment: str, job: dict[str, Any]) -> None:
        """Change what is known of how a deployment's job was submitted."""
        _write(self._root / str(model) / deployment / "job.json", job)

    def plan(self, state: RetainedState) -> Plan | None:
        """The compiled plan whose operator ids this state carries, or None when it is gone."""
        return self._read_plan(self._deployment(state.model, state.path))

    def deployed(self, model: TableName, deployment: str) -> Plan | None:
        """The compiled plan of a deployment, or None when it is gone."""
        return self._read_plan(self._root / str(model) / deployment)

    def place(self, model: TableName, fingerprint: str, plan: Plan, job: dict[str, Any], line: Line = Line()) -> str:
        """Store the plan, and what is submitted, beside the state it will have; give the deployment's name.

        The name is used again when the same plan is already there, in the same line of states.
        """
        for name in _names(fingerprint):
            folder = self._root / str(model) / name
            known = self._read_plan(folder)
            if known == plan and _line(folder) == line:
                _write(folder / "job.json", job)
                return name
            if known is None:
                folder.mkdir(parents=True, exist_ok=True)
                _write(folder / "line.json", {"number": line.number, "since": line.since})
                _write(folder / "job.json", job)
                _write(folder / "plan.json", plan)
                return name
        raise AssertionError("the names never end")

    def checkpoints(self, model: TableName, deployment: str) -> Path:
        """Where this deployment's jobs checkpoint."""
        return self._root / str(model) / deployment / "checkpoints"

    def savepoints(self, model: TableName, deployment: str) -> Path:
        """Where this deployment's savepoints go."""
        return self._root / str(model) / deployment / "savepoints"

    def trials(self, model: TableName) -> Path:
        """Where trials of changed SQL keep what they need while they run; nobody takes it for state of the model."""
        return self._root / str(model) / "trials"

    def prune(self, model: TableName, job_id: str) -> tuple[str, ...]:
        """Remove what the running job no longer needs: checkpoints of earlier jobs, all but the newest savepoints.

        Gives the tags that were paired with those savepoints. To be called once the job has a completed checkpoint of
        its own: restored in Flink's NO_CLAIM mode, it then depends on no earlier file.
        """
        folder = self._root / str(model)
        for checkpoints in folder.glob("*/checkpoints/*"):
            if checkpoints.name != job_id:
                shutil.rmtree(checkpoints, ignore_errors=True)
        savepoints = [state.path for state in self.states(model) if state.is_savepoint]
        return self.expire(savepoints[KEPT_SAVEPOINTS:])

    def hand_over(self, giver: TableName, taker: TableName, since: int) -> None:
        """Make what one model's jobs have left another's newest state.

        Args:
            giver: Whose states they are.
            taker: Whose states they become.
            since: The newest snapshot of the taker's table.
        """
        for folder in [file.parent for file in (self._root / str(giver)).glob("*/plan.json")]:
            line = self.next_line(taker, since)
            _write(folder / "line.json", {"number": line.number, "since": line.since})
            taken = {known.name for known in (self._root / str(taker)).glob("*")}
            name = next(name for name in _names(fingerprint_of(folder.name)) if name not in taken)
            folder.rename(self._root / str(taker) / name)

    def remove(self, model: TableName) -> None:
        """Remove all that the model's jobs have left."""
        shutil.rmtree(self._root / str(model), ignore_errors=True)

    def discard_after(self, model: TableName, kept: Path) -> tuple[str, ...]:
        """Remove every state that is newer than this one; give the tags that were paired with them."""
        newer = []
        for state in self.states(model):
            if state.path == kept:
                break
            newer.append(state.path)
        return self.expire(newer)

    def expire(self, savepoints: Sequence[Path]) -> tuple[str, ...]:
        """Remove savepoints; give the tags that were paired with them."""
        tags = []
        for savepoint in savepoints:
            pairing = _read(_pairing(savepoint))
            if pairing is not None:
                tags.append(str(pairing["tag"]))
            shutil.rmtree(savepoint, ignore_errors=True)
            _pairing(savepoint).unlink(missing_ok=True)
        return tuple(tags)

    def _metadata(self, model: TableName) -> list[Path]:
        folder = self._root / str(model)
        return [*folder.glob("*/checkpoints/*/chk-*/_metadata"), *folder.glob("*/savepoints/savepoint-*/_metadata")]

    def _retained(self, model: TableName, metadata: Path, line: Line, until: int | None) -> RetainedState | None:
        try:
            completed = metadata.stat().st_mtime
        except FileNotFoundError:
            # A running job drops a checkpoint when newer ones are complete.
            return None
        is_savepoint = metadata.parent.name.startswith("savepoint-")
        pairing = _read(_pairing(metadata.parent)) if is_savepoint else None
        return RetainedState(
            model=model,
            fingerprint=fingerprint_of(self._deployment(model, metadata).name),
            path=metadata.parent,
            completed_at=datetime.fromtimestamp(completed, UTC),
            is_savepoint=is_savepoint,
            snapshot=pairing["snapshot"] if pairing else None,
            checkpoint=checkpoint_number(metadata),
            since=line.since,
            until=until,
        )

    def _deployment(self, model: TableName, inside: Path) -> Path:
        folder = self._root / str(model)
        return folder / inside.relative_to(folder).parts[0]

    def _read_plan(self, folder: Path) -> Plan | None:
        return _read(folder / "plan.json")


def _names(fingerprint: str) -> Iterator[str]:
    """The names that deployments of one fingerprint have, in order."""
    yield fingerprint
    yield from (f"{fingerprint}-{number}" for number in count(2))


def _numbered(found: Sequence[tuple[int, RetainedState]]) -> list[tuple[int, float, RetainedState]]:
    """The states with their line and number; a number that cannot be read stands where the time says.

    Such a state is damaged, and all the more must not be passed over for an older one without a word.
    """
    highest: dict[int, float] = {}
    numbered = []
    for line, state in sorted(found, key=lambda each: each[1].completed_at):
        number = highest.get(line, 0.0) + 0.5 if state.checkpoint is None else float(state.checkpoint)
        highest[line] = max(number, highest.get(line, 0.0))
        numbered.append((line, number, state))
    return numbered


def _line(deployment: Path) -> Line:
    said = _read(deployment / "line.json")
    return Line(said["number"], said["since"]) if said else Line()


def _pairing(savepoint: Path) -> Path:
    return savepoint.with_name(f"{savepoint.name}.json")


def _write(file: Path, content: Any) -> None:
    write_whole(file, json.dumps(content).encode())


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
