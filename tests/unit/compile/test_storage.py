"""Which Paimon options a declaration implies, and the DDL made of them."""

from dataclasses import replace

import pytest

from headwater.compile.storage import (
    add_columns,
    create_catalog,
    create_table,
    reset_options,
    set_options,
    table_options,
)
from headwater.model import ChangelogProducer, Column, Merge, Model, Storage
from headwater.sqltype import SqlType
from tests.unit.compile.declared import COUNTS, FROM_LEFT, LEFT, THINGS

STRING = SqlType("STRING")
EXPIRY = {"consumer.expiration-time": "7 d"}


def stored(storage: Storage, model: Model = COUNTS) -> dict[str, str]:
    return table_options(replace(model, storage=storage))


@pytest.mark.parametrize("changelog", [ChangelogProducer.NONE, ChangelogProducer.INPUT])
def test_a_deduplicated_table_has_fixed_buckets_and_its_changelog(changelog: ChangelogProducer) -> None:
    assert stored(Storage(Merge.DEDUPLICATE, changelog, buckets=3)) == EXPIRY | {
        "bucket": "3",
        "merge-engine": "deduplicate",
        "changelog-producer": changelog.value,
    }


def test_a_lookup_changelog_leaves_out_rows_that_did_not_change() -> None:
    assert stored(Storage(Merge.DEDUPLICATE, ChangelogProducer.LOOKUP))["changelog-producer.row-deduplicate"] == "true"


def test_a_partial_update_table_orders_each_flow_by_its_own_sequence_and_ignores_deletes() -> None:
    assert table_options(THINGS) == EXPIRY | {
        "bucket": "1",
        "merge-engine": "partial-update",
        "changelog-producer": "lookup",
        "changelog-producer.row-deduplicate": "true",
        "ignore-delete": "true",
        "fields.left_at.sequence-group": "amount",
        "fields.right_at.sequence-group": "note",
    }


def test_a_flow_without_sequence_has_no_sequence_group() -> None:
    unordered = replace(THINGS, flows=(replace(FROM_LEFT, sequence=None),))
    assert not [key for key in table_options(unordered) if key.startswith("fields.")]


def test_an_append_table_has_neither_buckets_nor_a_merge_engine() -> None:
    assert stored(Storage(Merge.APPEND, ChangelogProducer.NONE)) == EXPIRY


def test_a_declared_option_wins() -> None:
    declared = Storage(Merge.APPEND, ChangelogProducer.NONE, options=(("consumer.expiration-time", "30 d"), ("a", "b")))
    assert stored(declared) == {"consumer.expiration-time": "30 d", "a": "b"}


def test_a_topic_has_no_storage() -> None:
    with pytest.raises(ValueError, match=r"ods\.left has no storage"):
        table_options(LEFT)


def test_a_table_is_created_with_its_words_keys_and_partitions() -> None:
    model = replace(
        COUNTS,
        description="Bob's notes",
        columns=(replace(COUNTS.columns[0], description="it's `text`"), *COUNTS.columns[1:]),
        partition_by=("note",),
        storage=Storage(Merge.DEDUPLICATE, ChangelogProducer.NONE),
    )
    assert create_table(model) == (
        "CREATE DATABASE IF NOT EXISTS lake.`dm`",
        """\
CREATE TABLE IF NOT EXISTS lake.`dm`.`counts` (
  `note` STRING NOT NULL COMMENT 'it''s `text`',
  `things` BIGINT,
  PRIMARY KEY (`note`) NOT ENFORCED
) COMMENT 'Bob''s notes' PARTITIONED BY (`note`) WITH (
  'bucket' = '1',
  'changelog-producer' = 'none',
  'consumer.expiration-time' = '7 d',
  'merge-engine' = 'deduplicate'
)""",
    )


def test_columns_are_added_where_they_are_declared_because_jobs_bind_them_in_that_order() -> None:
    first, middle, last = (Column(name, STRING, required=name == "first") for name in ("first", "middle", "last"))
    model = replace(COUNTS, columns=(first, COUNTS.columns[0], middle, COUNTS.columns[1], last))
    assert add_columns(model, (first, middle, last)) == (
        "ALTER TABLE lake.`dm`.`counts` ADD (\n"
        "  `first` STRING FIRST,\n"
        "  `middle` STRING AFTER `note`,\n"
        "  `last` STRING AFTER `things`\n)"
    )


def test_options_are_set_and_reset() -> None:
    assert set_options(COUNTS, {"b": "2", "a": "it's"}) == (
        "ALTER TABLE lake.`dm`.`counts` SET (\n  'a' = 'it''s',\n  'b' = '2'\n)"
    )
    assert reset_options(COUNTS, ("a", "b")) == "ALTER TABLE lake.`dm`.`counts` RESET ('a', 'b')"


def test_the_catalog_stands_over_the_lake() -> None:
    assert create_catalog("file:///lake") == (
        "CREATE CATALOG lake WITH (\n  'type' = 'paimon',\n  'warehouse' = 'file:///lake'\n)"
    )
