"""`headwater replay`: rejected records go back to their topic, at most once each."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.replay import command
from headwater.model import Column, Layer, Model, TableName, Topic, TopicFormat, Warehouse
from headwater.problem import HeadwaterError
from headwater.replay import Place, Rejected, why_not
from headwater.sqltype import SqlType
from headwater.stack import Stack
from resources.kafka import KafkaBroker
from resources.replay import replayed
from tests.unit.batch.daily import Write

COLUMNS = {
    "source": "STRING",
    "kafka_partition": "INT",
    "kafka_offset": "BIGINT",
    "reason": "STRING",
    "payload": "STRING",
}
CLICKS = Model(
    name=TableName(Layer.ODS, "clicks"),
    file=Path("ods/clicks/table.yaml"),
    description="",
    owner="",
    columns=(Column("id", SqlType("BIGINT")),),
    topic=Topic("web.clicks", TopicFormat.JSON, 2),
)
WRONG = '{"id": "one"}'
BROKEN = '{"id": 2'
RECORDS = [
    ("ods.clicks", 1, 7, "type:id", WRONG),
    ("ods.clicks", 0, 3, "not_json", BROKEN),
    ("ods.other", 0, 4, "type:id", WRONG),
]


@dataclass
class MemoryTopic:
    """What was written to the broker; it takes `room` records before it fails."""

    records: list[tuple[str, int | None, bytes]] = field(default_factory=list)
    room: int = 100

    def write(self, topic: str, value: bytes, *, partition: int | None = None) -> None:
        if len(self.records) == self.room:
            raise HeadwaterError("Writing to Kafka failed", unreachable=True)
        self.records.append((topic, partition, value))


Run = Callable[..., Result]


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> MemoryTopic:
    written = MemoryTopic()

    @contextmanager
    def writer(_address: str) -> Iterator[MemoryTopic]:
        yield written

    monkeypatch.setattr("resources.replay.writer", writer)
    monkeypatch.setattr(KafkaBroker, "partitions", lambda _broker, topics: dict.fromkeys(topics, 2))
    return written


@pytest.fixture
def run(stack: Stack, write: Write, topic: MemoryTopic, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command for the source of clicks, over these rejected records."""
    del stack, topic
    write("ods.rejected", COLUMNS, RECORDS)
    monkeypatch.setattr("resources.declarations.warehouse", lambda _stack: Warehouse(Path("warehouse"), (CLICKS,)))
    return lambda *arguments: CliRunner().invoke(command, ["ods.clicks", *map(str, arguments)], env={"COLUMNS": "200"})


def states(result: Result) -> dict[int, str]:
    return {entry["offset"]: entry["state"] for entry in json.loads(result.output)["records"]}


@pytest.mark.parametrize(
    ("reason", "payload", "why"),
    [
        ("type:id", WRONG, ""),
        ("not_json", '{"id": 2}', ""),
        ("not_json", BROKEN, "it is not JSON"),
        ("type:id", "[1]", "it is JSON, but no object"),
        ("not_utf8", '{"id": "\ufffd"}', "it holds replacement characters, in place of bytes that were no UTF-8"),
        ("wrong_shape", '{"op": "u"}', "it is as it came, and would be rejected as wrong_shape again"),
    ],
)
def test_what_would_be_rejected_again_in_any_case_is_not_written(reason: str, payload: str, why: str) -> None:
    came = payload if reason == "wrong_shape" else BROKEN if reason == "not_json" else WRONG
    assert why_not(Rejected(Place("ods.clicks", 0, 1), reason, came), payload) == why


def test_without_yes_nothing_is_written_and_what_would_be_is_shown(run: Run, topic: MemoryTopic) -> None:
    result = run()
    assert [line.split()[:3] for line in result.output.splitlines()[1:3]] == [
        ["0", "3", "not_json"],
        ["1", "7", "type:id"],
    ]
    assert "cannot be written: it is not JSON" in result.output
    assert "Nothing was written; the same with --yes writes." in result.output
    assert (result.exit_code, topic.records) == (1, [])


def test_records_of_one_reason_go_back_to_the_partition_they_came_from(run: Run, topic: MemoryTopic) -> None:
    result = run("--reason", "type:id", "--yes")
    assert (result.exit_code, topic.records) == (0, [("web.clicks", 1, WRONG.encode())])
    assert "1 records written back." in result.output


def test_a_record_is_written_once_and_shown_as_written(run: Run, topic: MemoryTopic) -> None:
    run("--reason", "type:id", "--yes")
    again = run("--reason", "type:id", "--yes", "--json")
    assert len(topic.records) == 1
    assert json.loads(again.output)["written"] == 0
    assert states(again) == {7: "written"}
    assert states(run("--json")) == {3: "not written", 7: "written"}


def test_one_that_cannot_be_written_keeps_all_from_being_written(run: Run, topic: MemoryTopic) -> None:
    result = run("--yes")
    assert isinstance(result.exception, HeadwaterError)
    assert result.exception.failed == "The record ods.clicks/0/3 cannot be written back: it is not JSON"
    assert topic.records == []


def test_what_was_mended_in_a_file_is_written_and_nothing_else(run: Run, topic: MemoryTopic, tmp_path: Path) -> None:
    file = tmp_path / "clicks.jsonl"
    run("--save", file)
    first, _ = file.read_text().splitlines()
    assert json.loads(first) == {"partition": 0, "offset": 3, "reason": "not_json", "payload": BROKEN}
    file.write_text(json.dumps({"partition": 0, "offset": 3, "payload": {"id": 2}}) + "\n")
    assert "Nothing was written" in run("--mended", file).output
    told = json.loads(run("--mended", file, "--yes", "--json").output)
    assert topic.records == [("web.clicks", 0, b'{"id": 2}')]
    assert (told["written"], told["records"][0]["mended"]) == (1, True)
    assert states(run("--json")) == {3: "written", 7: "not written"}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["x"], "clicks.jsonl:1:1: this is no record as --save writes it"),
        (['{"partition": 0, "offset": 3}'], "clicks.jsonl:1:1: this is no record as --save writes it"),
        (['{"partition": 0, "offset": 99, "payload": "{}"}'], "ods.clicks/0/99 is not among the rejected records"),
        (['{"partition": 0, "offset": 3, "payload": "{}"}'] * 2, "clicks.jsonl:2:1: the record ods.clicks/0/3 stands"),
    ],
)
def test_a_line_that_is_no_rejected_record_is_named(run: Run, tmp_path: Path, lines: list[str], said: str) -> None:
    file = tmp_path / "clicks.jsonl"
    file.write_text("\n".join(lines))
    result = run("--mended", file, "--yes")
    assert isinstance(result.exception, HeadwaterError)
    assert said in str(result.exception)


def test_a_record_whose_writing_was_cut_off_is_not_written_again(run: Run, topic: MemoryTopic, stack: Stack) -> None:
    topic.room = 0
    assert isinstance(run("--reason", "type:id", "--yes").exception, HeadwaterError)
    topic.room = 100
    assert states(run("--reason", "type:id", "--yes", "--json")) == {7: "cut off"}
    assert topic.records == []
    (done,) = replayed(stack).values()
    assert (done.place, done.is_sent) == (Place("ods.clicks", 1, 7), False)


def test_a_line_of_a_killed_process_spoils_no_other(run: Run, stack: Stack) -> None:
    (stack.home / "replayed.jsonl").write_text('{"source": "ods.clicks", "parti')
    run("--reason", "type:id", "--yes")
    assert list(replayed(stack)) == [Place("ods.clicks", 1, 7)]


def test_a_partition_that_is_gone_is_told_before_anything_is_noted(
    run: Run, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KafkaBroker, "partitions", lambda _broker, topics: dict.fromkeys(topics, 1))
    result = run("--reason", "type:id", "--yes")
    assert "The topic web.clicks has 1 partitions, and the record ods.clicks/1/7 came" in str(result.exception)
    assert replayed(stack) == {}


def test_no_rejected_record_is_nothing_to_write_back(
    stack: Stack, topic: MemoryTopic, monkeypatch: pytest.MonkeyPatch
) -> None:
    del stack, topic
    monkeypatch.setattr("resources.declarations.warehouse", lambda _stack: Warehouse(Path("warehouse"), (CLICKS,)))
    result = CliRunner().invoke(command, ["ods.clicks", "--yes"])
    assert (result.exit_code, result.output) == (0, "0 records written back.\n")


def test_a_table_that_is_no_source_is_refused(run: Run) -> None:
    del run
    result = CliRunner().invoke(command, ["dwd.orders"])
    assert isinstance(result.exception, HeadwaterError)
    assert result.exception.left == "the sources are ods.clicks"
