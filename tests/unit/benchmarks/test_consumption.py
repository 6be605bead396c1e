"""How a rate is told from a job's checkpoints and the offsets it committed."""

import time

import pytest

from benchmarks.consumption import Checkpoint, Watcher, rate, read_at
from headwater.problem import HeadwaterError


def test_offsets_belong_to_the_checkpoint_that_committed_them_at_the_moment_it_was_triggered() -> None:
    checkpoints = [Checkpoint(2, 11.0, 11.3), Checkpoint(1, 10.0, 10.2)]
    seen = [(10.25, 300), (10.30, 500), (11.32, 700), (11.35, 900)]
    assert read_at(checkpoints, seen) == [(10.0, 500), (11.0, 900)]


def test_a_checkpoint_before_anything_was_read_gives_no_point() -> None:
    assert read_at([Checkpoint(1, 9.0, 9.1), Checkpoint(2, 10.0, 10.2)], [(10.25, 500)]) == [(10.0, 500)]


def test_the_rate_is_taken_between_shares_of_the_records_not_over_start_and_tail() -> None:
    # Slow to begin, 100 a second in the middle, and a long wait at the end.
    points = [(0.0, 0), (10.0, 100), (19.0, 1000), (60.0, 1000)]
    assert rate(points, 1000) == pytest.approx(100.0)


def test_times_are_interpolated_between_checkpoints() -> None:
    # 20 % is reached at 2 s, 95 % at 9.5 s, neither at a checkpoint.
    points = [(0.0, 0), (1.0, 100), (9.0, 900), (10.0, 1000)]
    assert rate(points, 1000) == pytest.approx(750 / 7.5)


@pytest.mark.parametrize(
    "points",
    [
        [],
        [(0.0, 0), (1.0, 500), (2.0, 1000)],
        [(1.0, 500), (2.0, 600), (3.0, 700), (4.0, 1000)],
        [(0.0, 0), (1.0, 100), (2.0, 500), (3.0, 900)],
    ],
)
def test_too_few_checkpoints_are_refused_rather_than_guessed_at(points: list[tuple[float, int]]) -> None:
    with pytest.raises(HeadwaterError, match="too few to tell"):
        rate(points, 1000)


def test_a_watcher_notes_changes_and_the_newest_total() -> None:
    totals = iter([0, 0, 5, 5, 9])
    with Watcher(lambda: next(totals, 9)) as watcher:
        while watcher.latest < 9:
            time.sleep(0.001)
    assert [total for _, total in watcher.seen] == [5, 9]


def test_a_watcher_that_cannot_go_on_says_so() -> None:
    def broken() -> int:
        raise ConnectionError("the broker is gone")

    with pytest.raises(ConnectionError, match="the broker is gone"), Watcher(broken) as watcher:
        while watcher.latest == 0:
            time.sleep(0.001)
