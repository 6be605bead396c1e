"""What things are called in Dagster: asset keys and owners."""

import dagster as dg

from headwater.model import Model, TableName

ENGINE = "flink"

RESTART = "headwater/restart"
"""Tag of a run that starts a job again which has ended by itself: the table's name."""


def table_key(name: TableName) -> dg.AssetKey:
    """The asset of a table: `dwd.orders` is `dwd/orders`."""
    return dg.AssetKey([name.layer.value, name.table])


def job_key(name: TableName) -> dg.AssetKey:
    """The asset of the job that keeps a table: the job of `dwd.orders` is `flink/dwd_orders`."""
    return dg.AssetKey([ENGINE, f"{name.layer.value}_{name.table}"])


def owners(model: Model) -> list[str] | None:
    """A declared owner as Dagster wants it: an e-mail address, or `team:<name>`."""
    if not model.owner:
        return None
    return [model.owner if "@" in model.owner or model.owner.startswith("team:") else f"team:{model.owner}"]
