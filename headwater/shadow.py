"""A table rebuilt beside the one that readers use: the names of the second table and of the job that writes it."""

from dataclasses import replace

from headwater.model import Model, TableName

SUFFIX = "__shadow"
"""What a shadow's name ends with. No declared table may end so."""


def shadow(name: TableName) -> TableName:
    """The name of a table's shadow, and of the job that writes it."""
    return TableName(name.layer, name.table + SUFFIX)


def is_shadow(name: TableName) -> bool:
    """The name is a shadow's."""
    return name.table.endswith(SUFFIX)


def shadowed(name: TableName) -> TableName:
    """The table that a shadow stands beside."""
    return TableName(name.layer, name.table.removesuffix(SUFFIX))


def shadow_table(model: Model) -> Model:
    """A model of the same table under its shadow's name."""
    return replace(model, name=shadow(model.name))
