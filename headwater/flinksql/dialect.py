"""The dialect: its words, and the ways in and out."""

import re
from itertools import pairwise
from typing import ClassVar

from sqlglot import exp, parser, tokens
from sqlglot.dialects.dialect import Dialect, NormalizationStrategy
from sqlglot.errors import ErrorLevel, TokenError
from sqlglot.tokenizer_core import TokenType

from headwater.flinksql.generator import FlinkGenerator
from headwater.flinksql.nodes import InvalidSyntax
from headwater.flinksql.parser import FlinkParser


class _Tokenizer(tokens.Tokenizer):
    IDENTIFIERS: ClassVar[list[str | tuple[str, str]]] = ["`"]
    HEX_STRINGS: ClassVar[list[str | tuple[str, str]]] = [("x'", "'"), ("X'", "'")]
    KEYWORDS: ClassVar[dict[str, TokenType]] = {
        word: token for word, token in tokens.Tokenizer.KEYWORDS.items() if word not in ("SEMI", "ANTI", "ASOF")
    } | {"MATCH_RECOGNIZE": TokenType.MATCH_RECOGNIZE}
    # After the name of a table as well; anywhere else it is a comment.
    TOKENS_PRECEDING_HINT: ClassVar[set[TokenType]] = {TokenType.SELECT, TokenType.INSERT, *parser.Parser.ID_VAR_TOKENS}


class Flink(Dialect):
    """Flink SQL."""

    SUPPORTS_USER_DEFINED_TYPES = False
    NULL_ORDERING = "nulls_are_small"
    NORMALIZATION_STRATEGY = NormalizationStrategy.CASE_SENSITIVE

    Tokenizer = _Tokenizer
    Parser = FlinkParser
    Generator = FlinkGenerator


_DIALECT = Flink()


def parse(sql: str) -> list[exp.Expr]:
    """The statements in a text. Raises InvalidSyntax."""
    try:
        found = _DIALECT.tokenize(sql)
    except TokenError as error:
        raise _unclosed(sql) from error
    for token, _ in pairwise(found):
        if token.text == '"' and token.token_type != TokenType.STRING:
            raise InvalidSyntax("in Flink SQL a name stands in backticks and a text in '…'; \" is neither", token.start)
    return [tree for tree in _DIALECT.parser().parse(found, sql) if tree is not None]


def generate(tree: exp.Expr, *, pretty: bool = False) -> str:
    """A tree as Flink SQL; parsed again it is the same tree. Raises UnsupportedError for what Flink cannot say."""
    return tree.sql(dialect=_DIALECT, pretty=pretty, unsupported_level=ErrorLevel.RAISE)


_PIECES = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|`(?:[^`]|``)*`|/\*|[^'`/-]+|.", re.DOTALL)


def _unclosed(sql: str) -> InvalidSyntax:
    """What is opened and not closed; sqlglot tells only where the text ends."""
    for piece in _PIECES.finditer(sql):
        if piece[0] in ("'", "`", "/*"):
            return InvalidSyntax(f"the {piece[0]} that is opened here is never closed", piece.start())
    return InvalidSyntax("this cannot be read as SQL", 0)
