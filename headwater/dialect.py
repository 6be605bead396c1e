"""Flink SQL for sqlglot: what Flink adds to SQL, read and never written.

The author's text goes to Flink verbatim; a tree is only read to learn what a query reads and gives. So every function
call stays a name with arguments (`exp.Anonymous`), hints are comments, and a type in a CAST is a `SqlType`.
Syntax: https://nightlies.apache.org/flink/flink-docs-release-2.0/docs/dev/table/sql/queries/overview/
"""

import re
from itertools import pairwise
from typing import Any, ClassVar

from sqlglot import exp, parser, tokens
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, TokenError
from sqlglot.expressions.core import Expression
from sqlglot.tokenizer_core import Token, TokenType

from headwater.sqltype import SqlType

WINDOW_FUNCTIONS = {"TUMBLE": 1, "HOP": 2, "CUMULATE": 2, "SESSION": 1}
"""Window table functions and how many intervals each takes."""

_TYPE = "sql_type"
_JSON_CLAUSES = ("NULL", "ERROR", "DEFAULT", "EMPTY", "WITHOUT", "WITH")


class InvalidSyntax(ParseError):
    """The text is not Flink SQL. `offset` counts characters of the text from 0."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message, [{}])  # sqlglot writes into the first entry when it tries alternatives
        self.offset = offset


class WindowTable(Expression):
    """A window table function over a table: all its columns, and window_start, window_end and window_time."""

    arg_types: ClassVar[dict[str, bool]] = {
        "this": True,
        "source": True,
        "time_column": True,
        "intervals": True,
        "partition_by": False,
        "alias": False,
    }


def parse(sql: str) -> list[exp.Expr]:
    """The statements in a text. Raises InvalidSyntax."""
    dialect = _DIALECT
    try:
        found = dialect.tokenize(sql)
    except TokenError as error:
        raise _unclosed(sql) from error
    for token, following in pairwise(found):
        if token.text.upper() == "MATCH_RECOGNIZE" and following.token_type == TokenType.L_PAREN:
            raise InvalidSyntax("MATCH_RECOGNIZE is refused: the columns it gives are not worked out", token.start)
        if token.text == '"' and token.token_type != TokenType.STRING:
            raise InvalidSyntax("in Flink SQL a name stands in backticks and a text in '…'; \" is neither", token.start)
    return [tree for tree in dialect.parser().parse(found, sql) if tree is not None]


def cast_type(node: exp.Expr) -> SqlType | None:
    """The type that a CAST, or a JSON_VALUE with RETURNING, names; None when it names none."""
    return node.meta.get(_TYPE)


_PIECES = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|`(?:[^`]|``)*`|/\*|[^'`/-]+|.", re.DOTALL)


def _unclosed(sql: str) -> InvalidSyntax:
    """What is opened and not closed; sqlglot tells only where the text ends."""
    for piece in _PIECES.finditer(sql):
        if piece[0] in ("'", "`", "/*"):
            return InvalidSyntax(f"the {piece[0]} that is opened here is never closed", piece.start())
    return InvalidSyntax("this cannot be read as SQL", 0)


class _Tokenizer(tokens.Tokenizer):
    IDENTIFIERS: ClassVar[list[str | tuple[str, str]]] = ["`"]
    HEX_STRINGS: ClassVar[list[str | tuple[str, str]]] = [("x'", "'"), ("X'", "'")]
    KEYWORDS: ClassVar[dict[str, TokenType]] = {
        word: token for word, token in tokens.Tokenizer.KEYWORDS.items() if word not in ("/*+", "SEMI", "ANTI", "ASOF")
    }


class _Parser(parser.Parser):
    FUNCTIONS: ClassVar[dict[str, Any]] = {}
    NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {"CASE": lambda self: self._parse_case()}
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
        "JSON_VALUE": lambda self: self._json_call("JSON_VALUE"),
        "JSON_QUERY": lambda self: self._json_call("JSON_QUERY"),
        "JSON_EXISTS": lambda self: self._json_call("JSON_EXISTS"),
        "JSON_OBJECT": lambda self: self._json_object(),
        "JSON_OBJECTAGG": lambda self: self._json_object(),
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

    def _type_until(self, *ends: str) -> SqlType:
        """Read a type: all tokens up to a closing parenthesis, or one of these words, that is not within the type."""
        first, depth = self._curr, 0
        while depth or not (self._is_at(TokenType.R_PAREN) or self._curr.text.upper() in ends):
            depth += self._is_at(TokenType.L_PAREN) - self._is_at(TokenType.R_PAREN)
            if self._is_at(TokenType.SENTINEL):
                self.raise_error("Expecting )")
            self._advance()
        if self._curr is first:
            self.raise_error("Expecting a type")
        try:
            return SqlType.parse(self._source_text(first, self._prev))
        except ValueError as error:
            raise InvalidSyntax(str(error), first.start) from error

    def _typed_cast(self, kind: type[exp.Cast]) -> exp.Cast:
        value = self._parse_disjunction()
        if not self._match(TokenType.ALIAS):
            self.raise_error("Expecting AS")
        target = self._type_until()
        node = kind(this=value, to=exp.DataType(this=exp.DType.UNKNOWN))
        node.meta[_TYPE] = target
        return node

    def _json_call(self, name: str) -> exp.Anonymous:
        node = exp.Anonymous(this=name, expressions=self._parse_csv(self._parse_disjunction))
        if self._match_text_seq("RETURNING"):
            node.meta[_TYPE] = self._type_until(*_JSON_CLAUSES)
        self._skip_to_closing()
        return node

    def _json_object(self) -> exp.Anonymous:
        arguments = self._parse_csv(self._json_pair) if not self._is_at(TokenType.R_PAREN) else []
        self._skip_to_closing()
        return exp.Anonymous(this="JSON_OBJECT", expressions=[part for pair in arguments for part in pair.expressions])

    def _json_pair(self) -> exp.Tuple:
        self._match_text_seq("KEY")
        key = self._parse_disjunction()
        if not self._match_text_seq("VALUE"):
            self.raise_error("Expecting VALUE")
        return exp.Tuple(expressions=[key, self._parse_disjunction()])

    def _is_at(self, token_type: TokenType) -> bool:
        return self._curr is not None and self._curr.token_type == token_type

    def _skip_to_closing(self) -> None:
        """Step over clauses such as NULL ON EMPTY, which change no type and name no column."""
        depth = 0
        while not self._is_at(TokenType.SENTINEL) and (depth or not self._is_at(TokenType.R_PAREN)):
            depth += self._is_at(TokenType.L_PAREN) - self._is_at(TokenType.R_PAREN)
            self._advance()

    def _parse_projections(self, *arguments: Any, **options: Any) -> Any:
        found = super()._parse_projections(*arguments, **options)
        if self._prev.token_type == TokenType.COMMA:
            self.raise_error("a column is expected after this comma", self._prev)
        return found

    def _parse_table(self, *arguments: Any, **options: Any) -> exp.Expr | None:
        window = self._window_table()
        return window or super()._parse_table(*arguments, **options)

    def _window_table(self) -> WindowTable | None:
        start = self._index
        wrapped = self._match_text_seq("TABLE") and self._match(TokenType.L_PAREN)
        name = self._curr.text.upper() if self._curr else ""
        token = self._curr
        if name not in WINDOW_FUNCTIONS or not self._next or self._next.token_type != TokenType.L_PAREN:
            self._retreat(start)
            return None
        self._advance(2)
        node = WindowTable(this=name, intervals=[]).update_positions(token)
        self._parse_csv(lambda: self._window_argument(node))
        self._match_r_paren()
        if wrapped:
            self._match_r_paren()
        node.set("alias", self._parse_table_alias(alias_tokens=self.TABLE_ALIAS_TOKENS))
        self._check_window(node, name, token)
        return node

    def _check_window(self, node: WindowTable, name: str, token: Token) -> None:
        count = WINDOW_FUNCTIONS[name]
        if not node.args.get("source") or not node.args.get("time_column"):
            raise InvalidSyntax(f"{name} needs TABLE <table>, DESCRIPTOR(<time column>)", token.start)
        if len(node.args["intervals"]) > count:
            raise InvalidSyntax(
                f"{name} with an offset is refused: in streaming Flink 2.0 loses rows with it", token.start
            )
        if len(node.args["intervals"]) < count:
            raise InvalidSyntax(f"{name} needs {count} interval{'s' * (count > 1)}", token.start)

    def _window_argument(self, node: WindowTable) -> exp.Expr:
        if self._next and self._next.token_type == TokenType.FARROW:
            self._advance(2)
        if self._match_text_seq("TABLE"):
            node.set("source", super()._parse_table_parts())
            if self._match(TokenType.PARTITION_BY):
                node.set("partition_by", self._parse_partition_columns())
        elif self._match_text_seq("DESCRIPTOR"):
            self._match_l_paren()
            node.set("time_column", exp.Column(this=self._parse_id_var()))
            self._match_r_paren()
        elif self._is_at(TokenType.L_PAREN):
            node.set("source", super()._parse_table())
        else:
            node.append("intervals", self._parse_disjunction())
        return node

    def _parse_partition_columns(self) -> list[exp.Expr]:
        """Columns of a PARTITION BY; each one but the first follows a comma that no other argument can follow."""
        columns: list[exp.Expr] = [exp.Column(this=self._parse_id_var())]
        while (
            self._is_at(TokenType.COMMA)
            and self._next
            and self._next.text.upper() != "DESCRIPTOR"
            and self._next.token_type != TokenType.INTERVAL
        ):
            self._advance()
            columns.append(exp.Column(this=self._parse_id_var()))
        return columns


class Flink(Dialect):
    """Flink SQL, for reading."""

    SUPPORTS_USER_DEFINED_TYPES = False

    Tokenizer = _Tokenizer
    Parser = _Parser


_DIALECT = Flink()
