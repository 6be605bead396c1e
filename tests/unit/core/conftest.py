"""A small, sound warehouse of sensors, to be broken in one place at a time."""

from collections.abc import Callable
from pathlib import Path

import pytest

from headwater.loader import load
from headwater.problem import InvalidWarehouse

FILES = {
    "markets.yaml": "markets:\n  fi: {name: Finland, zone: Europe/Helsinki}\n",
    "ods/readings/table.yaml": """\
description: What sensors measured.
owner: sensing
topic: {name: ods.readings, format: json}
columns:
  sensor: {type: STRING, required: true}
  degrees: {type: DOUBLE}
  read_at: {type: TIMESTAMP_LTZ(3), required: true}
event_time: {column: read_at}
""",
    "ods/places/table.yaml": """\
description: Where sensors hang.
owner: sensing
topic: {name: ods.places, format: debezium-json}
key: [sensor]
columns:
  sensor: {type: STRING}
  place: {type: STRING}
  moved_at: {type: TIMESTAMP_LTZ(3), required: true}
""",
    "dwd/sensors/table.yaml": """\
description: One row per sensor.
owner: sensing
key: [sensor]
columns:
  sensor: {type: STRING}
  place: {type: STRING}
  moved_at: {type: TIMESTAMP_LTZ(3)}
  degrees: {type: DOUBLE}
  read_at: {type: TIMESTAMP_LTZ(3)}
flows:
  from_places: {sequence: moved_at}
  from_readings: {sequence: read_at}
event_time: {column: read_at}
freshness: {warn_after: 1m, fail_after: 5m}
checks:
  - not_null: [place]
  - sql: too_hot.sql
""",
    "dwd/sensors/from_places.sql": "SELECT sensor, place, moved_at FROM ods.places\n",
    "dwd/sensors/from_readings.sql": "SELECT\n  sensor, degrees, read_at\nFROM ods.readings\n",
    "dwd/sensors/checks/too_hot.sql": "SELECT sensor FROM dwd.sensors WHERE degrees > 90\n",
    "dm/warmth/table.yaml": """\
description: Readings per place and minute.
owner: sensing
key: [place, minute_at]
columns:
  place: {type: STRING}
  minute_at: {type: TIMESTAMP_LTZ(3)}
  readings: {type: BIGINT}
""",
    "dm/warmth/select.sql": """\
SELECT place, FLOOR(read_at TO MINUTE) AS minute_at, COUNT(*) AS readings
FROM dwd.sensors
GROUP BY place, FLOOR(read_at TO MINUTE)
""",
    "rpt/daily_warmth/table.yaml": """\
description: Readings per local day.
owner: sensing
schedule: {at: "01:30", start_date: 2026-11-01}
columns:
  market: {type: STRING}
  local_date: {type: DATE}
  sensors: {type: BIGINT}
""",
    "rpt/daily_warmth/select.sql": """\
SELECT d.market, d.local_date, COUNT(*) AS sensors
FROM dwd.sensors AS s
JOIN calendar.local_day AS d ON s.read_at >= d.starts_at AND s.read_at < d.ends_at
GROUP BY d.market, d.local_date
""",
}


class Sensors:
    """The sound warehouse on disk, and ways to break it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for path, text in FILES.items():
            self.write(path, text)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def replace(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text()
        assert old in text, f"{old} is not in {path}"
        self.write(path, text.replace(old, new))

    def remove(self, path: str) -> None:
        (self.root / path).unlink()

    def problems(self) -> list[str]:
        """Every problem, as it is printed, with paths as seen from the warehouse."""
        try:
            load(self.root)
        except InvalidWarehouse as invalid:
            return [
                str(problem).replace(f"{self.root}/", "").replace(str(self.root), ".") for problem in invalid.problems
            ]
        return []


@pytest.fixture
def sensors(tmp_path: Path) -> Sensors:
    return Sensors(tmp_path / "w")


Break = Callable[[Sensors], None]
