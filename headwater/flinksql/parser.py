"""Reads expressions and queries; what can stand in FROM is read in `sources`, statements in `statements`."""

import re
from typing import Any, ClassVar

from sqlglot import exp, parser
from sqlglot.tokenizer_core import Token, TokenType

from headwater.flinksql.datatypes import data_type
from headwater.flinksql.nodes import InvalidSyntax, JsonCall, JsonClause, MapLiteral
from headwater.flinksql.sources import SourceParser
from headwater.flinksql.statements import StatementParser
from headwater.sqltype import SqlType

_JSON_CLAUSES = ("NULL", "ERROR", "DEFAULT", "EMPTY", "WITHOUT", "WITH")
_JSON_FUNCTIONS = ("JSON_VALUE", "JSON_QUERY", "JSON_EXISTS", "JSON_ARRAY", "JSON_ARRAYAGG")
_PAIRED_JSON_FUNCTIONS = ("JSON_OBJECT", "JSON_OBJECTAGG")
_UNITS = ("SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR", "MILLISECOND", "MICROSECOND")
_UNIT_FIRST = ("TIMESTAMPDIFF", "TIMESTAMPADD")


class FlinkParser(StatementParser, SourceParser, parser.Parser):
    """Flink SQL to trees. Every mistake is an InvalidSyntax with its place."""

    FUNCTIONS: ClassVar[dict[str, Any]] = {}
    ARRAY_CONSTRUCTORS: ClassVar[dict[str, type[exp.Expr]]] = {"ARRAY": exp.Array, "MAP": MapLiteral}
    NO_PAREN_FUNCTIONS: ClassVar[dict[TokenType, type[exp.Expr]]] = {
        TokenType.CURRENT_DATE: exp.CurrentDate,
        TokenType.CURRENT_TIME: exp.CurrentTime,
        TokenType.CURRENT_TIMESTAMP: exp.CurrentTimestamp,
    }
    NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
        "CASE": lambda self: self._parse_case(),
        "LOCALTIME": lambda self: exp.Localtime(),
        "LOCALTIMESTAMP": lambda self: exp.Localtimestamp(),
    }
    FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
        "CAST": lambda self: self._typed_cast(exp.Cast),
        "TRY_CAST": lambda self: self._typed_cast(exp.TryCast),
        "FLOOR": lambda self: self._parse_ceil_floor(exp.Floor),
        "CEIL": lambda self: self._parse_ceil_floor(exp.Ceil),
        "CEILING": lambda self: self._parse_ceil_floor(exp.Ceil),
        "EXTRACT": lambda self: self._parse_extract(),
        "OVERLAY": lambda self: self._parse_overlay(),
        "POSITION": lambda self: self._parse_position(),
        "SUBSTRING": lambda self: self._parse_substring(),
        "TRIM": lambda self: self._parse_trim(),
        **{name: lambda self, name=name: self._unit_call(name) for name in _UNIT_FIRST},
        **{name: lambda self, name=name: self._json_call(name) for name in _JSON_FUNCTIONS},
        **{name: lambda self, name=name: self._json_pairs(name) for name in _PAIRED_JSON_FUNCTIONS},
    }

    def raise_error(self, message: str, token: Token | None = None, **_: Any) -> None:
        """Raise at once, with the place of the token that cannot be read."""
        token = token or self._curr or self._prev
        offset = token.start if token else 0
        raise InvalidSyntax(self._in_words(message, token), offset)

    def _in_words(self, message: str, token: Token | None) -> str:
        ended = self._curr is None or self._curr.token_type == TokenType.SENTINEL
        found = "the end" if ended or token is None else f"«{token.text}»"
        if match := re.match(r"Expect(?:ing|ed) (.+)", message):
            wanted = match[1].partition(" but got")[0]
            return f"«{wanted}» is expected before {found}"
        if message.startswith(("Invalid expression", "Required keyword")):
            return f"{found} is not expected here" if found != "the end" else "something is missing at the end"
        return message

    def _source_text(self, first: Token, last: Token) -> str:
        return self.sql[first.start : last.end + 1]

    def _type_from(self, first: Token) -> exp.DataType:
        """The type that begins at a token and ends before the current one."""
        if self._curr is first:
            self.raise_error("Expecting a type")
        try:
            return data_type(SqlType.parse(self._source_text(first, self._prev)))
        except ValueError as error:
            raise InvalidSyntax(str(error), first.start) from error

    def _type_until(self, *ends: str) -> exp.DataType:
        """Read a type: all tokens up to a closing parenthesis, or one of these words, that is not within the type."""
        first, depth = self._curr, 0
        while depth or not (self._is_at(TokenType.R_PAREN) or self._curr.text.upper() in ends):
            depth += self._is_at(TokenType.L_PAREN) - self._is_at(TokenType.R_PAREN)
            if self._is_at(TokenType.SENTINEL):
                self.raise_error("Expecting )")
            self._advance()
        return self._type_from(first)

    def _typed_cast(self, kind: type[exp.Cast]) -> exp.Cast:
        value = self._parse_disjunction()
        if not self._match(TokenType.ALIAS):
            self.raise_error("Expecting AS")
        return kind(this=value, to=self._type_until())

    def _unit_call(self, name: str) -> exp.Anonymous:
        unit = self._parse_var(any_token=True, upper=True)
        parts = self._parse_csv(self._parse_disjunction) if self._match(TokenType.COMMA) else []
        return exp.Anonymous(this=name, expressions=[unit, *parts])

    def _json_call(self, name: str) -> JsonCall:
        arguments = self._parse_csv(self._parse_disjunction) if not self._ends_json() else []
        node = JsonCall(this=name, expressions=arguments)
        if self._match_text_seq("RETURNING"):
            node.set("returning", self._type_until(*_JSON_CLAUSES))
        node.set("clauses", self._json_clauses())
        return node

    def _json_pairs(self, name: str) -> JsonCall:
        pairs = self._parse_csv(self._json_pair) if not self._ends_json() else []
        parts = [part for pair in pairs for part in pair.expressions]
        return JsonCall(this=name, expressions=parts, clauses=self._json_clauses())

    def _json_pair(self) -> exp.Tuple:
        self._match_text_seq("KEY")
        key = self._parse_disjunction()
        if not self._match_text_seq("VALUE"):
            self.raise_error("Expecting VALUE")
        return exp.Tuple(expressions=[key, self._parse_disjunction()])

    def _ends_json(self) -> bool:
        """No argument comes: a parenthesis, or NULL ON NULL and the like."""
        ahead = self._next is not None and self._next.text.upper() == "ON"
        return self._is_at(TokenType.R_PAREN) or (self._curr.text.upper() in ("NULL", "ABSENT") and ahead)

    def _json_clauses(self) -> list[JsonClause]:
        clauses = []
        while not self._is_at(TokenType.R_PAREN):
            if self._is_at(TokenType.SENTINEL):
                self.raise_error("Expecting )")
            clauses.append(self._json_clause())
        return clauses

    def _json_clause(self) -> JsonClause:
        if self._match_text_seq("DEFAULT"):
            node = JsonClause(this="DEFAULT", default=self._parse_bitwise())
        else:
            words: list[str] = []
            while self._curr.text.upper() != "ON" and not self._is_at(TokenType.R_PAREN):
                if self._is_at(TokenType.SENTINEL):
                    self.raise_error("Expecting )")
                words.append(self._curr.text.upper())
                self._advance()
                if words[-1] == "WRAPPER":
                    return JsonClause(this=" ".join(words))
            node = JsonClause(this=" ".join(words))
        if not self._match_text_seq("ON"):
            self.raise_error("Expecting ON")
        node.set("on", self._curr.text.upper())
        self._advance()
        return node

    def _is_at(self, token_type: TokenType) -> bool:
        return self._curr is not None and self._curr.token_type == token_type

    def _parse_interval(self, require_interval: bool = True, parse_function_unit: bool = True) -> exp.Interval | None:
        """INTERVAL '1-2' YEAR TO MONTH; the text stays as it is, and a unit becomes singular."""
        if not (self._is_at(TokenType.INTERVAL) and self._next and self._next.token_type == TokenType.STRING):
            return None
        self._advance()
        amount = self._parse_string()
        unit = self._interval_unit()
        if self._match_text_seq("TO"):
            unit = exp.IntervalSpan(this=unit, expression=self._interval_unit())
        return exp.Interval(this=amount, unit=unit)

    def _interval_unit(self) -> exp.Var:
        word = self._curr.text.upper()
        if word.removesuffix("S") not in _UNITS:
            self.raise_error("Expecting a unit, such as MINUTE")
        self._advance()
        digits = ""
        if self._match(TokenType.L_PAREN):
            digits = f"({self._curr.text})"
            self._advance()
            self._match_r_paren()
        return exp.var(word.removesuffix("S") + digits)

    def _parse_projections(self, *arguments: Any, **options: Any) -> Any:
        found = super()._parse_projections(*arguments, **options)
        if self._prev.token_type == TokenType.COMMA:
            self.raise_error("a column is expected after this comma", self._prev)
        return found

    def _parse_hint(self) -> exp.Hint | None:
        """`/*+ STATE_TTL('o' = '1d') */`; what stands in it names no column of the query."""
        hint = super()._parse_hint()
        if hint:
            # sqlglot keeps its text as a comment too.
            self._prev_comments = []
        for column in list(hint.find_all(exp.Column)) if hint else ():
            column.replace(exp.var(column.sql(dialect=self.dialect)))
        return hint

    def _parse_query_modifiers(self, this: Any) -> Any:
        found = super()._parse_query_modifiers(this)
        if isinstance(found, exp.Select) and found.args.get("windows"):
            _inline_named_windows(found)
        return found


def _inline_named_windows(select: exp.Select) -> None:
    """Write what a name of a WINDOW clause stands for where it is used: nothing else has to know such names."""
    named = {window.name: window for window in select.args["windows"]}
    for use in list(select.find_all(exp.Window)):
        window = named.get(use.alias) if use.arg_key != "windows" else None
        if window is None:
            continue
        for part in ("partition_by", "order", "spec"):
            if not use.args.get(part) and window.args.get(part):
                given = window.args[part]
                use.set(part, [item.copy() for item in given] if isinstance(given, list) else given.copy())
        use.set("alias", None)
    select.set("windows", None)
