"""What several commands take: names of tables, and what a plan is made of."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from headwater.duration import parse_duration
from headwater.model import TableName

_CHOICES = (
    click.option("--warehouse", type=click.Path(file_okay=False), help="Declarations; default: the running stack's."),
    click.option(
        "--model", "models", multiple=True, metavar="TABLE", help="Only this model, as dwd.orders; repeatable."
    ),
    click.option("--rebuild", multiple=True, metavar="TABLE", help="Make this table anew beside its job; repeatable."),
    click.option(
        "--fresh", multiple=True, metavar="TABLE", help="Start this model's job without its state; repeatable."
    ),
    click.option(
        "--from",
        "earlier",
        multiple=True,
        metavar="STATE",
        type=click.Path(path_type=Path),
        help="Start the job of this checkpoint or savepoint from it, although it is not the newest; repeatable.",
    ),
    click.option("--stop-undeclared", is_flag=True, help="Also stop jobs that no model declares, with a savepoint."),
)


class Lasting(click.ParamType):
    """A length of time, as 30m, 2h or 90d."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def table_names(texts: Iterable[str]) -> frozenset[TableName]:
    """`layer.table` names as given by hand. Raises click.BadParameter (exit status 2) for anything else."""
    names = set()
    for text in texts:
        try:
            names.add(TableName.parse(text))
        except ValueError as error:
            raise click.BadParameter(f"«{text}» is no table's name; write layer.table, such as dwd.orders") from error
    return frozenset(names)


def choices(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that a plan is made of: what `plan` shows, `apply` carries out with the same ones."""
    for option in reversed(_CHOICES):
        command = option(command)
    return command


def chosen(
    *,
    models: tuple[str, ...],
    rebuild: tuple[str, ...],
    fresh: tuple[str, ...],
    earlier: tuple[Path, ...],
    stop_undeclared: bool,
) -> dict[str, Any]:
    """What was given to these options, as `resources.deploy` takes it. Raises click.UsageError (exit status 2)."""
    if stop_undeclared and models:
        raise click.UsageError("--stop-undeclared is about the whole warehouse; leave --model out")
    return {
        "models": table_names(models) or None,
        "rebuild": table_names(rebuild),
        "fresh": table_names(fresh),
        "earlier": earlier,
        "stop_undeclared": stop_undeclared,
    }
