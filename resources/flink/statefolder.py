"""Where a job's state lies on disk, and the plan that it belongs to, beside it.

    <job_state>/<model>/<deployment>/plan.json
    <job_state>/<model>/<deployment>/job.json                      what was submitted, addresses left out
    <job_state>/<model>/<deployment>/checkpoints/<flink job id>/chk-<n>/_metadata
    <job_state>/<model>/<deployment>/savepoints/savepoint-<…>/_metadata
    <job_state>/<model>/<deployment>/savepoints/savepoint-<…>.json  the table's snapshot then, and its tag

A deployment is `<fingerprint>`, or `<fingerprint>-<n>` when the same SQL runs again with other operator ids. Nothing
else records which state there is: Flink writes `_metadata` last, so a folder that has it is complete.
"""

import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headwater.compile.operator_ids import Plan
from headwater.engines import RetainedState
from headwater.model import TableName

KEPT_SAVEPOINTS = 5
"""How many savepoints of a model are kept unless more are asked for."""


def fingerprint_of(deployment: str) -> str:
    """The job's fingerprint in a deployment's name."""
    return deployment.partition("-")[0]


class StateFolder:
    """The state of all jobs below one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def newest(self, model: TableName) -> RetainedState | None:
        """The newest completed checkpoint or savepoint of this model, or None."""
        return next(iter(self.states(model)), None)

    def states(self, model: TableName) -> tuple[RetainedState, ...]:
        """Every completed checkpoint and savepoint of this model, newest first."""
        found = (self._retained(model, metadata) for metadata in self._metadata(model))
        known = [state for state in found if state is not None]
        return tuple(sorted(known, key=lambda state: state.completed_at, reverse=True))

    def pair(self, savepoint: Path, snapshot: int, tag: str) -> None:
        """Note beside a savepoint which snapshot of its table it belongs to, and the tag that keeps that."""
        _write(_pairing(savepoint), {"snapshot": snapshot, "tag": tag})

    def job(self, state: RetainedState) -> dict[str, Any] | None:
        """What was submitted with this state's deployment, as last noted; None when it is gone, or lies elsewhere."""
        if not state.path.is_relative_to(self._root / str(state.model)):
            return None
        return self.deployed_job(state.model, self._deployment(state.model, state.path).name)

    def deployed_job(self, model: TableName, deployment: str) -> dict[str, Any] | None:
        """What was submitted with a deployment, or None when it is gone."""
        return _read(self._root / str(model) / deployment / "job.json")

    def note(self, model: TableName, deployment: str, job: dict[str, Any]) -> None:
        """Change what is known of how a deployment's job was submitted."""
        _write(self._root / str(model) / deployment / "job.json", job)

    def plan(self, state: RetainedState) -> Plan | None:
        """The compiled plan whose operator ids this state carries, or None when it is gone."""
        return self._read_plan(self._deployment(state.model, state.path))

    def deployed(self, model: TableName, deployment: str) -> Plan | None:
        """The compiled plan of a deployment, or None when it is gone."""
        return self._read_plan(self._root / str(model) / deployment)

    def place(self, model: TableName, fingerprint: str, plan: Plan, job: dict[str, Any]) -> str:
        """Store the plan, and what is submitted, beside the state it will have; give the deployment's name.

        The name is used again when the same plan is already there.
        """
        number = 1
        while True:
            name = fingerprint if number == 1 else f"{fingerprint}-{number}"
            folder = self._root / str(model) / name
            known = self._read_plan(folder)
            if known == plan:
                _write(folder / "job.json", job)
                return name
            if known is None:
                folder.mkdir(parents=True, exist_ok=True)
                _write(folder / "job.json", job)
                _write(folder / "plan.json", plan)
                return name
            number += 1

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
        found = (path for path in folder.glob("*/savepoints/savepoint-*") if path.is_dir())
        savepoints = sorted(found, key=lambda path: path.stat().st_mtime)
        return self.expire(savepoints[:-KEPT_SAVEPOINTS])

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

    def _retained(self, model: TableName, metadata: Path) -> RetainedState | None:
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
        )

    def _deployment(self, model: TableName, inside: Path) -> Path:
        folder = self._root / str(model)
        return folder / inside.relative_to(folder).parts[0]

    def _read_plan(self, folder: Path) -> Plan | None:
        return _read(folder / "plan.json")


def _pairing(savepoint: Path) -> Path:
    return savepoint.with_name(f"{savepoint.name}.json")


def _write(file: Path, content: Any) -> None:
    partial = file.with_name(f"{file.name}.partial")
    partial.write_text(json.dumps(content))
    partial.replace(file)


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
