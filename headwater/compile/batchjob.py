"""A streaming model's SELECT as a batch job: the same bindings and the same INSERT, over pinned inputs.

The rows are written into a table of the same form in a scratch lake, where Paimon merges them as it does in the model's
own table; it keeps no changelog.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from headwater.compile import binding
from headwater.compile.binding import Addresses
from headwater.compile.job import PARALLELISM, insert_of, read_bindings
from headwater.model import ChangelogProducer, Model, TableName
from headwater.problem import HeadwaterError

PROPERTIES = {
    "execution.runtime-mode": "batch",
    PARALLELISM: "1",
    "table.local-time-zone": "UTC",
    "table.exec.sink.upsert-materialize": "NONE",
    # The statement ends when its job has.
    "table.dml-sync": "true",
    # A batch job that fails would fail again, and somebody waits.
    "restart-strategy.type": "none",
}


@dataclass(frozen=True, slots=True)
class BatchJob:
    """What Flink is given to compute a model by batch.

    Args:
        properties: Of the session.
        bindings: Statements that make the session's tables and views.
        insert: The INSERT into the scratch table.
    """

    properties: dict[str, str]
    bindings: tuple[str, ...]
    insert: str


def compile_batch(
    model: Model, upstream: Callable[[TableName], Model], addresses: Addresses, scratch: Addresses
) -> BatchJob:
    """Compile a streaming model for one computation.

    Args:
        upstream: Gives the model of a table that a flow reads.
        addresses: Where the inputs are, with `pins`.
        scratch: An empty lake that the rows are written to.

    Raises HeadwaterError for a model that needs the rows before changes of a topic: in batch Flink reads topics of
    plain records alone.
    """
    assert model.storage is not None
    assert addresses.pins is not None
    reads = read_bindings(model, upstream, addresses)
    if any("'format' = 'debezium-json'" in statement for statement in reads):
        raise HeadwaterError(
            f"Flink batch does not compute {model.name}: it reads no topic of changes",
            left="nothing was computed",
            next_command="put a table with a key between the topic and this model",
        )
    quiet = replace(model, storage=replace(model.storage, changelog=ChangelogProducer.NONE))
    writes = binding.write_table(quiet, replace(scratch, is_scratch=True), model.name)
    return BatchJob(dict(PROPERTIES), (*reads, *writes), insert_of(model))
