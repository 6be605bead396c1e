"""Functions of texts. Characters are Unicode's code points in both engines, where not said otherwise."""

import re
from collections.abc import Callable, Mapping

from sqlglot import exp

from headwater.duckdb_terms.typed import (
    BOOLEAN,
    INT,
    STRING,
    Refused,
    Rule,
    Surroundings,
    Typed,
    arguments,
    as_text,
    as_whole,
    by_rule,
    literal,
    unless,
    whole,
)
from headwater.duckdb_text import texted
from headwater.sqltype import SqlType


def _not_ascii(text: str) -> str:
    return f"regexp_matches({text}, '[^\\x00-\\x7F]')"


def _not_basic(text: str) -> str:
    return f"regexp_matches({text}, '[\\x{{10000}}-\\x{{10FFFF}}]')"


def _texts(node: exp.Expr, around: Surroundings, least: int, most: int | None = None) -> list[str]:
    return [as_text(part, around.expression(part)) for part in arguments(node, least, most)]


def _concatenated(node: exp.Expr, around: Surroundings) -> Typed:
    parts = (node.this, node.expression) if isinstance(node, exp.DPipe) else arguments(node, 1, 100)
    # Both engines' || gives NULL when a part is NULL, as Flink's CONCAT does; DuckDB's CONCAT leaves the part out.
    return Typed("(" + " || ".join(as_text(part, around.expression(part)) for part in parts) + ")", STRING)


def _joined(node: exp.Expr, around: Surroundings) -> Typed:
    separator, *parts = _texts(node, around, 2, 100)
    return Typed(f"CASE WHEN {separator} IS NULL THEN NULL ELSE CONCAT_WS({separator}, {', '.join(parts)}) END", STRING)


def _substring(node: exp.Expr, around: Surroundings) -> Typed:
    if isinstance(node, exp.Substring):
        value, start, length = node.this, node.args.get("start"), node.args.get("length")
    else:
        given_parts = arguments(node, 2, 3)
        value, start, length = given_parts[0], given_parts[1], (given_parts[2] if len(given_parts) > 2 else None)
    given = around.expression(value)
    if start is None:
        raise Refused(node, "SUBSTRING without a start")
    bounds = [str(whole(start, 1, "the start of SUBSTRING"))]
    if length is not None:
        bounds.append(str(whole(length, 0, "the length of SUBSTRING")))
    kind = by_rule(node, "SUBSTRING", [given.type])
    return Typed(f"SUBSTRING({', '.join([as_text(node, given), *bounds])})", kind)


def _edge(word: str) -> Rule:
    def rule(node: exp.Expr, around: Surroundings) -> Typed:
        value, count = arguments(node, 2)
        given = around.expression(value)
        length = whole(count, 0, f"the length of {word}")
        return Typed(f"{word}({as_text(node, given)}, {length})", by_rule(node, word, [given.type]))

    return rule


def _trim(node: exp.Trim, around: Surroundings) -> Typed:
    words = {"": "TRIM", "BOTH": "TRIM", "LEADING": "LTRIM", "TRAILING": "RTRIM"}
    given = around.expression(node.this)
    parts = [as_text(node, given)]
    parts.append(
        texted(literal(node.args["expression"], "what TRIM takes away")) if node.args.get("expression") else "' '"
    )
    return Typed(f"{words[node.text('position').upper()]}({', '.join(parts)})", by_rule(node, "TRIM", [given.type]))


def _trimmed(word: str) -> Rule:
    def rule(node: exp.Expr, around: Surroundings) -> Typed:
        given = arguments(node, 1, 2)
        value = around.expression(given[0])
        what = texted(literal(given[1], f"what {word} takes away")) if len(given) > 1 else "' '"
        function = "TRIM" if word == "BTRIM" else word
        return Typed(f"{function}({as_text(node, value)}, {what})", by_rule(node, word, [value.type]))

    return rule


def _length(node: exp.Expr, around: Surroundings) -> Typed:
    return Typed(f"CAST(LENGTH({_texts(node, around, 1)[0]}) AS INTEGER)", INT)


def _cased(word: str) -> Rule:
    """Java and DuckDB agree on the case of ASCII; of other letters (ß, İ, final σ) not always."""

    def rule(node: exp.Expr, around: Surroundings) -> Typed:
        given = around.expression(arguments(node, 1)[0])
        text = as_text(node, given)
        return Typed(unless(_not_ascii(text), f"{word}({text})", f"{word} of letters beyond ASCII"), given.type)

    return rule


def _reversed(node: exp.Expr, around: Surroundings) -> Typed:
    text = _texts(node, around, 1)[0]
    # DuckDB keeps letters and their accents together, Java does not.
    return Typed(unless(_not_ascii(text), f"REVERSE({text})", "REVERSE of letters beyond ASCII"), STRING)


def _padded(word: str) -> Rule:
    def rule(node: exp.Expr, around: Surroundings) -> Typed:
        value, length, pad = arguments(node, 3)
        text, filling = as_text(value, around.expression(value)), literal(pad, f"the filling of {word}")
        if not filling or any(ord(letter) > 0xFFFF for letter in filling):
            raise Refused(node, f"{word} with this filling")
        call = f"{word}({text}, {whole(length, 0, f'the length of {word}')}, {texted(filling)})"
        return Typed(unless(_not_basic(text), call, f"{word} of characters that Java counts twice"), STRING)

    return rule


def _replaced(node: exp.Expr, around: Surroundings) -> Typed:
    value, old, new = arguments(node, 3)
    if not literal(old, "what REPLACE looks for"):
        raise Refused(node, "REPLACE of the empty text")
    parts = [as_text(part, around.expression(part)) for part in (value, old, new)]
    return Typed(f"REPLACE({', '.join(parts)})", STRING)


def _repeated(node: exp.Expr, around: Surroundings) -> Typed:
    value, count = arguments(node, 2)
    return Typed(
        f"REPEAT({as_text(value, around.expression(value))}, {whole(count, 0, 'the count of REPEAT')})", STRING
    )


def _found_at(node: exp.Expr, around: Surroundings) -> Typed:
    """POSITION(a IN s), LOCATE(a, s) and INSTR(s, a)."""
    if isinstance(node, exp.StrPosition):
        part, text = node.args["substr"], node.this
    else:
        first, second = arguments(node, 2)
        part, text = (second, first) if node.name.upper() == "INSTR" else (first, second)
    sides = [as_text(side, around.expression(side)) for side in (text, part)]
    return Typed(f"CAST(STRPOS({', '.join(sides)}) AS INTEGER)", INT)


def _bounded(word: str) -> Rule:
    def rule(node: exp.Expr, around: Surroundings) -> Typed:
        return Typed(f"{word}({', '.join(_texts(node, around, 2))})", BOOLEAN)

    return rule


def _hashed(function: str, length: int) -> Rule:
    def rule(node: exp.Expr, around: Surroundings) -> Typed:
        return Typed(f"{function}({_texts(node, around, 1)[0]})", SqlType("CHAR", (length,)))

    return rule


def _to_base64(node: exp.Expr, around: Surroundings) -> Typed:
    return Typed(f"TO_BASE64(ENCODE({_texts(node, around, 1)[0]}))", STRING)


def _from_base64(node: exp.Expr, around: Surroundings) -> Typed:
    return Typed(f"DECODE(FROM_BASE64({_texts(node, around, 1)[0]}))", STRING)


def _split_at(node: exp.Expr, around: Surroundings) -> Typed:
    value, delimiter, index = arguments(node, 3)
    if not literal(delimiter, "the delimiter of SPLIT_INDEX"):
        raise Refused(node, "SPLIT_INDEX at the empty text")
    text, at = as_text(value, around.expression(value)), as_whole(index, around.expression(index))
    parts = f"STRING_SPLIT({text}, {texted(delimiter.name)})"
    return Typed(f"CASE WHEN {text} <> '' AND {at} >= 0 THEN {parts}[{at} + 1] END", STRING)


def _split(node: exp.Expr, around: Surroundings) -> Typed:
    value, delimiter = arguments(node, 2)
    if not literal(delimiter, "the delimiter of SPLIT"):
        raise Refused(node, "SPLIT at the empty text")
    text = as_text(value, around.expression(value))
    # The empty text has no parts in Flink, and one in DuckDB.
    parts = f"CASE WHEN {text} = '' THEN [] ELSE STRING_SPLIT({text}, {texted(delimiter.name)}) END"
    return Typed(parts, SqlType("ARRAY", elements=(STRING,)))


def _translated(node: exp.Expr, around: Surroundings) -> Typed:
    value, old, new = arguments(node, 3)
    pair = [texted(literal(part, "what TRANSLATE changes")) for part in (old, new)]
    return Typed(f"TRANSLATE({as_text(value, around.expression(value))}, {', '.join(pair)})", STRING)


_PLAIN, _ESCAPED = r"[\w ,;:@#%&/=!<>~'\"-]", r"\\[dDwW.\-+*?()\[\]{}|/\\^$]"
_CLASS, _MARK = r"\[\^?(?:[\w ,;:@#%&/=!<>~.'-]|\\[dw.\-\]])+\]", r"[*+?|().^]|\{\d+(?:,\d*)?\}"
_PATTERN = re.compile(rf"(?:{_PLAIN}|{_ESCAPED}|{_CLASS}|{_MARK})*")
_LINE_ENDS = "regexp_matches({}, '[\\n\\r\\x{{85}}\\x{{2028}}\\x{{2029}}]')"


def _pattern(node: exp.Expr) -> str:
    """A regular expression that Java and RE2 read alike. Raises Refused for any other."""
    text = literal(node, "a regular expression")
    ends = text.endswith("$") and not text.endswith("\\$")
    body = text[:-1] if ends else text
    if not _PATTERN.fullmatch(body) or "(?" in body or re.search(r"[*+?}][+?]", body) or re.search(r"\[[^\]]*&&", body):
        raise Refused(
            node, f"the regular expression {text}: only plain ones are known to mean the same in both engines"
        )
    return text


def _matches(node: exp.Expr, around: Surroundings) -> Typed:
    value, pattern = arguments(node, 2)
    text = as_text(value, around.expression(value))
    call = f"regexp_matches({text}, {texted(_pattern(pattern))})"
    return Typed(unless(_LINE_ENDS.format(text), call, "a regular expression over several lines"), BOOLEAN)


def _extracted(node: exp.Expr, around: Surroundings) -> Typed:
    value, pattern, *rest = arguments(node, 2, 3)
    text, regex = as_text(value, around.expression(value)), _pattern(pattern)
    group = whole(rest[0], 0, "the group of REGEXP_EXTRACT") if rest else 0
    if group > re.compile(regex).groups:
        raise Refused(node, f"group {group} of {regex}, which has none of that number")
    if group and ("|" in regex or re.search(r"\)[*?{]", regex)):
        raise Refused(node, f"a group of {regex} that may take no part: Flink gives NULL for it")
    literal_text = texted(regex)
    call = f"CASE WHEN regexp_matches({text}, {literal_text}) THEN regexp_extract({text}, {literal_text}, {group}) END"
    return Typed(unless(_LINE_ENDS.format(text), call, "a regular expression over several lines"), STRING)


def _substituted(node: exp.Expr, around: Surroundings) -> Typed:
    value, pattern, new = arguments(node, 3)
    text, regex, by = as_text(value, around.expression(value)), _pattern(pattern), literal(new, "a replacement")
    if "$" in by or "\\" in by:
        raise Refused(node, "a replacement with $ or \\")
    if re.compile(regex).match(""):
        raise Refused(node, f"{regex} matches the empty text, and the engines replace that differently")
    call = f"regexp_replace({text}, {texted(regex)}, {texted(by)}, 'g')"
    return Typed(unless(_LINE_ENDS.format(text), call, "a regular expression over several lines"), STRING)


RULES: Mapping[type[exp.Expr] | str, Callable[..., Typed]] = {
    exp.DPipe: _concatenated,
    "CONCAT": _concatenated,
    "CONCAT_WS": _joined,
    exp.Substring: _substring,
    "SUBSTR": _substring,
    "LEFT": _edge("LEFT"),
    "RIGHT": _edge("RIGHT"),
    exp.Trim: _trim,
    "LTRIM": _trimmed("LTRIM"),
    "RTRIM": _trimmed("RTRIM"),
    "BTRIM": _trimmed("BTRIM"),
    "CHAR_LENGTH": _length,
    "CHARACTER_LENGTH": _length,
    "UPPER": _cased("UPPER"),
    "LOWER": _cased("LOWER"),
    "REVERSE": _reversed,
    "LPAD": _padded("LPAD"),
    "RPAD": _padded("RPAD"),
    "REPLACE": _replaced,
    "REPEAT": _repeated,
    exp.StrPosition: _found_at,
    "LOCATE": _found_at,
    "INSTR": _found_at,
    "STARTSWITH": _bounded("STARTS_WITH"),
    "ENDSWITH": _bounded("SUFFIX"),
    "MD5": _hashed("MD5", 32),
    "SHA1": _hashed("SHA1", 40),
    "SHA256": _hashed("SHA256", 64),
    "TO_BASE64": _to_base64,
    "FROM_BASE64": _from_base64,
    "SPLIT_INDEX": _split_at,
    "SPLIT": _split,
    "TRANSLATE": _translated,
    "REGEXP": _matches,
    "REGEXP_EXTRACT": _extracted,
    "REGEXP_REPLACE": _substituted,
}
