"""A warehouse of any size for measuring: sources, tables fed by two facts, measures over them."""

import sys
from pathlib import Path

_SOURCE = """\
description: Changes of fact {number}, as its upstream publishes them.
owner: team-{team}
topic: {{name: ods.fact_{number}, format: debezium-json, partitions: 1}}
key: [entity_id]
columns:
  entity_id: {{type: BIGINT, required: true, description: What the fact is about.}}
  market: {{type: STRING, required: true, description: Code of the market.}}
  entity_day: {{type: DATE, required: true, description: UTC date of the entity's creation.}}
  kind: {{type: STRING, description: Kind of entity.}}
  amount_{number}: {{type: "DECIMAL(12, 2)", description: An amount.}}
  note_{number}: {{type: STRING, description: A remark.}}
  changed_at: {{type: TIMESTAMP_LTZ(3), required: true, description: When the fact last changed.}}
event_time: {{column: changed_at, lateness: 20s}}
"""

_DETAIL = """\
description: One row per entity {number}, assembled from two facts.
owner: team-{team}
key: [market, entity_day, entity_id]
partition_by: [market, entity_day]
columns:
  market: {{type: STRING, description: Code of the market.}}
  entity_day: {{type: DATE, description: UTC date of the entity's creation.}}
  entity_id: {{type: BIGINT, description: The entity's number.}}
  kind: {{type: STRING, description: Kind of entity.}}
  amount: {{type: "DECIMAL(12, 2)", description: An amount.}}
  changed_at: {{type: TIMESTAMP_LTZ(3), description: The first fact's last change.}}
  remark: {{type: STRING, description: A remark.}}
  remarked_at: {{type: TIMESTAMP_LTZ(3), description: The second fact's last change.}}
flows:
  from_amounts: {{sequence: changed_at}}
  from_remarks: {{sequence: remarked_at}}
event_time: {{column: changed_at}}
freshness: {{warn_after: 2m, fail_after: 10m}}
checks:
  - not_null: [changed_at]
"""

_FROM_AMOUNTS = """\
SELECT market, entity_day, entity_id, kind, amount_{first} AS amount, changed_at
FROM ods.fact_{first}
"""

_FROM_REMARKS = """\
SELECT market, entity_day, entity_id, UPPER(note_{second}) AS remark, changed_at AS remarked_at
FROM ods.fact_{second}
WHERE note_{second} IS NOT NULL
"""

_MEASURE = """\
description: Entities {number} per market, kind and minute.
owner: team-{team}
key: [minute_day, market, minute_at, kind]
partition_by: [minute_day]
columns:
  minute_day: {{type: DATE, description: UTC date of the minute.}}
  market: {{type: STRING, description: Code of the market.}}
  minute_at: {{type: TIMESTAMP_LTZ(3), description: The minute's first instant.}}
  kind: {{type: STRING, description: Kind of entity.}}
  entities: {{type: BIGINT, description: How many.}}
  amount: {{type: "DECIMAL(38, 2)", description: Sum of their amounts.}}
event_time: {{column: minute_at}}
job: {{state_ttl: 36h}}
"""

_MEASURE_SQL = """\
SELECT
  CAST(minute_at AS DATE) AS minute_day, market, minute_at, kind,
  COUNT(*) AS entities,
  SUM(amount) AS amount
FROM (
  SELECT
    market, FLOOR(changed_at TO MINUTE) AS minute_at,
    COALESCE(kind, 'unknown') AS kind, COALESCE(amount, CAST(0 AS DECIMAL(12, 2))) AS amount
  FROM dwd.entity_{number}
  WHERE changed_at IS NOT NULL
)
GROUP BY market, minute_at, kind
"""

_MARKETS = """\
markets:
  hk: {name: Hong Kong, zone: Asia/Hong_Kong, currency: HKD}
  br: {name: Brazil, zone: America/Sao_Paulo, currency: BRL}
"""


def write_warehouse(root: Path, models: int) -> None:
    """Write a valid warehouse of this many tables: of each four two sources, a table of two flows, and a measure.

    A remainder of one to three tables is made of sources.
    """
    root.mkdir(parents=True, exist_ok=True)
    (root / "markets.yaml").write_text(_MARKETS)
    groups = models // 4
    for number in range(2 * groups + models % 4):
        words = {"number": number, "team": number % 20}
        _write(root / "ods" / f"fact_{number}", {"table.yaml": _SOURCE.format(**words)})
    for number in range(groups):
        words = {"number": number, "team": number % 20, "first": 2 * number, "second": 2 * number + 1}
        detail = {"table.yaml": _DETAIL, "from_amounts.sql": _FROM_AMOUNTS, "from_remarks.sql": _FROM_REMARKS}
        measure = {"table.yaml": _MEASURE, "select.sql": _MEASURE_SQL}
        _write(root / "dwd" / f"entity_{number}", {name: text.format(**words) for name, text in detail.items()})
        _write(root / "dm" / f"per_minute_{number}", {name: text.format(**words) for name, text in measure.items()})


def _write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    write_warehouse(Path(sys.argv[1]), models=int(sys.argv[2]))
