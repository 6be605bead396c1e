"""Starts of jobs that are under way, noted before Flink is asked for them.

    <job_state>/<model>/start.json    {job, deployment, restored_from}; gone again once Flink has answered

Whoever asks may be killed before the answer comes. The job then starts, or does not, or starts a moment later; a
second start meanwhile would make two jobs that write one table. So the id of the job is chosen here and noted first:
asked for again under the same id, Flink starts it once (DuplicateJobSubmissionException).
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from headwater.model import TableName
from headwater.wholefile import write_whole


@dataclass(frozen=True, slots=True)
class Start:
    """A start that was asked for.

    Args:
        job: The id that the job has, or will have.
        deployment: Whose plan is started.
        restored_from: The state that it starts from; None for a start without.
    """

    job: str
    deployment: str
    restored_from: str | None


class Starts:
    """The starts under way of all jobs whose state lies below one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def note(self, model: TableName, start: Start) -> None:
        """Note a start before it is asked for."""
        file = self._file(model)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(asdict(start)).encode())

    def under_way(self, model: TableName) -> Start | None:
        """The start that nobody has seen the end of, or None."""
        try:
            return Start(**json.loads(self._file(model).read_text()))
        except (FileNotFoundError, json.JSONDecodeError, TypeError):
            return None

    def forget(self, model: TableName) -> None:
        """Its end is known."""
        self._file(model).unlink(missing_ok=True)

    def _file(self, model: TableName) -> Path:
        return self._root / str(model) / "start.json"
