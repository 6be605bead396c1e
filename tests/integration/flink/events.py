"""A copy of one topic, and counts over it: the tables that tests about faults break and mend."""

from typing import Any

from tests.integration.flink.house import House

EVENTS, COUNTS = "dwd.events#", "dm.counts#"
COUNTS_SQL = "SELECT MOD(id, 3) AS grp, COUNT(*) AS events, SUM(size) AS size FROM dwd.events# GROUP BY MOD(id, 3)\n"


def declare_events(house: House) -> None:
    """Declare `dwd.events`, and make its topic."""
    house.source(
        "event",
        """
        id: {type: BIGINT, required: true}
        size: {type: BIGINT}
        seen_at: {type: TIMESTAMP_LTZ(3), required: true}
        """,
        event_time="{column: seen_at}",
    )
    house.write(
        "dwd/events#/table.yaml",
        """
        description: events
        owner: tests
        key: [id]
        columns: {id: {type: BIGINT}, size: {type: BIGINT}, seen_at: {type: TIMESTAMP_LTZ(3)}}
        job: {checkpoint_interval: 500ms}
        """,
    )
    house.write("dwd/events#/select.sql", "SELECT id, size, seen_at FROM ods.event#\n")


def declare_counts(house: House) -> None:
    """Declare `dm.counts` over `dwd.events`: what is lost or doubled there shows in it for ever."""
    house.write(
        "dm/counts#/table.yaml",
        """
        description: counts
        owner: tests
        key: [grp]
        columns: {grp: {type: BIGINT}, events: {type: BIGINT}, size: {type: BIGINT}}
        job: {checkpoint_interval: 500ms}
        """,
    )
    house.write("dm/counts#/select.sql", COUNTS_SQL)


def event(number: int, size: object) -> dict[str, object]:
    """One record of the topic."""
    return {"id": number, "size": size, "seen_at": "2026-11-22T03:00:00.000Z"}


def await_counts(house: House, sizes: dict[int, int]) -> None:
    """Wait until `dm.counts` holds just these events, by id."""
    expected: list[tuple[Any, ...]] = [
        (group, len(found), sum(found))
        for group in range(3)
        if (found := [size for number, size in sizes.items() if number % 3 == group])
    ]
    house.await_values(COUNTS, ("grp", "events", "size"), expected)
