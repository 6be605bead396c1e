"""Where columns come from, as Dagster shows it."""

from dataclasses import replace
from pathlib import Path

import dagster as dg

from assets.lineage import COLUMN_LINEAGE
from assets.metadata import column_schema
from assets.naming import table_key
from assets.sensors.snapshots import sweep
from headwater.model import Flow, Model, Origin, OutputColumn
from tests.unit.assets.conftest import Platform
from tests.unit.assets.declared import CLICKS, COLUMNS, DAILY, HITS, USERS, VISITS, report, source, streaming, warehouse
from tests.unit.assets.inmemory import NOW

NOT_KNOWN = None


def flow(**made_of: tuple[Origin, ...] | None) -> Flow:
    """A flow that gives these of the columns that every table here has."""
    types = {column.name: column.type for column in COLUMNS}
    outputs = tuple(OutputColumn(name, types[name]) for name in made_of)
    reads = tuple(dict.fromkeys(table for origins in made_of.values() for table, _ in origins or ()))
    return Flow("a", Path("a.sql"), "SELECT", reads, outputs, made_of=tuple(made_of.values()))


def fed(model: Model, *flows: Flow) -> Model:
    return replace(model, flows=flows)


FROM_TWO = fed(
    streaming(VISITS),
    flow(id=((CLICKS, "id"),), market=((CLICKS, "city"), (CLICKS, "land"))),
    flow(id=((USERS, "number"),), seen_at=()),
)


def deps(lineage: object) -> dict[str, list[str]]:
    assert isinstance(lineage, dg.TableColumnLineage)
    return {
        name: [f"{dep.asset_key.to_user_string()} {dep.column_name}" for dep in found]
        for name, found in lineage.deps_by_column.items()
    }


def descriptions(model: Model) -> dict[str, str | None]:
    return {column.name: column.description for column in column_schema(model).columns}


def test_a_columns_description_says_where_it_comes_from() -> None:
    assert descriptions(FROM_TWO) == {
        "id": "The row's number.\n\n"
        "from [ods.clicks](/assets/ods/clicks) `id`, [ods.users](/assets/ods/users) `number`",
        "market": "from [ods.clicks](/assets/ods/clicks) `city`, `land`",
        "seen_at": "When it happened.",
    }


def test_a_source_comes_from_no_table() -> None:
    assert descriptions(source(CLICKS)) == {"id": "The row's number.", "market": None, "seen_at": "When it happened."}


def test_what_is_not_known_is_said() -> None:
    half = fed(streaming(VISITS), flow(id=((CLICKS, "id"),)), flow(id=NOT_KNOWN))
    assert descriptions(half)["id"] == "The row's number.\n\nwhere from could not be worked out"


def test_the_definition_and_each_new_snapshot_tell(platform: Platform) -> None:
    platform.warehouse = warehouse(source(CLICKS), source(USERS), FROM_TWO)
    shown = platform.definitions().resolve_asset_graph().get(table_key(VISITS)).metadata["dagster/column_schema"]
    schema = shown.value if isinstance(shown, dg.TableSchemaMetadataValue) else shown
    assert schema == column_schema(FROM_TWO)
    platform.store.commit(FROM_TWO, 8)
    (event,) = sweep(platform.warehouse, platform.store, (), {}, NOW).events
    platform.instance.report_runless_asset_event(event)
    newest = platform.instance.get_latest_materialization_event(table_key(VISITS))
    assert newest is not None
    assert newest.asset_materialization is not None
    assert deps(newest.asset_materialization.metadata[COLUMN_LINEAGE].value) == {
        "id": ["ods/clicks id", "ods/users number"],
        "market": ["ods/clicks city", "ods/clicks land"],
        "seen_at": [],
    }


def test_a_column_that_is_not_wholly_known_is_left_out(platform: Platform) -> None:
    half = fed(streaming(VISITS), flow(id=((CLICKS, "id"),), market=NOT_KNOWN), flow(market=((USERS, "id"),)))
    platform.warehouse = warehouse(source(CLICKS), source(USERS), half)
    platform.store.commit(half, 8)
    (event,) = sweep(platform.warehouse, platform.store, (), {}, NOW).events
    assert deps(event.metadata[COLUMN_LINEAGE].value) == {"id": ["ods/clicks id"]}


def test_a_report_tells_with_each_partition(platform: Platform) -> None:
    daily = fed(report(DAILY), flow(id=((HITS, "id"),), market=()))
    platform.warehouse = warehouse(source(CLICKS), streaming(HITS, CLICKS), daily)
    result = platform.materialize(table_key(DAILY), partition_key="2026-11-16|in")
    (event,) = result.get_asset_materialization_events()
    metadata = event.step_materialization_data.materialization.metadata
    assert deps(metadata[COLUMN_LINEAGE].value) == {"id": ["dm/hits id"], "market": []}
