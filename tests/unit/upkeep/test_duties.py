"""What is done for a table, what is left alone, and that nothing is done in a dry run."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from headwater.footprint import Bucket
from headwater.model import TableName
from headwater.upkeep.duty import Outcome
from resources.paimon import tags
from resources.paimon.writer import writing
from resources.upkeep import compacting, expiry, orphans
from resources.upkeep.place import Place, Target
from tests.unit.upkeep.conftest import DAILY, NOW, ORDERS, Lake

DEAD = "headwater-rpt.x-4194999-1795424512-abcdef"
DUTIES = [expiry.expire, compacting.compact, orphans.remove]


def history(lake: Lake, name: TableName, commits: int) -> None:
    for _ in range(commits):
        lake.write(name, [1])


def test_snapshots_of_a_report_go_after_a_hundred_days_and_ten_stay(lake: Lake) -> None:
    history(lake, DAILY, 13)
    lake.age(DAILY, range(1, 13), 101)
    outcome = expiry.expire(lake.place(), lake.target(DAILY))
    assert outcome.found == 3
    assert lake.calls.made == ["expire 3 of rpt.daily, keep 10, 100 days"]
    assert outcome.done == "expired 3 snapshots"


def test_young_snapshots_of_a_report_stay(lake: Lake) -> None:
    history(lake, DAILY, 12)
    lake.age(DAILY, [1, 2], 99)
    assert expiry.expire(lake.place(), lake.target(DAILY)).found == 0
    assert lake.calls.made == []


def test_snapshots_of_a_stream_s_table_are_left_to_its_job(lake: Lake) -> None:
    history(lake, ORDERS, 13)
    lake.age(ORDERS, range(1, 13), 8)
    assert expiry.expire(lake.place(), lake.target(ORDERS)).found == 0
    assert lake.calls.made == []


def test_tags_of_dead_runs_and_of_lost_savepoints_go_and_all_others_stay(lake: Lake) -> None:
    history(lake, ORDERS, 1)
    alive = tags.named("rpt.x", tags.new_run_id())
    kept, lost, young = "savepoint-aaaaaa-1", "savepoint-bbbbbb-2", "savepoint-cccccc-3"
    for tag in (DEAD, alive, kept, lost, young, "monthly"):
        tags.create(lake.stack.lake, ORDERS, 1, tag)
    (lake.stack.job_state / "dwd.orders" / "0123" / "savepoints" / kept).mkdir(parents=True)
    week_ago = time.time() - 8 * 86400
    for tag in (kept, lost):
        os.utime(lake.folder(ORDERS) / "tag" / f"tag-{tag}", (week_ago, week_ago))
    outcome = expiry.expire(lake.place(), lake.target(ORDERS))
    assert set(tags.names(lake.stack.lake, ORDERS)) == {alive, kept, young, "monthly"}
    assert lake.calls.made == [f"delete tag {DEAD} of dwd.orders", f"delete tag {lost} of dwd.orders"]
    assert (len(outcome.before.tags), len(outcome.after.tags)) == (6, 4)


def test_tags_that_were_made_for_a_term_are_left_to_paimon_to_judge(lake: Lake) -> None:
    history(lake, ORDERS, 1)
    tags.create(lake.stack.lake, ORDERS, 1, "for_a_day")
    file = lake.folder(ORDERS) / "tag" / "tag-for_a_day"
    file.write_text(file.read_text().replace("{", '{"tagTimeRetained": 86400.0,', 1))
    expiry.expire(lake.place(), lake.target(ORDERS))
    assert lake.calls.made == ["expire tags of dwd.orders"]


def test_a_report_that_is_being_written_is_left(lake: Lake) -> None:
    history(lake, DAILY, 13)
    lake.age(DAILY, range(1, 13), 101)
    with writing(lake.stack.home, DAILY, patience=0):
        outcomes = [duty(lake.place(), lake.target(DAILY)) for duty in (expiry.expire, compacting.compact)]
    assert lake.calls.made == []
    assert [outcome.left for outcome in outcomes] == [f"Another run (pid {os.getpid()}) is writing rpt.daily"] * 2


def test_a_report_in_many_small_files_is_compacted(lake: Lake) -> None:
    history(lake, DAILY, 4)
    assert compacting.compact(lake.place(), lake.target(DAILY)).found == 0
    history(lake, DAILY, 1)
    outcome = compacting.compact(lake.place(), lake.target(DAILY))
    assert outcome.found == 5
    assert lake.calls.made == ["compact rpt.daily, 100 days"]


def test_a_stream_s_table_is_never_compacted_but_looked_at(lake: Lake) -> None:
    history(lake, ORDERS, 9)
    target = lake.target(ORDERS)
    outcome = compacting.compact(lake.place(), target)
    assert lake.calls.made == []
    assert outcome.fault == (
        "bucket 0 of local_date=2026-11-01 has 9 files of level 0, more than 8: "
        "its job does not keep up with compacting, or does not run"
    )
    patient = replace(target, options={"num-sorted-run.compaction-trigger": "10"})
    assert compacting.compact(lake.place(), patient).fault == ""
    few = replace(target, files=replace(target.files, buckets=(Bucket("", 0, 90, 8, 1, 1),)))
    assert compacting.compact(lake.place(), few).fault == ""


def test_orphans_are_looked_for_before_they_are_removed_and_the_newest_snapshot_is_held(lake: Lake) -> None:
    history(lake, ORDERS, 2)
    lake.calls.orphaned = (3, 4096)
    outcome = orphans.remove(lake.place(), lake.target(ORDERS))
    assert lake.calls.made == ["look for orphans of dwd.orders, 8 days", "remove orphans of dwd.orders, 8 days"]
    (looked,), (removed,) = lake.calls.tags_then
    assert looked == removed
    assert looked.startswith(f"headwater-upkeep-{os.getpid()}-")
    assert tags.names(lake.stack.lake, ORDERS) == ()
    assert (outcome.found, outcome.found_bytes, outcome.done) == (3, 4096, "removed 3 files, 4,096 bytes")


@pytest.mark.parametrize("committed", [{}, {ORDERS: NOW - timedelta(days=2)}], ids=["no job", "no checkpoint"])
def test_orphans_stay_while_a_job_may_have_to_commit_them(lake: Lake, committed: dict[TableName, datetime]) -> None:
    history(lake, ORDERS, 1)
    history(lake, DAILY, 1)
    lake.calls.orphaned = (3, 4096)
    place = replace(lake.place(), committed=committed)
    outcome = orphans.remove(place, lake.target(ORDERS))
    assert lake.calls.made == ["look for orphans of dwd.orders, 8 days"]
    assert (outcome.found, outcome.done) == (3, "")
    assert "files that it has yet to commit look like orphans" in outcome.left
    assert orphans.remove(place, lake.target(DAILY)).done == "removed 3 files, 4,096 bytes"


def test_nothing_is_removed_where_no_orphan_is_found(lake: Lake) -> None:
    history(lake, ORDERS, 1)
    orphans.remove(lake.place(), lake.target(ORDERS))
    assert lake.calls.made == ["look for orphans of dwd.orders, 8 days"]


def test_the_hold_goes_with_its_files_when_the_snapshot_has_expired_meanwhile(lake: Lake) -> None:
    history(lake, ORDERS, 2)
    target = lake.target(ORDERS)

    class Expiring(type(lake.calls)):
        def orphans(self, *_: object, **__: object) -> tuple[int, int]:
            (lake.folder(ORDERS) / "snapshot" / "snapshot-2").unlink()
            return 0, 0

    place = replace(lake.place(), procedures=(calls := Expiring(lake.stack.lake)))
    orphans.remove(place, target)
    (made,) = calls.made
    assert made.startswith("delete tag headwater-upkeep-")


def test_live_files_that_are_gone_are_an_alarm(lake: Lake) -> None:
    history(lake, ORDERS, 1)
    lake.calls.orphaned = (1, 1)
    target = lake.target(ORDERS)
    (file,) = lake.folder(ORDERS).rglob("data-*")
    file.unlink()
    outcome = orphans.remove(lake.place(), target)
    assert outcome.fault.startswith(f"data files of snapshot 1 are missing: {file.name}")


@pytest.mark.parametrize("duty", DUTIES, ids=lambda duty: duty.__name__)
@pytest.mark.parametrize("name", [DAILY, ORDERS], ids=str)
def test_a_dry_run_changes_nothing(lake: Lake, name: TableName, duty: Callable[[Place, Target], Outcome]) -> None:
    history(lake, name, 13)
    lake.age(name, range(1, 13), 8)
    tags.create(lake.stack.lake, name, 13, DEAD)
    lake.calls.orphaned = (2, 2)
    target = lake.target(name)
    outcome = duty(lake.place(dry_run=True), target)
    assert outcome.before == outcome.after == lake.target(name).files
    assert outcome.done == ""
    assert [call for call in lake.calls.made if not call.startswith("look for")] == []
