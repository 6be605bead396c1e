"""Going on from another state than the newest: when it may, what it takes, and how a person is told of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from headwater.engines import Commit, RetainedState, StreamEngine
from headwater.model import Model, TableName


@dataclass(frozen=True, slots=True)
class Earlier:
    """A state that was chosen by hand.

    Args:
        state: The state.
        snapshot: The table's snapshot that belongs to it, for a table without a key; None when it has expired.
    """

    state: RetainedState
    snapshot: int | None = None


def is_behind(state: RetainedState, newest: Commit | None) -> bool:
    """The table has commits of checkpoints after this state: there has been a newer state, and it is lost.

    Paimon numbers a stream's commits by the checkpoints that they belong to, and a checkpoint is complete on disk
    before its rows are committed: org.apache.paimon.flink.sink.CommitterOperator (notifyCheckpointComplete).
    """
    if newest is None or newest.snapshot <= state.since:
        return False
    if state.until is not None and newest.snapshot > state.until:
        return True
    return state.checkpoint is not None and newest.checkpoint > state.checkpoint


def its_commits(state: RetainedState, commits: Iterable[Commit]) -> Iterator[Commit]:
    """Those commits of a table that the job has made which counts on to, or from, this state; newest first."""
    for commit in commits:
        if commit.snapshot <= state.since:
            return
        if state.until is None or commit.snapshot <= state.until:
            yield commit


def lost_newer(model: Model, state: RetainedState, newest: Commit) -> str:
    """Why a plan is refused whose newest state is behind its table."""
    return (
        f"{model.name}: its newest state, {described(state)}, is older than its table, which holds the commit of "
        f"checkpoint {newest.checkpoint}: a newer state was lost. To go on from it, which reads again what has come "
        f"since{' and writes the same rows' if model.key else ''}: headwater apply --from {state.path}"
    )


def lost_all(model: Model) -> str:
    """Why a plan is refused for a table that a job has written and left no state for."""
    return (
        f"{model.name}: its table holds rows of a job whose checkpoints and savepoints are all gone; put them back, or "
        f"start without state, which reads its inputs from the start: headwater apply --fresh {model.name}"
    )


def recounted(state: RetainedState, commits: Sequence[Commit]) -> tuple[str, int] | None:
    """Under which name and number nothing must be committed before a job starts from this state; None for nowhere.

    Restored, Paimon's committer takes whatever it still has to commit for done when its newest snapshot has that number
    or a higher one (org.apache.paimon.operation.FileStoreCommitImpl.filterCommitted). So the newest number must be the
    highest that the job had really committed by then: with a higher one rows would be lost, with a lower one committed
    twice, which Paimon refuses again and again.

    Args:
        state: What the job starts from.
        commits: Of the table, newest first.
    """
    before = next((commit for commit in commits if commit.snapshot <= state.since), None)
    known = [*its_commits(state, commits), *([before] if before else [])]
    if not known or state.checkpoint is None:
        return None
    user = known[0].user
    done = [commit.checkpoint for commit in known if commit.user == user and commit.checkpoint <= state.checkpoint]
    number = max(done, default=state.checkpoint)
    newest = next(commit for commit in commits if commit.user == user)
    return None if newest.checkpoint == number else (user, number)


def snapshot_of(state: RetainedState, commits: Iterable[Commit]) -> int | None:
    """The snapshot that the table had when it held just what this state's job had committed by then."""
    if state.checkpoint is None:
        return state.snapshot
    return next((c.snapshot for c in its_commits(state, commits) if c.checkpoint <= state.checkpoint), None)


def no_way_back(model: Model, earlier: Earlier, readers: Sequence[TableName]) -> str | None:
    """Why the model's job cannot go back to this state; None when it can.

    Rows of a table without a key would stand twice, so it is taken back to a snapshot; whoever reads it as a stream
    has read on from there and would miss what comes in place of what it has read.
    """
    if model.key:
        return None
    if earlier.snapshot is None:
        return (
            f"{model.name}: its table has no key, and the snapshot that belongs to {described(earlier.state)} has "
            f"expired: going on from there would write rows a second time; choose a later state: "
            f"headwater savepoints {model.name}"
        )
    if readers:
        return (
            f"{model.name}: its table has no key and would be taken back to snapshot {earlier.snapshot}, but the jobs "
            f"of {', '.join(map(str, readers))} have read on from there; choose the newest state, or declare a new "
            f"table and move them over ({model.file})"
        )
    return None


def described(state: RetainedState) -> str:
    """A state in words."""
    kind = "savepoint" if state.is_savepoint else "checkpoint"
    number = "" if state.checkpoint is None else f" {state.checkpoint}"
    return f"{kind}{number} of {state.completed_at:%Y-%m-%d %H:%M:%S} UTC"


def way_on(engine: StreamEngine, table: TableName, state: Path) -> str:
    """What to run when this state cannot be started from: the one before it, or none."""
    states = engine.retained_states(table)
    places = [found.path for found in states]
    before = states[places.index(state) + 1 :] if state in places else states
    fresh = f"headwater apply --fresh {table} starts it without state"
    if not before:
        return fresh
    return f"headwater apply --from {before[0].path} goes on from the state before it, {described(before[0])}; {fresh}"
