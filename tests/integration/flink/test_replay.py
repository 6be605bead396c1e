"""A rejected record that was mended goes back over its topic into the table."""

from dataclasses import replace

from headwater.checks.kinds import Check, Malformed
from headwater.compile.rejects import REJECTED
from headwater.loader import load
from resources.checks.examine import examine
from resources.replay import rejected, replay, replayed
from tests.integration.flink.events import EVENTS, event
from tests.integration.flink.house import House
from tests.integration.waiting import eventually


def test_a_mended_record_comes_into_the_table_and_is_not_written_twice(events: House) -> None:
    stack = events.stack
    declared = load(stack.warehouse)
    source = declared.model(events.table("ods.event#"))
    events.send("event#", [event(1, 10), event(2, "many"), event(3, 30), event(4, "few")])
    with events.leaving(str(REJECTED)):
        events.apply(EVENTS, str(REJECTED))
        events.await_values(EVENTS, ("id", "size"), [(1, 10), (3, 30)])
        eventually(lambda: len(rejected(stack, source)) == 2, "two records rejected")
        many, few = rejected(stack, source)
        assert (many.reason, many.place.offset, few.place.offset) == ("type:size", 1, 3)
        assert many.payload == '{"id": 2, "size": "many", "seen_at": "2026-11-22T03:00:00.000Z"}'

        mended = {many.place: many.payload.replace('"many"', "20")}
        assert replay(stack, source, mended, [many]) == 1
        events.await_values(EVENTS, ("id", "size"), [(1, 10), (2, 20), (3, 30)])
        assert replay(stack, source, mended, [many]) == 0
        assert [done.is_sent for done in replayed(stack).values() if done.place == many.place] == [True]

        # One that was not mended is rejected again, in its new place.
        assert replay(stack, source, {}, [few]) == 1
        eventually(lambda: len(rejected(stack, source)) == 3, "the record rejected once more")
        model = replace(declared.model(events.table(EVENTS)), checks=(Check(Malformed(0.01)),))
        (found,) = examine(stack, declared, model).outcomes
        assert (found.passed, found.failing) == (False, 3)
        assert found.said == "3 of 6 records within 1h were rejected, 50.00%"
        assert [row["kafka_offset"] for row in found.sample] == ["5", "3", "1"]
