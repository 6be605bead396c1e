"""Source topics as external assets: Dagster knows them, upstream writes them."""

import dagster as dg

from assets.metadata import column_schema, declared_in
from assets.naming import owners, table_key
from headwater.model import Model


def source_spec(model: Model) -> dg.AssetSpec:
    """The asset of an ods table that a Kafka topic feeds."""
    metadata = {
        "dagster/column_schema": column_schema(model),
        "headwater/declared_in": declared_in(model),
    }
    if model.topic:
        metadata["kafka/topic"] = model.topic.name
        metadata["kafka/format"] = model.topic.format.value
    return dg.AssetSpec(
        table_key(model.name),
        description=model.description or None,
        group_name=model.name.layer.value,
        kinds={"kafka"},
        owners=owners(model),
        metadata=metadata,
    )
