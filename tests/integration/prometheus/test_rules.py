"""What is shipped for Prometheus, judged by its own programs."""

from pathlib import Path

import pytest
import yaml

from tests.integration.prometheus.programs import DEPLOYED, check
from tests.unit.deploy.expressions import dashboards


def test_the_configurations_are_valid() -> None:
    check("promtool", "check", "config", "prometheus.yml")
    check("amtool", "check-config", "alertmanager.yml")


@pytest.mark.parametrize("file", sorted((DEPLOYED / "tests").glob("*.yml")), ids=lambda file: file.name)
def test_rules_do_what_their_tests_say(file: Path) -> None:
    check("promtool", "test", "rules", file)


def test_every_expression_of_the_dashboards_is_one_that_prometheus_reads(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:number_{number}", "expr": expression.replace("$stack", ".*")}
        for number, (_title, expression) in enumerate(dashboards())
    ]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    check("promtool", "check", "rules", file)


ROUTED = [
    ("duty", {"severity": "error", "cause": "kafka"}),
    ("office-hours", {"severity": "warning", "cause": "undeclared"}),
    ("orders-team,duty", {"severity": "error", "owner": "orders-team", "cause": "dwd.orders"}),
]


@pytest.mark.parametrize(("receivers", "labels"), ROUTED, ids=[receivers for receivers, _ in ROUTED])
def test_an_alert_goes_to_its_owner_and_to_whoever_its_severity_asks_for(
    receivers: str, labels: dict[str, str]
) -> None:
    said = [f"{name}={value}" for name, value in labels.items()]
    check(
        "amtool", "config", "routes", "test", "--config.file=alertmanager.yml", f"--verify.receivers={receivers}", *said
    )
