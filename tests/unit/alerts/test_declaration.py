"""alerts.yaml, read with the rest of the warehouse."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headwater.alerts.condition import Condition, Kind, Severity
from headwater.alerts.declaration import AlertsForm
from headwater.alerts.policy import Policy, Route
from headwater.loader import load
from headwater.tablefile import read_form
from tests.conftest import PROJECT

DECLARED = """\
hold: 45s
resolve_after: 3m
repeat_every: never
zone: Asia/Tokyo
windows:
  nightly: {subjects: [rpt.*], begins: "23:00", ends: "02:00", market: au, days: [sat], reason: big batch}
  noon: {subjects: ["*"], begins: "12:00", ends: "12:30"}
routes:
  - {owner: orders-*, to: HEADWATER_NOTIFY_ORDERS}
  - {severity: error, to: HEADWATER_NOTIFY_PAGER}
"""


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    (tmp_path / "alerts.yaml").write_text(DECLARED)
    (tmp_path / "markets.yaml").write_text("markets:\n  au: {name: Australia, zone: Australia/Sydney}\n")
    table = tmp_path / "ods" / "things"
    table.mkdir(parents=True)
    columns = "columns: {id: {type: BIGINT}}"
    (table / "table.yaml").write_text(f"description: x\nowner: y\ntopic: {{name: t, format: json}}\n{columns}\n")
    load(tmp_path, cache=tmp_path / "cache")
    return load(tmp_path, cache=tmp_path / "cache").alerts


def condition(owner: str, severity: Severity) -> Condition:
    return Condition(Kind.FRESHNESS, "dwd.orders", severity, "late", datetime(2026, 11, 1, tzinfo=UTC), owner=owner)


def test_it_is_read_as_it_is_declared_and_kept_in_the_cache(policy: Policy):
    assert (policy.hold, policy.resolve_after, policy.repeat_every) == (
        timedelta(seconds=45),
        timedelta(minutes=3),
        None,
    )
    assert policy.zone.key == "Asia/Tokyo"
    assert policy.routes == (
        Route("HEADWATER_NOTIFY_ORDERS", "orders-*"),
        Route("HEADWATER_NOTIFY_PAGER", "", Severity.ERROR),
    )


def test_a_window_is_open_by_its_market_s_clock_and_into_the_next_day(policy: Policy):
    nightly = policy.windows[0]
    # Saturday the 7th, 23:00 to 02:00 in Sydney (UTC+11) is 12:00 to 15:00 UTC.
    assert nightly.end(datetime(2026, 11, 7, 11, 59, tzinfo=UTC)) is None
    assert nightly.end(datetime(2026, 11, 7, 12, 0, tzinfo=UTC)) == datetime(2026, 11, 7, 15, 0, tzinfo=UTC)
    assert nightly.end(datetime(2026, 11, 7, 14, 59, tzinfo=UTC)) == datetime(2026, 11, 7, 15, 0, tzinfo=UTC)
    assert nightly.end(datetime(2026, 11, 7, 15, 0, tzinfo=UTC)) is None
    assert nightly.end(datetime(2026, 11, 8, 13, 0, tzinfo=UTC)) is None


def test_a_window_has_the_hours_that_the_wall_shows_across_a_change_of_the_clock(policy: Policy):
    # On 3 October 2026, a Saturday, clocks in Sydney go from 02:00 to 03:00 at the window's very end.
    assert policy.windows[0].end(datetime(2026, 10, 3, 13, 30, tzinfo=UTC)) == datetime(2026, 10, 3, 16, 0, tzinfo=UTC)


def test_a_window_says_what_it_silences(policy: Policy):
    (silence,) = policy.windows[0].silences(datetime(2026, 11, 7, 13, 0, tzinfo=UTC))
    assert (silence.pattern, silence.reason) == ("rpt.*", "maintenance window nightly: big batch")
    assert policy.windows[1].silences(datetime(2026, 11, 7, 13, 0, tzinfo=UTC)) == ()


@pytest.mark.parametrize(
    ("owner", "severity", "variables"),
    [
        ("orders-team", Severity.WARNING, ("HEADWATER_NOTIFY_ORDERS",)),
        ("orders-team", Severity.ERROR, ("HEADWATER_NOTIFY_ORDERS", "HEADWATER_NOTIFY_PAGER")),
        ("others", Severity.ERROR, ("HEADWATER_NOTIFY_PAGER",)),
        ("others", Severity.WARNING, ("HEADWATER_NOTIFY",)),
    ],
)
def test_it_goes_to_every_route_that_takes_it_and_else_to_the_default(
    policy: Policy, owner: str, severity: Severity, variables: tuple[str, ...]
):
    assert policy.variables((condition(owner, severity),)) == variables


def test_the_example_in_the_docs_is_read_as_it_stands():
    text = (PROJECT / "docs" / "alerts.md").read_text(encoding="utf-8")
    example = text.split("```yaml\n")[1].split("```")[0]
    _, form, problems = read_form(Path("alerts.yaml"), example, AlertsForm)
    assert problems == []
    assert form is not None
    defaults = AlertsForm()
    for name in ("hold", "resolve_after", "repeat_every"):
        assert getattr(form, name) == getattr(defaults, name) == getattr(Policy(), name)


def test_an_alert_whose_cause_nobody_s_route_takes_goes_to_the_default_as_well(policy: Policy):
    broker = Condition(Kind.PROCESS, "kafka", Severity.WARNING, "down", datetime(2026, 11, 1, tzinfo=UTC))
    told = policy.variables((broker, condition("orders-team", Severity.WARNING)))
    assert told == ("HEADWATER_NOTIFY_ORDERS", "HEADWATER_NOTIFY")
