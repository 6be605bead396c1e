"""How the stack is looked at: closely now and then, at once when something has changed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from headwater.engines import JobState
from headwater.model import Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Ports, Stack
from resources.local.processes import ProcessStatus
from resources.status import StackStatus
from resources.watch import looker
from resources.watch.dagster import DagsterEye
from resources.watch.looker import Looker
from resources.watch.picture import DagsterPicture, Picture
from tests.unit.assets.declared import HITS, VISITS
from tests.unit.watch.pictures import DAGSTER, DECLARED, WELL, job, process

WEBSERVER = process("dagster-webserver")


class Eye:
    """A Dagster that is well, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def look(self, now: datetime) -> DagsterPicture:
        self.asked += 1
        return replace(DAGSTER, at=now)


class Scene:
    """What a looker finds, at a time that the test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.now = datetime(2026, 11, 26, 12, tzinfo=UTC)
        self.state = JobState.RUNNING
        self.processes: Sequence[ProcessStatus] = (WEBSERVER,)
        self.mistake = ""
        self.closely: list[bool] = []
        self.eye = Eye()
        monkeypatch.setattr(looker, "status", self._status)
        monkeypatch.setattr(looker, "warehouse", self._warehouse)
        eye = cast(DagsterEye, self.eye)
        self._looker = Looker(Stack(folder, folder, Ports()), eye, clock=lambda: self.now)

    def look(self, seconds: float = 10) -> Picture:
        """Look, so long after the look before."""
        self.now += timedelta(seconds=seconds)
        return self._looker.look()

    def _status(self, _stack: Stack, *, details: bool = True, declared: Warehouse) -> StackStatus:
        self.closely.append(details)
        found = job(VISITS, state=self.state)
        shown = found if details else replace(found, health=None, verdicts=())
        return replace(WELL.status, at=self.now, processes=tuple(self.processes), jobs=(shown,))

    def _warehouse(self, _stack: Stack) -> Warehouse:
        if self.mistake:
            raise HeadwaterError(self.mistake)
        return DECLARED


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Scene:
    return Scene(monkeypatch, tmp_path)


def test_flink_is_asked_closely_each_half_minute_and_what_it_said_is_kept_in_between(scene: Scene) -> None:
    pictures = [scene.look() for _ in range(6)]
    assert scene.closely == [True, False, False, True, False, False]
    assert all(picture.status.jobs[0].verdicts for picture in pictures)
    assert pictures[2].status.at == scene.now - timedelta(seconds=30)


def test_a_job_in_another_state_is_looked_at_closely_at_once(scene: Scene) -> None:
    scene.look()
    scene.state = JobState.RESTARTING
    assert scene.look().status.jobs[0].state == "RESTARTING"
    assert scene.closely == [True, False, True]


def test_dagster_is_asked_each_half_minute(scene: Scene) -> None:
    pictures = [scene.look() for _ in range(6)]
    assert scene.eye.asked == 2
    assert pictures[2].dagster.at == pictures[0].dagster.at


def test_a_stack_without_dagster_is_not_asked_for_it(scene: Scene) -> None:
    scene.processes = (process("kafka"),)
    assert scene.look().dagster == DagsterPicture()
    assert scene.eye.asked == 0


def test_a_web_server_that_does_not_run_is_not_asked_and_is_asked_at_once_when_it_does(scene: Scene) -> None:
    scene.processes = (process("dagster-webserver", "STOPPED"),)
    assert scene.look().dagster.unreachable == "dagster-webserver is STOPPED"
    assert scene.eye.asked == 0
    scene.processes = (WEBSERVER,)
    assert scene.look().dagster.unreachable == ""


def test_declarations_that_cannot_be_read_are_told_of_and_those_of_before_are_looked_after(scene: Scene) -> None:
    assert scene.look().declarations == ""
    scene.mistake = "1 problem in the warehouse"
    found = scene.look()
    assert (found.declarations, found.warehouse) == ("1 problem in the warehouse", DECLARED)


def test_lags_are_those_that_were_measured_for_the_tables(scene: Scene) -> None:
    assert [lag.table for lag in scene.look().lags] == [VISITS, HITS]
