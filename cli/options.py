"""Reading of values that several commands take."""

from collections.abc import Iterable

import click

from headwater.model import TableName


def table_names(texts: Iterable[str]) -> frozenset[TableName]:
    """`layer.table` names as given by hand. Raises click.BadParameter (exit status 2) for anything else."""
    names = set()
    for text in texts:
        try:
            names.add(TableName.parse(text))
        except ValueError as error:
            raise click.BadParameter(f"«{text}» is no table's name; write layer.table, such as dwd.orders") from error
    return frozenset(names)


def all_models(models: Iterable[str]) -> None:
    """See that no model was named. Raises click.UsageError (exit status 2)."""
    if tuple(models):
        raise click.UsageError("--stop-undeclared is about the whole warehouse; leave --model out")
