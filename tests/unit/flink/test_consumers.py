"""How far jobs have read tables, from the files that their consumers leave."""

import json
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headwater.lag.progress import Backlog
from headwater.model import TableName
from headwater.problem import HeadwaterError
from resources.paimon.consumers import table_progress

TABLE, READER = TableName.parse("dwd.events"), TableName.parse("dm.counts")


def write(lake: Path, path: str, text: str) -> Path:
    file = lake / "dwd.db" / "events" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def commit(lake: Path, number: int) -> None:
    write(lake, f"snapshot/snapshot-{number}", json.dumps({"timeMillis": number * 1000}))


def at(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    for number in (3, 4, 5):
        commit(tmp_path, number)
    return tmp_path


def test_what_waits_is_every_snapshot_from_the_one_that_is_read_next(lake: Path) -> None:
    write(lake, "consumer/consumer-dm.counts", '{"nextSnapshot": 4}')
    found = table_progress(lake, TABLE, READER)
    assert (found.unkept, found.kept_at) == (Backlog(2, at(4)), at(3))


def test_nothing_waits_for_a_job_that_has_read_the_newest(lake: Path) -> None:
    write(lake, "consumer/consumer-dm.counts", '{\n  "nextSnapshot" : 6\n}')
    found = table_progress(lake, TABLE, READER)
    assert (found.unkept, found.kept_at) == (Backlog(), at(5))


def test_everything_waits_for_a_job_that_has_made_no_checkpoint(lake: Path) -> None:
    assert table_progress(lake, TABLE, READER).unkept == Backlog(3, at(3))


def test_a_file_that_is_being_written_over_is_looked_at_again(lake: Path) -> None:
    file = write(lake, "consumer/consumer-dm.counts", "")
    writer = threading.Timer(0.02, lambda: file.write_text('{"nextSnapshot": 5}'))
    writer.start()
    assert table_progress(lake, TABLE, READER).unkept.waiting == 1
    writer.join()


def test_a_file_that_stays_empty_is_told(lake: Path) -> None:
    write(lake, "consumer/consumer-dm.counts", "")
    with pytest.raises(HeadwaterError, match=r"how far dm\.counts has read dwd\.events is not known"):
        table_progress(lake, TABLE, READER)
