"""Rules of tables whose rows are distributed by a topic: whether the topic can say what the table says."""

from collections.abc import Callable, Iterator, Mapping

from headwater.assemble import merge_of
from headwater.declaration import SourceForm, StreamForm
from headwater.draft import Draft
from headwater.model import Merge, TableName
from headwater.problem import Problem

Drafts = Mapping[TableName, Draft]


def broken_rules(drafts: Drafts) -> Iterator[Problem]:
    """What is wrong about `distribute`."""
    sources = {draft.form.topic.name: name for name, draft in drafts.items() if isinstance(draft.form, SourceForm)}
    for draft in drafts.values():
        if isinstance(draft.form, StreamForm) and draft.form.distribute:
            for rule in _RULES:
                yield from rule(draft, draft.form)
            yield from _topic_is_its_own(draft, sources)


def _rows_are_whole(draft: Draft, form: StreamForm) -> Iterator[Problem]:
    merge = merge_of(form)
    if merge is Merge.APPEND:
        message = "rows without a key cannot be distributed: a job that starts again writes some of them twice"
        yield draft.at_value("distribute", message=message, advice="Say what identifies a row: key: […].")
    elif merge is Merge.PARTIAL_UPDATE:
        message = "the job writes parts of rows, which only the table makes whole"
        advice = "Distribute a table that reads this one."
        yield draft.at_value("distribute", message=message, advice=advice)


def _only_the_job_writes(draft: Draft, form: StreamForm) -> Iterator[Problem]:
    for index, check in enumerate(form.checks):
        if check.parity is not None and check.parity.repair:
            message = "a repair is written to the table alone, and those who read the topic would not see it"
            advice = "Leave repair or distribute out."
            yield draft.at_value("checks", index, "parity", "repair", message=message, advice=advice)


def _topic_is_its_own(draft: Draft, sources: Mapping[str, TableName]) -> Iterator[Problem]:
    taken = sources.get(str(draft.name))
    if taken is not None:
        message = f"{draft.name} is distributed by the topic «{draft.name}», which {taken} reads"
        yield draft.at_value("distribute", message=message, advice="Rename the table, or the source's topic.")


_RULES: tuple[Callable[[Draft, StreamForm], Iterator[Problem]], ...] = (_rows_are_whole, _only_the_job_writes)
