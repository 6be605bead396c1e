"""What is refused before Flink is given anything."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from headwater.compile.job import compile_job
from headwater.problem import HeadwaterError
from resources.flink.engine import FlinkEngine
from tests.unit.compile.declared import HERE, THINGS, UPSTREAM
from tests.unit.flink.conftest import Answers
from tests.unit.plan.inmemory import retained


def test_a_job_is_not_started_over_a_broker_that_is_gone(flink: Answers, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        broker = f"127.0.0.1:{closed_soon.getsockname()[1]}"
    job = compile_job(THINGS, UPSTREAM, replace(HERE, kafka=broker))
    with pytest.raises(HeadwaterError) as raised:
        FlinkEngine(flink.url, flink.url, tmp_path / "lake", tmp_path / "state", "kafka:9092").submit(
            job, retained("dwd.things")
        )
    assert raised.value.failed.startswith(f"No Kafka broker answers at {broker}, from which dwd.things reads: ")
    assert raised.value.left == "the table dwd.things, its state at /state/savepoint-1; no job writes it"
    assert raised.value.unreachable
    assert flink.asked == []
