"""Rules between tables: what may read what, and what there may be only one of."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

from headwater.assemble import changelog_of
from headwater.declaration import ReportForm, SourceForm, StreamForm
from headwater.draft import Draft, DraftFlow
from headwater.graph import cycles
from headwater.model import ChangelogProducer, Layer, TableName
from headwater.problem import Position, Problem

Drafts = Mapping[TableName, Draft]


def broken_rules(drafts: Drafts, markets: int | None) -> Iterator[Problem]:
    """What is wrong between the tables of a warehouse."""
    yield from _topics_are_read_once(drafts)
    yield from _reports_have_markets(drafts, markets)
    yield from _streams_read_streams(drafts)
    yield from _readers_get_a_changelog(drafts)
    yield from _windows_go_by_event_time(drafts)
    yield from _nothing_reads_itself(drafts)


def _topics_are_read_once(drafts: Drafts) -> Iterator[Problem]:
    first: dict[str, TableName] = {}
    for name, draft in drafts.items():
        if isinstance(draft.form, SourceForm):
            topic = draft.form.topic.name
            holder = first.setdefault(topic, name)
            if holder != name:
                message = f"the topic «{topic}» is declared as {holder} already"
                yield draft.at_value("topic", "name", message=message, advice=f"Read {holder} instead.")


def _reports_have_markets(drafts: Drafts, markets: int | None) -> Iterator[Problem]:
    if markets == 0:
        for draft in drafts.values():
            if isinstance(draft.form, ReportForm):
                message = f"{draft.name} is made per market, and the warehouse has none"
                yield draft.at_key(message=message, advice="Declare them in markets.yaml.")


def _streaming_reads(drafts: Drafts) -> Iterator[tuple[Draft, DraftFlow, Draft]]:
    """Each (reader, its flow, what it reads) of the tables that a stream keeps."""
    for draft in drafts.values():
        if isinstance(draft.form, StreamForm):
            for flow in draft.flows:
                for upstream in flow.analysis.reads:
                    if upstream in drafts:
                        yield draft, flow, drafts[upstream]


def _streams_read_streams(drafts: Drafts) -> Iterator[Problem]:
    for reader, flow, upstream in _streaming_reads(drafts):
        if upstream.name.layer is Layer.RPT:
            message = f"{reader.name} is kept by a stream and cannot read the report {upstream.name}, made once a day"
            yield flow.problem(message, "Read what the report reads, or make this a report too.")


def _readers_get_a_changelog(drafts: Drafts) -> Iterator[Problem]:
    for reader, _, upstream in _streaming_reads(drafts):
        form = upstream.form
        if isinstance(form, StreamForm) and form.key and changelog_of(form) is ChangelogProducer.NONE:
            message = (
                f"changelog: none leaves {reader.name}, which reads this table, without the rows that updates replace"
            )
            yield upstream.at_value("changelog", message=message, advice="Leave it out: lookup is right for any input.")


def _windows_go_by_event_time(drafts: Drafts) -> Iterator[Problem]:
    for draft in drafts.values():
        for flow in draft.flows if isinstance(draft.form, StreamForm) else ():
            for table, column in flow.analysis.time_columns:
                source = drafts.get(table)
                form = None if source is None or isinstance(source.form, ReportForm) else source.form.event_time
                if source is None or (form is not None and form.column == column):
                    continue
                declared = f"is «{form.column}»" if form else "is not declared"
                message = f"the window goes by «{column}» of {table}, whose event time {declared}"
                yield flow.problem(message, f"A window needs watermarks: event_time: {{column: {column}}} in {table}.")


def _nothing_reads_itself(drafts: Drafts) -> Iterator[Problem]:
    upstream = {
        name: tuple(dict.fromkeys(read for flow in draft.flows for read in flow.analysis.reads))
        for name, draft in drafts.items()
    }
    for cycle in cycles(upstream):
        ring = [*cycle, cycle[0]]
        files = [_reading_flow(drafts[a], b) for a, b in pairwise(ring)]
        way = " → ".join(map(str, ring))
        places = ", ".join(str(flow.file.relative_to(flow.file.parents[2])) for flow in files)
        message = f"these tables read each other in a circle: {way}"
        yield Problem(Position(files[0].file), message, f"Break it in one of {places}.")


def _reading_flow(draft: Draft, upstream: TableName) -> DraftFlow:
    return next(flow for flow in draft.flows if upstream in flow.analysis.reads)
