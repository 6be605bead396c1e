"""What the parts of a page show, as plain values for the browser: made once for all viewers of one choice."""

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from headwater.dashboard.dashboard import Measure, Unit
from serving.dashboard import wording
from serving.dashboard.diagnosis import Driver, Part, culprit, drivers, finest, splits
from serving.dashboard.figures import grouped, total, value, written
from serving.dashboard.frame import Frame
from serving.dashboard.selection import Selection, named
from serving.dashboard.series import line, spark

if TYPE_CHECKING:
    from serving.dashboard.figures import Pair

View = dict[str, Any]

_MOST_ROWS = 10


def cards(frame: Frame, selection: Selection) -> View:
    """A card for each measure."""
    pair = total(frame, selection)
    return {"cards": [_card(frame, selection, measure, pair) for measure in frame.dashboard.measures]}


def chart(frame: Frame, selection: Selection) -> View:
    """The minutes of the measure that is chosen."""
    measure = frame.dashboard.measure(selection.measure)
    currency = selection.currency(frame, measure)
    if currency is None:
        return {"label": measure.label, "why": _no_sum(frame, selection, measure), "today": [], "other": []}
    found = line(frame, selection, measure)
    market = next((each for each in frame.markets if each.code == selection.market), None)
    per = "a minute" if found.step == 1 else f"in {found.step} minutes"
    factor = 100 if measure.unit is Unit.SHARE else 1
    return {
        "label": f"{measure.label}, {per}" if not measure.is_ratio else measure.label,
        "unit": {Unit.SHARE: "%", Unit.SECONDS: "s", Unit.MONEY: currency}.get(measure.unit, ""),
        "zone": market.zone.key if market else "",
        "start": found.start * 60_000,
        "step": found.step * 60_000,
        "today": _rounded(found.today, factor),
        "other": _rounded(found.other, factor),
        "names": ["Today", selection.against.words.capitalize()],
        "why": "",
    }


def heading(frame: Frame, selection: Selection, base: str) -> View:
    """What the page is about, and the way back."""
    market = next((each for each in frame.markets if each.code == selection.market), None)
    chosen = [", ".join(values) for values in selection.values if values]
    back = {"label": "All markets", "href": base + selection.but(markets=()).query(frame.dashboard)}
    if market is None:
        names = ", ".join(each.name for each in frame.markets if each.code in selection.markets)
        title = {"heading": " · ".join([names or "All markets", *chosen]), "sentences": [frame.dashboard.description]}
        return title | ({"back": back} if names else {})
    clock = frame.now.astimezone(market.zone)
    said = f"Zone {market.zone.key}, there it is {clock:%A %H:%M} ({clock:%Z})."
    said += f" Amounts are in {market.currency}." if market.currency else ""
    return {"heading": " · ".join([market.name, *chosen]), "back": back, "sentences": [said]}


def markets(frame: Frame, selection: Selection, base: str) -> View:
    """A row for each market: the measure that is chosen, its change, the last hour."""
    measure = frame.dashboard.measure(selection.measure)
    groups = grouped(frame, selection.but(markets=()), lambda each: each.market or "")
    rows = []
    for market in frame.markets:
        pair = groups.get(market.code)
        if pair is None or (selection.markets and market.code not in selection.markets):
            continue
        here = selection.but(markets=(market.code,))
        clock = frame.now.astimezone(market.zone)
        cells = _compared(measure, *pair.of(measure), _currency(measure, market.currency))
        cells["name"] = {
            "text": market.name,
            "href": base + here.query(frame.dashboard),
            "small": f"{clock:%a %H:%M} {clock:%Z}",
        }
        cells["spark"] = {"spark": spark(frame, here.slices(frame), measure)}
        rows.append({"id": market.code, "cells": cells})
    columns = _columns("Market", selection)
    return {"caption": f"{measure.label} by market", "columns": columns, "rows": rows, "empty": "No rows."}


def dimension(frame: Frame, selection: Selection, base: str, place: int) -> View:
    """A row for each value of a dimension; a click filters by it."""
    measure = frame.dashboard.measure(selection.measure)
    label = frame.dashboard.dimensions[place].label
    caption = f"{measure.label} by {label.lower()}"
    currency = selection.currency(frame, measure)
    columns = _columns(label, selection)
    if currency is None:
        return {"caption": caption, "columns": columns, "rows": [], "empty": _no_sum(frame, selection, measure)}
    rows = []
    for name, pair in sorted(grouped(frame, selection, lambda each: named(each.values[place])).items()):
        here = selection.with_value(place, name)
        cells = _compared(measure, *pair.of(measure), currency)
        cells["name"] = {"text": name, "href": base + here.query(frame.dashboard)}
        cells["spark"] = {"spark": spark(frame, here.slices(frame), measure)}
        rows.append({"id": name, "cells": cells})
    return {"caption": caption, "columns": columns, "rows": rows, "empty": "No rows."}


def movers(frame: Frame, selection: Selection) -> View:
    """The combinations of market and dimensions that moved most."""
    measure = frame.dashboard.measure(selection.measure)
    currency = selection.currency(frame, measure)
    caption = f"What moved {measure.label.lower()} most"
    if currency is None:
        return {"caption": caption, "columns": [], "rows": [], "empty": _no_sum(frame, selection, measure)}
    found = [part for part in finest(frame, selection, measure) if part.effect][:_MOST_ROWS]
    return _table_of_parts(caption, "Slice", measure, found, currency, selection.against.words)


def why_heading(frame: Frame, selection: Selection, base: str) -> View:
    """The question."""
    view = heading(frame, selection, base)
    label = frame.dashboard.measure(selection.measure).label.lower()
    return view | {"heading": f"Why did {label} change? {view['heading']}"}


def why_words(frame: Frame, selection: Selection) -> View:
    """The diagnosis of the measure that is chosen, in sentences."""
    measure = frame.dashboard.measure(selection.measure)
    currency = selection.currency(frame, measure)
    if currency is None:
        return {"sentences": [_no_sum(frame, selection, measure)]}
    pair = total(frame, selection)
    after, before = pair.of(measure)
    if after is None or before is None or not (before or measure.is_ratio):
        when = "today so far" if after is None else selection.against.words
        return {"sentences": [f"There is nothing to compare: there is no {measure.label.lower()} {when}."]}
    whole = after - before
    said = [_in_a_sentence(measure, before, after, currency, selection)]
    said += [_driven(measure, driver, currency) for driver in drivers(measure, frame.dashboard, pair)]
    said.append(_blamed(measure, culprit(_splits(frame, selection, measure), whole), whole, currency))
    return {"lead": True, "sentences": said}


def why_table(frame: Frame, selection: Selection, place: int) -> View:
    """The change split by market (0) or by a dimension (from 1 on), the greatest part first."""
    measure = frame.dashboard.measure(selection.measure)
    label = frame.dashboard.dimensions[place - 1].label if place else "Market"
    currency = selection.currency(frame, measure)
    found = _splits(frame, selection, measure).get(label)
    caption = f"The change by {label.lower()}"
    if found is None or currency is None:
        empty = _no_sum(frame, selection, measure) if currency is None else f"Only one {label.lower()} is chosen."
        return {"caption": caption, "columns": [], "rows": [], "empty": empty}
    return _table_of_parts(caption, label, measure, list(found), currency, selection.against.words)


def _splits(frame: Frame, selection: Selection, measure: Measure) -> dict[str, tuple[Part, ...]]:
    return frame.kept(("splits", selection), lambda: splits(frame, selection, measure))


def chart_table(frame: Frame, selection: Selection) -> View:
    """The chart's numbers as a table, the newest first; ten points together where there are many."""
    shown = chart(frame, selection)
    measure = frame.dashboard.measure(selection.measure)
    rows: list[View] = []
    points = list(zip(shown["today"], shown["other"], strict=True))
    for place in range(len(points) - 1, -1, -max(1, len(points) // 24)):
        at = shown["start"] + place * shown["step"]
        cells = {"at": {"time": at, "zone": shown["zone"]}}
        for name, number in zip(("today", "other"), points[place], strict=True):
            cells[name] = {"text": wording.NOTHING if number is None else f"{number:,g} {shown['unit']}".strip()}
        rows.append({"id": str(at), "cells": cells})
    names = shown.get("names", ["Today", "Other day"])
    columns = [
        _column("at", "Time"),
        *(_column(key, name, numeric=True) for key, name in zip(("today", "other"), names, strict=True)),
    ]
    caption = f"{shown['label']}, in numbers"
    return {
        "caption": caption,
        "columns": columns,
        "rows": rows,
        "empty": shown["why"] or f"No {measure.label.lower()}.",
    }


def _card(frame: Frame, selection: Selection, measure: Measure, pair: "Pair") -> View:
    currency = selection.currency(frame, measure)
    view: View = {"name": measure.name, "label": measure.label, "description": measure.description}
    if currency is None:
        return view | {
            "value": "by market",
            "note": _no_sum(frame, selection, measure),
            "tone": "even",
            "exact": "",
            "other": "",
            "spark": [],
        }
    today, other = value(measure, pair.today), value(measure, pair.other)
    changed = wording.changed(measure, other, today)
    places = 6 if measure.is_ratio else max(0, frame.scales[measure.column])
    return view | {
        "value": wording.shown(measure, today, currency),
        "exact": written(today, places),
        "other": written(other, places),
        "change": changed if changed != wording.NOTHING else "",
        "direction": wording.direction(other, today),
        "tone": wording.tone(measure, other, today),
        "note": f"{wording.shown(measure, other, currency)} {selection.against.words}"
        if other
        else f"nothing {selection.against.words}",
        "spark": spark(frame, selection.slices(frame), measure),
    }


def _compared(measure: Measure, today: Fraction | None, other: Fraction | None, currency: str) -> View:
    return {
        "today": {"text": wording.shown(measure, today, currency)},
        "other": {"text": wording.shown(measure, other, currency)},
        "change": {
            "text": wording.changed(measure, other, today),
            "tone": wording.tone(measure, other, today),
            "direction": wording.direction(other, today),
        },
    }


def _table_of_parts(caption: str, label: str, measure: Measure, found: list[Part], currency: str, against: str) -> View:
    widest = max((abs(part.effect) for part in found), default=Fraction(0))
    rows = []
    for part in found:
        cells = _compared(measure, part.today, part.other, currency)
        cells["name"] = {"text": part.name}
        cells["effect"] = {
            "text": wording.difference(measure, part.effect, currency),
            "tone": wording.tone(measure, Fraction(0), part.effect) if part.effect else "even",
            "bar": float(part.effect / widest) if widest else 0.0,
        }
        rows.append({"id": part.name, "cells": cells})
    columns = [
        _column("name", label),
        _column("effect", "Part of the change", numeric=True),
        _column("today", "Today so far", numeric=True),
        _column("other", against.capitalize(), numeric=True),
        _column("change", "Change", numeric=True),
    ]
    return {"caption": caption, "columns": columns, "rows": rows, "empty": "Nothing has moved."}


def _columns(label: str, selection: Selection) -> list[View]:
    return [
        _column("name", label),
        _column("today", "Today so far", numeric=True),
        _column("other", selection.against.words.capitalize(), numeric=True),
        _column("change", "Change", numeric=True),
        _column("spark", "Last hour"),
    ]


def _currency(measure: Measure, currency: str) -> str:
    return currency if measure.unit is Unit.MONEY else ""


def _column(key: str, label: str, *, numeric: bool = False) -> View:
    return {"key": key, "label": label, "numeric": numeric}


def _no_sum(frame: Frame, selection: Selection, measure: Measure) -> str:
    chosen = [market for market in frame.markets if not selection.markets or market.code in selection.markets]
    currencies = {market.currency for market in chosen if market.currency}
    return f"{measure.label} is in {len(currencies)} currencies, which have no sum: choose a market."


def _in_a_sentence(measure: Measure, before: Fraction, after: Fraction, currency: str, selection: Selection) -> str:
    now, then = wording.shown(measure, after, currency), wording.shown(measure, before, currency)
    moved = {"up": "rose", "down": "fell", "even": "stayed as it was"}[wording.direction(before, after)]
    where = selection.against.words
    if wording.direction(before, after) == "even":
        return f"{measure.label} {moved}: {now} today so far, {then} {where} up to the same local time."
    by = wording.difference(measure, after - before, currency)
    percent = wording.changed(measure, before, after)
    extra = f", {percent}" if percent not in (wording.NOTHING, by) else ""
    return f"{measure.label} {moved}: {now} today so far, {then} {where} up to the same local time ({by}{extra})."


def _driven(measure: Measure, driver: Driver, currency: str) -> str:
    volume = wording.difference(measure, Fraction(round(driver.by_volume)), currency)
    rate = wording.difference(measure, Fraction(round(driver.by_rate)), currency)
    label = measure.label.lower()
    return f"Of that, {volume} by how many there were to be {label}, {rate} by the rate ({driver.rate.label.lower()})."


def _blamed(measure: Measure, found: tuple[str, Part] | None, whole: Fraction, currency: str) -> str:
    if not whole:
        return "No slice has moved it."
    if found is None:
        return "It is spread evenly: no slice moved much more than its size explains."
    label, part = found
    effect = wording.difference(measure, part.effect, currency)
    share, weight = (f"{float(each) * 100:.0f}{wording.NARROW}%" for each in (part.effect / whole, part.weight))
    said = f"{effect}, {share} of the change, at {weight} of the whole"
    return f"{label} {part.name} moved most out of proportion: {said}."


def _rounded(values: tuple[float | None, ...], factor: int) -> list[float | None]:
    return [None if number is None else round(number * factor, 2) for number in values]


def options(frame: Frame) -> list[list[str]]:
    """Of each dimension the values that can be filtered by."""
    return [[named(value) for value in frame.values(place)] for place in range(len(frame.dashboard.dimensions))]
