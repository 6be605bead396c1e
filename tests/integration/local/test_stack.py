"""The engines of the local stack, running."""

import httpx

from headwater.stack import Stack
from resources.local import owned, ready
from resources.local.flink import SLOTS
from resources.local.processes import processes


def test_every_engine_answers(stack: Stack) -> None:
    assert ready.kafka_answers(stack)
    assert ready.gateway_answers(stack)
    assert httpx.get(f"{stack.flink_url}/overview").json()["slots-available"] <= SLOTS


def test_nothing_listens_beyond_loopback(stack: Stack) -> None:
    listening = {
        connection.laddr.ip
        for process in owned.owned(stack.home)
        for connection in process.net_connections(kind="inet")
        if connection.status == "LISTEN"
    }
    assert listening <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    assert listening


def test_status_names_every_process_with_its_memory(stack: Stack) -> None:
    found = {status.name: status for status in processes(stack)}
    assert found.keys() == {"kafka", "jobmanager", "taskmanager", "gateway", "keeper", "watch"}
    assert {status.state for status in found.values()} == {"RUNNING"}
    assert all(status.rss > 5e6 and status.pid and status.log.exists() for status in found.values())
