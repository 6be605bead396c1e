"""Random tables made by Flink, whose rows must be the same for our reader; `headwater bench reader` has hundreds."""

from benchmarks.readerproof import Proof, prove
from headwater.stack import Stack
from tests.integration.paimon.flinkbatch import FlinkBatch


def test_random_tables_are_read_as_flink_reads_them(stack: Stack, flink: FlinkBatch) -> None:
    proof = Proof()
    prove(flink.execute, stack.lake, range(500, 512), 3, proof, "dwd.random_")
    assert proof.wrong == []
    assert 30 <= proof.cases <= 36
    assert set(proof.paths) >= {"plain", "merged"}
