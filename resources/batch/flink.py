"""A streaming model computed by Flink batch over pinned inputs, its rows in a lake of its own."""

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import replace

from headwater.compile.batchjob import compile_batch
from headwater.compile.binding import Addresses, Pins
from headwater.compile.text import file_uri
from headwater.model import Model, Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.batch.inputs import Inputs
from resources.deploy import addresses
from resources.flink.gateway import Gateway, StatementRefused
from resources.paimon.reader import PinnedTable
from resources.paimon.store import FilesystemTableStore

_SECONDS = 3600.0


@contextlib.contextmanager
def flink_batch(
    stack: Stack, declared: Warehouse, model: Model, inputs: Inputs, *, why: HeadwaterError | None = None
) -> Iterator[PinnedTable | None]:
    """The model's rows by batch over these inputs, as a table of a scratch lake that is gone when the block ends.

    None when there is no row.

    Args:
        inputs: Pinned; protected until the rows have been computed.
        why: Why DuckDB does not compute it, for the message when Flink does not either.

    Raises HeadwaterError when Flink does not answer, or refuses the model.
    """
    folder = stack.home / "batch" / f"{model.name}-{secrets.token_hex(4)}"
    folder.mkdir(parents=True)
    try:
        pins = Pins(
            {pinned.table: pinned.snapshot.id for pinned in inputs.tables},
            inputs.tag,
            {topic.table: {span.partition: (span.start, span.end) for span in topic.spans} for topic in inputs.topics},
        )
        scratch = Addresses(lake=file_uri(folder), kafka=stack.kafka)
        job = compile_batch(model, declared.model, replace(addresses(stack), pins=pins), scratch)
        with contextlib.closing(Gateway(stack.gateway_url)) as gateway, gateway.session(job.properties) as session:
            for statement in job.bindings:
                session.execute(statement)
            session.execute(job.insert, {"pipeline.name": f"batch of {model.name}"}, timeout=_SECONDS)
        snapshot = FilesystemTableStore(folder).latest_snapshot(model.name)
        yield PinnedTable(folder, model.name, snapshot.id) if snapshot else None
    except StatementRefused as refused:
        raise HeadwaterError(
            f"{model.name} is computed neither by DuckDB ({why.failed if why else 'not asked'}) nor by Flink batch:"
            f" {refused.cause}",
            left="nothing was computed",
            next_command="write the SELECT otherwise; «One SQL, three engines» says what each engine takes",
        ) from refused
    finally:
        shutil.rmtree(folder, ignore_errors=True)
