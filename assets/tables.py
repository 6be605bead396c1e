"""Paimon tables as external assets: a Flink job writes them, and the snapshot sensor says when."""

import dagster as dg

from assets.metadata import freshness_policy, table_metadata
from assets.naming import job_key, owners, table_key
from headwater.model import Model


def table_spec(model: Model) -> dg.AssetSpec:
    """The asset of a table that a streaming job keeps up to date, downstream of that job."""
    return dg.AssetSpec(
        table_key(model.name),
        deps=[job_key(model.name)],
        description=model.description or None,
        group_name=model.name.layer.value,
        kinds={"paimon"},
        owners=owners(model),
        metadata=table_metadata(model),
        freshness_policy=freshness_policy(model.freshness) if model.freshness else None,
    )
