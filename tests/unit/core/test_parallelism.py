"""The range of subtasks that a job may be scaled in, as it is declared."""

from datetime import timedelta

import pytest

from headwater.loader import load
from headwater.model import Autoscale, Parallelism, TableName
from headwater.rules.jobs import key_groups


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("3", Parallelism(3, 3)),
        ("{max: 4}", Parallelism(1, 4)),
        ("{min: 2, max: 4, autoscale: dry-run}", Parallelism(2, 4, Autoscale.DRY_RUN)),
        ("{max: 8, autoscale: on, cool_down: 90s}", Parallelism(1, 8, Autoscale.ON, timedelta(seconds=90))),
    ],
)
def test_a_number_or_a_range_is_read(sensors, written: str, read: Parallelism):
    sensors.replace("dwd/sensors/table.yaml", "owner: sensing", f"owner: sensing\njob: {{parallelism: {written}}}")
    assert load(sensors.root).model(TableName.parse("dwd.sensors")).job.parallelism == read


def test_a_declared_number_of_parts_allows_a_wider_range(sensors):
    job = "job: {parallelism: {max: 200}, options: {pipeline.max-parallelism: 256}}"
    sensors.replace("dwd/sensors/table.yaml", "owner: sensing", f"owner: sensing\n{job}")
    assert sensors.problems() == []


@pytest.mark.parametrize(("parallelism", "groups"), [(1, 128), (85, 128), (86, 256), (200, 512), (32768, 32768)])
def test_state_is_divided_as_flink_divides_it(parallelism: int, groups: int):
    assert key_groups(parallelism) == groups


@pytest.mark.parametrize(("number", "nearest"), [(1, 2), (2, 2), (3, 3), (4, 4), (9, 4)])
def test_a_number_outside_of_the_range_is_taken_to_its_end(number: int, nearest: int):
    range_ = Parallelism(2, 4)
    assert range_.nearest(number) == nearest
    assert (number in range_) == (number == nearest)
