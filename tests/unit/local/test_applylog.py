"""What is written down of applies."""

from pathlib import Path

import pytest

from headwater.problem import HeadwaterError
from headwater.stack import Ports, Stack
from resources.applylog import applied, logged


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    (tmp_path / "run").mkdir()
    return Stack(tmp_path, tmp_path, Ports())


def test_the_end_of_each_apply_is_written_down_with_what_failed(stack: Stack) -> None:
    with logged(stack, "applying all jobs"):
        pass
    with pytest.raises(HeadwaterError), logged(stack, "applying dm.counts"):
        raise HeadwaterError("dm.counts did not start\nat all", next_command="headwater apply")
    assert [(each.doing, each.failed) for each in applied(stack)] == [
        ("applying all jobs", ""),
        ("applying dm.counts", "dm.counts did not start"),
    ]


def test_the_newest_two_hundred_are_kept(stack: Stack) -> None:
    for number in range(203):
        with logged(stack, str(number)):
            pass
    assert [each.doing for each in applied(stack)][::199] == ["3", "202"]


def test_a_log_that_is_not_there_or_damaged_is_an_empty_one(stack: Stack) -> None:
    assert applied(stack) == ()
    (stack.home / "run" / "applies.json").write_text("[{]")
    assert applied(stack) == ()
