"""How far a job has read a table, by the consumer that it leaves there.

`consumer/consumer-<id>` names the snapshot to be read next; all before it have been read, and belong to a completed
checkpoint of the job (https://paimon.apache.org/docs/master/flink/consumer-id/).
"""

import json
from pathlib import Path

from headwater.model import TableName
from resources.paimon.layout import table_path


def next_snapshot(lake: Path, table: TableName, reader: TableName) -> int | None:
    """The snapshot that the reader reads next; None where it has not noted one yet."""
    file = Path(table_path(lake, table)) / "consumer" / f"consumer-{reader}"
    try:
        return int(json.loads(file.read_text())["nextSnapshot"])
    except (FileNotFoundError, json.JSONDecodeError):
        return None
