"""What things are called in Dagster: asset keys, owners, code versions."""

import hashlib
from collections.abc import Hashable
from functools import lru_cache

import dagster as dg

from headwater.compile.job import ENGINE_VERSION
from headwater.model import Column, Model, TableName, Warehouse

ENGINE = "flink"


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


def code_versions(warehouse: Warehouse) -> dict[TableName, str]:
    """For each model that has flows, a hash that changes whenever the declarations behind its job or report change.

    It covers the model and what it reads: columns, formats, event times. It stands in for the job's fingerprint,
    which is only had by compiling the job; compiling all of them would cost more than all the rest of a load.
    Descriptions, owners, freshness and checks do not count: none of them touches the job.
    """
    interfaces = {model.name: _interface(model) for model in warehouse.models}
    versions = {}
    for model in warehouse.models:
        if model.flows:
            parts = [ENGINE_VERSION, interfaces[model.name], _described(model.storage), _described(model.job)]
            parts += [interfaces[name] for name in model.reads]
            for flow in model.flows:
                parts += [flow.name, flow.sequence or "", flow.sql]
            versions[model.name] = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
    return versions


def _interface(model: Model) -> str:
    columns = ";".join(map(_column, model.columns))
    return f"{model.name} {columns} {model.key} {model.partition_by} {model.topic} {_described(model.event_time)}"


@lru_cache(maxsize=1 << 12)
def _described(settings: Hashable) -> str:
    return repr(settings)


@lru_cache(maxsize=1 << 16)
def _column(column: Column) -> str:
    return f"{column.name} {column.type} {column.required}"
