"""One op for many assets, built so that it stays cheap at thousands of them."""

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.decorators.op_decorator import DecoratedOpFunction
from dagster._core.definitions.output import OutputDefinition

Body = Callable[[dg.AssetExecutionContext], Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]]


def one_operation(
    name: str,
    body: Body,
    specs: Sequence[dg.AssetSpec],
    *,
    checks: Iterable[dg.AssetCheckSpec] = (),
    resources: Iterable[str] = (),
    pool: str | None = None,
    backfill_policy: dg.BackfillPolicy | None = None,
    description: str | None = None,
) -> dg.AssetsDefinition:
    """A subsettable multi-asset: a run executes `body` once, for the assets and checks that were selected.

    It differs from `dagster.multi_asset` in what it leaves out: an op input for every dependency. Inputs order
    the steps of one run; what these assets depend on is either never executed by Dagster (tables that a stream
    keeps, topics) or made by this very op, in the order that `body` takes. At 5,000 jobs that halves the load.
    """
    outputs: dict[str, dg.Out] = {}
    keys = {}
    for spec in specs:
        output = "__".join(spec.key.path)
        outputs[output] = _OUT
        keys[output] = spec.key
    check_specs = {}
    for check in checks:
        output = check.get_python_identifier()
        outputs[output] = _OUT
        check_specs[output] = check
    op = dg.OpDefinition(
        compute_fn=DecoratedOpFunction(body),
        name=name,
        outs=outputs,
        description=description,
        required_resource_keys=set(resources),
        pool=pool,
    )
    return dg.AssetsDefinition(
        node_def=op,
        keys_by_input_name={},
        keys_by_output_name=keys,
        specs=specs,
        check_specs_by_output_name=check_specs,
        can_subset=True,
        backfill_policy=backfill_policy,
    )


class _SharedOut(dg.Out):
    """An output whose definition is copied from one prototype: resolving its type anew would take most of the time."""

    def to_definition(
        self, annotation_type: type, name: str | None, description: str | None, code_version: str | None
    ) -> OutputDefinition:
        definition = copy.copy(_PROTOTYPE)
        vars(definition)["_name"] = name
        return definition


_OUT = _SharedOut(dg.Nothing, is_required=False)
_PROTOTYPE = OutputDefinition(dg.Nothing, is_required=False)
