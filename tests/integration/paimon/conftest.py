"""Flink in batch mode over the stack's lake."""

from collections.abc import Iterator

import pytest

from headwater.stack import Stack
from tests.integration.paimon.flinkbatch import FlinkBatch, flink_batch


@pytest.fixture(scope="module")
def flink(stack: Stack) -> Iterator[FlinkBatch]:
    """A session of the stack's SQL gateway."""
    with flink_batch(stack) as session:
        yield session
