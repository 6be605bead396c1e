"""When people are told of what, by looks that a test makes up."""

from datetime import timedelta

import pytest

from headwater.alerts.condition import Condition, Kind, Severity
from headwater.alerts.incident import Change
from headwater.alerts.policy import Policy
from headwater.alerts.silence import Silence
from tests.unit.alerts.looks import Looks, job, late, process, until

OPENED, UPDATED, REPEATED, RESOLVED = Change.OPENED, Change.UPDATED, Change.REPEATED, Change.RESOLVED


@pytest.fixture
def looks() -> Looks:
    return Looks()


def test_a_flash_is_no_alert(looks: Looks):
    looks.see(process("kafka"), seconds=20)
    looks.see(seconds=300)
    assert looks.told == []
    assert looks.incidents == ()


def test_what_comes_and_goes_is_no_alert_however_often(looks: Looks):
    for _ in range(20):
        looks.see(late("dwd.orders"))
        looks.see()
    assert looks.told == []


def test_what_holds_is_told_once_after_it_has_held(looks: Looks):
    assert looks.see(late("dwd.orders"), seconds=20) == []
    assert [notice.change for notice in looks.see(late("dwd.orders"))] == [OPENED]
    assert looks.see(late("dwd.orders"), seconds=600) == []


def test_a_failed_run_is_told_at_once(looks: Looks):
    run = Condition(Kind.RUN, "rpt/daily_orders", Severity.ERROR, "failed", looks.at)
    assert [notice.change for notice in looks.see(run)] == [OPENED]


def test_it_is_over_once_it_has_been_gone_for_a_while(looks: Looks):
    looks.see(late("dwd.orders"), seconds=40)
    assert looks.see(seconds=60) == []
    over = looks.see()
    assert [(notice.change, notice.incident.cause) for notice in over] == [(RESOLVED, "table:dwd.orders")]
    assert looks.incidents == ()


def test_one_that_comes_back_before_it_is_over_is_the_same(looks: Looks):
    looks.see(late("dwd.orders"), seconds=40)
    looks.see(seconds=40)
    looks.see(late("dwd.orders"), seconds=40)
    assert looks.changes() == [(OPENED, "table:dwd.orders")]


def test_what_could_not_be_looked_at_is_not_over(looks: Looks):
    looks.see(job("dwd.orders"), late("dwd.orders"), seconds=40)
    looks.see(seconds=600, blind=["job", "freshness:dwd.orders"])
    assert looks.changes() == [(OPENED, "table:dwd.orders")]
    looks.see(seconds=80)
    assert looks.changes()[1:] == [(RESOLVED, "table:dwd.orders")]


def test_it_is_repeated_by_policy(looks: Looks):
    looks.see(late("dwd.orders"), seconds=2 * 3600 + 120)
    assert [change for change, _ in looks.changes()] == [OPENED, REPEATED, REPEATED]


def test_it_is_not_repeated_when_the_policy_says_never():
    looks = Looks(Policy(repeat_every=None))
    looks.see(late("dwd.orders"), seconds=20_000)
    assert [change for change, _ in looks.changes()] == [OPENED]


def test_getting_worse_is_news_and_getting_better_is_not(looks: Looks):
    looks.see(late("dwd.orders", stale=False), seconds=60)
    looks.see(late("dwd.orders"), seconds=60)
    looks.see(late("dwd.orders", stale=False), seconds=60)
    assert [(n.change, n.incident.severity) for n in looks.told] == [
        (OPENED, Severity.WARNING),
        (UPDATED, Severity.ERROR),
    ]


def test_a_table_s_job_and_the_tables_downstream_of_it_are_one_alert(looks: Looks):
    orders = late("dwd.orders", affects=("dm.kpi", "rpt.daily"))
    looks.see(job("dwd.orders"), orders, late("dm.kpi", "dwd.orders", affects=("rpt.daily",)), seconds=60)
    assert looks.changes() == [(OPENED, "table:dwd.orders")]
    incident = looks.told[0].incident
    assert incident.lead.condition.words == "the job of dwd.orders fails"
    assert incident.affects == ("dm.kpi", "rpt.daily")


def test_a_table_whose_own_job_is_slow_is_an_alert_of_its_own(looks: Looks):
    looks.see(late("dwd.orders"), late("dm.kpi"), seconds=60)
    assert sorted(looks.changes()) == [(OPENED, "table:dm.kpi"), (OPENED, "table:dwd.orders")]


def test_one_dead_broker_is_one_alert_not_forty():
    looks = Looks(jobs=40)
    tables = [late(f"dwd.t{number}") for number in range(40)]
    looks.see(process("kafka"), *tables, seconds=600)
    assert looks.changes() == [(OPENED, "process:kafka")]
    assert len(looks.told[0].incident.affects) == 40


def test_when_many_are_ill_at_once_and_nothing_says_why_it_is_one_alert(looks: Looks):
    looks.jobs = 4
    looks.see(late("dwd.orders"), seconds=10)
    looks.see(late("dwd.orders"), late("dwd.drivers"), seconds=100)
    assert looks.changes() == [(OPENED, "cluster:flink")]
    assert looks.told[0].incident.affects == ("dwd.orders", "dwd.drivers")


def test_a_cause_that_is_known_later_updates_the_alert_and_makes_no_second_one(looks: Looks):
    orders, drivers = late("dwd.orders"), late("dwd.drivers")
    looks.see(orders, seconds=60)
    looks.see(orders, drivers, seconds=60)
    assert looks.changes() == [(OPENED, "table:dwd.orders"), (OPENED, "table:dwd.drivers")]
    updates = looks.see(orders, drivers, process("kafka"), seconds=120)
    assert [(n.change, n.incident.cause) for n in updates] == [(UPDATED, "process:kafka")]
    assert updates[0].incident.id == looks.told[0].incident.id
    assert updates[0].incident.absorbed == (looks.told[1].incident.id,)
    looks.see(seconds=120)
    assert [change for change, _ in looks.changes()[3:]] == [RESOLVED]


def test_a_table_that_was_blamed_gives_way_to_the_one_above_it(looks: Looks):
    looks.see(late("dm.kpi"), seconds=60)
    above = late("dwd.orders", affects=("dm.kpi",))
    looks.see(above, late("dm.kpi", "dwd.orders"), seconds=60)
    assert looks.changes() == [(OPENED, "table:dm.kpi"), (UPDATED, "table:dwd.orders")]
    assert len(looks.incidents) == 1


def test_a_deeper_cause_that_only_flashes_is_no_news(looks: Looks):
    looks.see(late("dwd.orders"), seconds=60)
    looks.see(late("dwd.orders"), process("kafka"), seconds=10)
    looks.see(late("dwd.orders"), seconds=200)
    assert looks.changes() == [(OPENED, "table:dwd.orders")]


def test_tables_that_catch_up_after_their_broker_came_back_are_no_second_alert(looks: Looks):
    orders, drivers = late("dwd.orders", affects=("dm.kpi",)), late("dwd.drivers")
    looks.see(process("kafka"), orders, drivers, seconds=60)
    looks.see(orders, late("dm.kpi", "dwd.orders"), drivers, seconds=300)
    looks.see(late("dm.kpi"), seconds=300)
    assert looks.changes() == [(OPENED, "process:kafka")]
    looks.see(seconds=100)
    assert [change for change, _ in looks.changes()] == [OPENED, RESOLVED]


def test_a_table_that_caught_up_first_and_fails_then_is_late_again_within_the_same_alert(looks: Looks):
    looks.see(late("dwd.orders", affects=("dm.kpi",)), seconds=60)
    looks.see(seconds=30)
    looks.see(late("dm.kpi"), seconds=200)
    assert looks.changes() == [(OPENED, "table:dwd.orders")]


def test_a_table_below_that_fails_by_itself_meanwhile_is_another_alert(looks: Looks):
    looks.see(late("dwd.orders", affects=("dm.kpi",)), seconds=60)
    looks.see(late("dwd.orders", affects=("dm.kpi",)), late("dm.kpi"), seconds=60)
    assert looks.changes() == [(OPENED, "table:dwd.orders"), (OPENED, "table:dm.kpi")]


def test_another_trouble_beside_it_is_another_alert(looks: Looks):
    looks.see(process("kafka"), late("dwd.orders"), seconds=60)
    looks.see(process("kafka"), process("dagster-daemon"), late("dwd.orders"), seconds=60)
    assert looks.changes() == [(OPENED, "process:kafka"), (OPENED, "process:dagster-daemon")]


def test_what_is_silenced_is_told_to_nobody_until_the_silence_ends(looks: Looks):
    silence = Silence("dwd.*", until(looks, 600), "moving house")
    looks.see(late("dwd.orders"), seconds=590, silences=(silence,))
    assert looks.told == []
    assert looks.incidents[0].muted == "moving house"
    assert looks.see(late("dwd.orders"), silences=(silence,)) == []
    assert [notice.change for notice in looks.see(late("dwd.orders"), silences=(silence,))] == [OPENED]


def test_a_silence_is_of_what_it_names(looks: Looks):
    silence = Silence("job:dwd.*", until(looks, 6000), "x")
    looks.see(late("dm.kpi"), job("dwd.orders"), seconds=100, silences=(silence,))
    assert looks.changes() == [(OPENED, "table:dm.kpi")]


def test_many_that_are_each_silenced_are_silenced_together(looks: Looks):
    looks.jobs = 2
    silences = (
        Silence("freshness:*", until(looks, 6000), "an apply"),
        Silence("job:*", until(looks, 6000), "an apply"),
    )
    looks.see(late("dwd.orders"), job("dwd.drivers"), seconds=300, silences=silences)
    assert looks.told == []
    assert [each.muted for each in looks.incidents] == ["an apply"]


def test_a_silenced_alert_is_not_repeated_and_its_end_is_told_to_those_who_know_of_it(looks: Looks):
    looks.see(late("dwd.orders"), seconds=60)
    silence = Silence("*", until(looks, 100_000), "x")
    looks.see(late("dwd.orders"), seconds=10_000, silences=(silence,))
    looks.see(seconds=100, silences=(silence,))
    assert [change for change, _ in looks.changes()] == [OPENED, RESOLVED]


def test_what_came_and_went_within_a_silence_is_never_told(looks: Looks):
    silence = Silence("*", until(looks, 1000), "headwater down")
    looks.see(process("kafka"), late("dwd.orders"), seconds=300, silences=(silence,))
    looks.see(seconds=600)
    assert looks.told == []


def test_a_long_pause_between_two_looks_is_not_holding(looks: Looks):
    looks.see(late("dwd.orders"))
    looks.at += timedelta(hours=1)
    assert looks.see(late("dwd.orders")) == []
    assert [notice.change for notice in looks.see(late("dwd.orders"), seconds=20)] == [OPENED]


def test_an_open_alert_outlives_a_long_pause(looks: Looks):
    looks.see(late("dwd.orders"), seconds=60)
    looks.at += timedelta(hours=3)
    looks.see(seconds=60)
    assert [change for change, _ in looks.changes()] == [OPENED]
    looks.see()
    assert [change for change, _ in looks.changes()] == [OPENED, RESOLVED]
