"""Showing the steps of `headwater up` and `down`: spinners and bars on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import click
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from resources.local.lifecycle import OnStep, Step


@contextmanager
def showing_steps() -> Iterator[OnStep]:
    """Give a function that shows steps on stderr as they come. It may be called from several threads."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines()
        return
    with Progress(
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description}"),
        _Only(BarColumn(bar_width=30)),
        _Only(DownloadColumn()),
        _Only(TransferSpeedColumn()),
        TextColumn("[dim]{task.fields[detail]}"),
        console=console,
    ) as progress:
        yield _Bars(progress)


class _Only(ProgressColumn):
    """Another column, shown for downloads that are under way and empty for anything else."""

    def __init__(self, column: ProgressColumn) -> None:
        super().__init__()
        self._column = column

    def render(self, task: Task) -> RenderableType:
        return Text("") if task.fields["bytes"] is None or task.finished else self._column(task)


class _Bars:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._guard = Lock()
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, step: Step) -> None:
        with self._guard:
            task = self._tasks.get(step.name)
            if task is None:
                task = self._tasks[step.name] = self._progress.add_task(step.name, total=None, detail="", bytes=None)
        if step.done:
            self._progress.update(task, total=1, completed=1, detail=step.detail, bytes=None)
        elif step.arrived is not None:
            self._progress.update(task, completed=step.arrived, total=step.total, bytes=step.arrived)
        else:
            self._progress.update(task, detail=step.detail)


class _Lines:
    """One line for each step's end and for each thing a step says, and one for every tenth of a download."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._tenth = 0

    def __call__(self, step: Step) -> None:
        if step.arrived is not None and step.total:
            tenth = step.arrived * 10 // step.total
            if tenth > self._tenth:
                self._tenth = tenth
                speed = step.arrived / max(time.monotonic() - self._began, 0.001)
                text = f"{step.arrived / 1e6:.0f} of {step.total / 1e6:.0f} MB, {speed / 1e6:.1f} MB/s"
                click.echo(f"{step.name}: {text}", err=True)
        elif step.done or step.detail:
            click.echo(str(step), err=True)
