"""Where a job's state lies on disk, and the plan that it belongs to, beside it.

    <job_state>/<model>/<deployment>/plan.json
    <job_state>/<model>/<deployment>/checkpoints/<flink job id>/chk-<n>/_metadata
    <job_state>/<model>/<deployment>/savepoints/savepoint-<…>/_metadata

A deployment is `<fingerprint>`, or `<fingerprint>-<n>` when the same SQL runs again with other operator ids. Nothing
else records which state there is: Flink writes `_metadata` last, so a folder that has it is complete.
"""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

from headwater.compile.operator_ids import Plan
from headwater.engines import RetainedState
from headwater.model import TableName

_KEPT_SAVEPOINTS = 5


def fingerprint_of(deployment: str) -> str:
    """The job's fingerprint in a deployment's name."""
    return deployment.partition("-")[0]


class StateFolder:
    """The state of all jobs below one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def newest(self, model: TableName) -> RetainedState | None:
        """The newest completed checkpoint or savepoint of this model, or None."""
        found = (self._retained(model, metadata) for metadata in self._metadata(model))
        return max((state for state in found if state is not None), key=lambda state: state.completed_at, default=None)

    def plan(self, state: RetainedState) -> Plan | None:
        """The compiled plan whose operator ids this state carries, or None when it is gone."""
        return self._read_plan(self._deployment(state.model, state.path))

    def place(self, model: TableName, fingerprint: str, plan: Plan) -> str:
        """Store the plan beside the state it will have; give the deployment's name.

        The name is used again when the same plan is already there.
        """
        number = 1
        while True:
            name = fingerprint if number == 1 else f"{fingerprint}-{number}"
            folder = self._root / str(model) / name
            known = self._read_plan(folder)
            if known == plan:
                return name
            if known is None:
                folder.mkdir(parents=True, exist_ok=True)
                partial = folder / "plan.json.partial"
                partial.write_text(json.dumps(plan))
                partial.replace(folder / "plan.json")
                return name
            number += 1

    def checkpoints(self, model: TableName, deployment: str) -> Path:
        """Where this deployment's jobs checkpoint."""
        return self._root / str(model) / deployment / "checkpoints"

    def savepoints(self, model: TableName, deployment: str) -> Path:
        """Where this deployment's savepoints go."""
        return self._root / str(model) / deployment / "savepoints"

    def prune(self, model: TableName, job_id: str) -> None:
        """Remove what the running job no longer needs: checkpoints of earlier jobs, all but the newest savepoints.

        To be called once the job has a completed checkpoint of its own: restored in Flink's NO_CLAIM mode, it then
        depends on no earlier file.
        """
        folder = self._root / str(model)
        for checkpoints in folder.glob("*/checkpoints/*"):
            if checkpoints.name != job_id:
                shutil.rmtree(checkpoints, ignore_errors=True)
        savepoints = sorted(folder.glob("*/savepoints/savepoint-*"), key=lambda path: path.stat().st_mtime)
        for savepoint in savepoints[:-_KEPT_SAVEPOINTS]:
            shutil.rmtree(savepoint, ignore_errors=True)

    def _metadata(self, model: TableName) -> list[Path]:
        folder = self._root / str(model)
        return [*folder.glob("*/checkpoints/*/chk-*/_metadata"), *folder.glob("*/savepoints/savepoint-*/_metadata")]

    def _retained(self, model: TableName, metadata: Path) -> RetainedState | None:
        try:
            completed = metadata.stat().st_mtime
        except FileNotFoundError:
            # A running job drops a checkpoint when newer ones are complete.
            return None
        return RetainedState(
            model=model,
            fingerprint=fingerprint_of(self._deployment(model, metadata).name),
            path=metadata.parent,
            completed_at=datetime.fromtimestamp(completed, UTC),
            is_savepoint=metadata.parent.name.startswith("savepoint-"),
        )

    def _deployment(self, model: TableName, inside: Path) -> Path:
        folder = self._root / str(model)
        return folder / inside.relative_to(folder).parts[0]

    def _read_plan(self, folder: Path) -> Plan | None:
        try:
            return json.loads((folder / "plan.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
