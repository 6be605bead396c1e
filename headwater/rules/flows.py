"""Rules of a table and the flows that feed it: which columns they give, and of which type."""

from collections.abc import Callable, Iterator

from headwater.assemble import merge_of
from headwater.calendar import calendar_name
from headwater.coercion import Fit, can_store
from headwater.declaration import ReportForm, SourceForm, StreamForm
from headwater.diagnostics import closest
from headwater.draft import Draft, DraftFlow
from headwater.model import Grain, Merge
from headwater.problem import Problem


def broken_rules(draft: Draft) -> Iterator[Problem]:
    """What is wrong between this table and its flows, including what is wrong in the flows themselves."""
    if isinstance(draft.form, SourceForm):
        for flow in draft.flows:
            advice = "Move it to a dwd or dm table that reads this one."
            yield flow.problem(f"{draft.name} is a source: its rows come from a topic, not from SQL", advice)
        return
    for flow in draft.flows:
        yield from flow.analysis.problems
    for rule in _RULES:
        yield from rule(draft)


def _is_partial(draft: Draft) -> bool:
    return isinstance(draft.form, StreamForm) and merge_of(draft.form) is Merge.PARTIAL_UPDATE


def _given(flow: DraftFlow) -> set[str]:
    """Every column that the flow names, also those whose type is a problem of its own."""
    return set(flow.analysis.places or ())


def _has_the_right_number_of_flows(draft: Draft) -> Iterator[Problem]:
    if not draft.flows:
        yield draft.at_key(
            message=f"{draft.name} has no flow", advice="Add a file select.sql with one SELECT beside it."
        )
    if isinstance(draft.form, ReportForm):
        for flow in draft.flows[1:]:
            yield flow.problem(
                f"{draft.name} is a report and already has the flow {draft.flows[0].file.name}", "Use UNION ALL."
            )


def _settings_belong_to_flows(draft: Draft) -> Iterator[Problem]:
    if isinstance(draft.form, StreamForm):
        names = [flow.name for flow in draft.flows]
        for name in draft.form.flows:
            if name not in names:
                message = f"there is no file {name}.sql beside this one"
                yield draft.at_key("flows", name, message=message, advice=closest(name, names))


def _gives_declared_columns_only(draft: Draft) -> Iterator[Problem]:
    for flow in draft.flows:
        for column in _given(flow):
            if column not in draft.form.columns:
                advice = closest(column, list(draft.form.columns)) or "Declare it in table.yaml, or leave it out."
                yield flow.problem(f"«{column}» is not a column of {draft.name}", advice, column)


def _gives_the_declared_types(draft: Draft) -> Iterator[Problem]:
    declared = {column.name: column.type for column in draft.columns}
    for flow in draft.flows:
        for column in flow.analysis.outputs:
            wanted = declared.get(column.name)
            fit = can_store(column.type, wanted) if wanted else Fit.SAME
            if fit in (Fit.LOSES, Fit.REFUSED):
                message = f"«{column.name}» is {column.type} here, but {wanted} in {draft.name}"
                cut = (
                    "Values may be cut, rounded or become NULL. If that is meant, write"
                    if fit is Fit.LOSES
                    else "Write"
                )
                yield flow.problem(message, f"{cut} CAST(… AS {wanted}) AS {column.name}.", column.name)


def _gives_the_key(draft: Draft) -> Iterator[Problem]:
    for flow in draft.flows:
        missing = [name for name in draft.key if name in draft.form.columns and name not in _given(flow)]
        if flow.is_sound and missing:
            yield flow.problem(
                f"this flow does not give {_listed(missing)} of the key", "A flow names the row it feeds."
            )


def _gives_every_column(draft: Draft) -> Iterator[Problem]:
    """A column without any flow is always NULL. Where flows give whole rows, each gives all columns."""
    if not draft.flows or not all(flow.is_sound for flow in draft.flows):
        return
    others = [name for name in draft.form.columns if name not in draft.key]
    given = set().union(*(_given(flow) for flow in draft.flows))
    for name in others:
        if name not in given:
            advice = "Give it in a flow, or remove it."
            yield draft.at_key("columns", name, message=f"no flow gives column «{name}»", advice=advice)
    if _is_partial(draft):
        return
    for flow in draft.flows:
        missing = [name for name in others if name in given and name not in _given(flow)]
        if missing:
            advice = "Give them too, or say merge: partial-update and a sequence for each flow."
            yield flow.problem(f"this flow does not give {_listed(missing)}, and each flow writes whole rows", advice)


def _orders_its_updates(draft: Draft) -> Iterator[Problem]:
    if not _is_partial(draft):
        return
    for flow in draft.flows:
        sequence = draft.sequence(flow.name)
        if sequence is None:
            message = f"the flow {flow.name} has no sequence: a late fact would overwrite a newer one"
            advice = f"Say flows: {{{flow.name}: {{sequence: <column>}}}}."
            yield draft.at_key("flows", flow.name, message=message, advice=advice)
        elif sequence in draft.key:
            message = f"«{sequence}» is of the key, so it cannot order updates of a row"
            yield draft.at_value("flows", flow.name, "sequence", message=message, advice="Use a time or a version.")
        elif flow.is_sound and sequence in draft.form.columns and sequence not in _given(flow):
            message = f"the flow {flow.name} goes by «{sequence}» but does not give it"
            advice = closest(sequence, sorted(_given(flow))) or f"Add it to the SELECT of {flow.file.name}."
            yield draft.at_value("flows", flow.name, "sequence", message=message, advice=advice)


def _leaves_columns_of_other_flows_alone(draft: Draft) -> Iterator[Problem]:
    if not _is_partial(draft):
        return
    owner: dict[str, str] = {}
    for flow in draft.flows:
        for column in flow.analysis.places or ():
            if column in draft.key:
                continue
            first = owner.setdefault(column, flow.name)
            if first != flow.name:
                message = f"«{column}» is given by {first} too: two sequences would decide over one column"
                yield flow.problem(message, "Leave it out of one of the two flows.", column)


def _report_goes_by_the_calendar(draft: Draft) -> Iterator[Problem]:
    if not isinstance(draft.form, ReportForm):
        return
    name = calendar_name(draft.grain)
    what = "market and local date" if draft.grain is Grain.DAY else "market and local month"
    alias = name.partition("_")[2][0]
    for flow in draft.flows:
        others = [other for other in flow.analysis.calendars if other != name]
        if others:
            message = f"a report by {draft.grain.value}s has {name}, and not {others[0]}"
            yield flow.problem(message, f"JOIN {name}, or change partition_by.")
        elif flow.is_sound and name not in flow.analysis.calendars:
            message = f"a report takes its {what} from {name}, which this one does not read"
            yield flow.problem(message, f"JOIN {name} AS {alias} ON … >= {alias}.starts_at AND … < {alias}.ends_at.")


def _listed(names: list[str]) -> str:
    return ", ".join(f"«{name}»" for name in names)


_RULES: tuple[Callable[[Draft], Iterator[Problem]], ...] = (
    _has_the_right_number_of_flows,
    _settings_belong_to_flows,
    _gives_declared_columns_only,
    _gives_the_declared_types,
    _gives_the_key,
    _gives_every_column,
    _orders_its_updates,
    _leaves_columns_of_other_flows_alone,
    _report_goes_by_the_calendar,
)
