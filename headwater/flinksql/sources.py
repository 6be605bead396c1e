"""Reads what can stand in FROM: window table functions, hints on tables, MATCH_RECOGNIZE, LATERAL TABLE."""

from typing import Any

from sqlglot import exp, parser
from sqlglot.tokenizer_core import Token, TokenType

from headwater.flinksql.nodes import (
    WINDOW_ARGUMENTS,
    WINDOW_COLUMNS,
    InvalidSyntax,
    Matched,
    WindowBound,
    WindowTable,
)


class SourceParser(parser.Parser):
    """The part of the parser for FROM and JOIN."""

    _table_hint: exp.Hint | None = None

    def _parse_table(self, *arguments: Any, **options: Any) -> exp.Expr | None:
        found = self._window_table() or self._lateral_table() or super()._parse_table(*arguments, **options)
        if self._table_hint and found is not None and (table := found.find(exp.Table)):
            # A table to insert into, whose columns may follow.
            table.set("hints", self._parse_table_hints())
        if found is not None and self._curr and self._curr.token_type == TokenType.MATCH_RECOGNIZE:
            return self._matched(found)
        return found

    def _parse_table_parts(self, *arguments: Any, **options: Any) -> Any:
        start = self._index
        table = super()._parse_table_parts(*arguments, **options)
        if self._curr and self._curr.token_type == TokenType.HINT:
            if options.get("fast"):
                self._retreat(start)
                return None
            # Kept until sqlglot asks for the hints of this table, after its version and alias.
            self._table_hint = self._parse_hint()
        return table

    def _parse_table_hints(self) -> list[exp.Expr] | None:
        hint, self._table_hint = self._table_hint, None
        return [hint] if hint else None

    def _lateral_table(self) -> exp.Lateral | None:
        """LATERAL TABLE(f(x)) AS t (a, b)."""
        start = self._index
        if not (self._match_text_seq("LATERAL", "TABLE") and self._match(TokenType.L_PAREN)):
            self._retreat(start)
            return None
        call = self._parse_function()
        if call is None:
            self.raise_error("Expecting a table function")
        self._match_r_paren()
        return exp.Lateral(this=call, alias=self._parse_table_alias(alias_tokens=self.TABLE_ALIAS_TOKENS))

    def _window_table(self) -> WindowTable | None:
        start = self._index
        wrapped = self._match_text_seq("TABLE") and self._match(TokenType.L_PAREN)
        name = self._curr.text.upper() if self._curr else ""
        token = self._curr
        if name not in WINDOW_ARGUMENTS or not self._next or self._next.token_type != TokenType.L_PAREN:
            self._retreat(start)
            return None
        self._advance(2)
        given: dict[str, Any] = {}
        self._parse_csv(lambda: self._window_argument(name, given))
        self._match_r_paren()
        if wrapped:
            self._match_r_paren()
        node = _window_node(name, given, token)
        node.set("alias", self._parse_table_alias(alias_tokens=self.TABLE_ALIAS_TOKENS))
        return node

    def _window_argument(self, function: str, given: dict[str, Any]) -> exp.Expr:
        """Put one argument where it belongs; a name before => says where, else its place does."""
        token, slot = self._curr, ""
        if self._next and self._next.token_type == TokenType.FARROW:
            slot = token.text.lower()
            self._advance(2)
        if self._match_text_seq("TABLE"):
            source = self._parse_table_parts()
            source.set("hints", self._parse_table_hints())
            given["source"] = source
            if self._match(TokenType.PARTITION_BY):
                given["partition_by"] = self._parse_partition_columns()
        elif self._match_text_seq("DESCRIPTOR"):
            self._match_l_paren()
            given["time_column"] = exp.Column(this=self._parse_id_var())
            self._match_r_paren()
        elif self._curr and self._curr.token_type == TokenType.L_PAREN:
            given["source"] = super()._parse_table()
            if self._match(TokenType.PARTITION_BY):
                given["partition_by"] = self._parse_partition_columns()
        else:
            self._window_interval(function, slot, given, token)
        return exp.Null()

    def _window_interval(self, function: str, slot: str, given: dict[str, Any], token: Token) -> None:
        known = (*WINDOW_ARGUMENTS[function], "offset")
        slot = slot or next((free for free in known if free not in given), "")
        value = self._parse_disjunction()
        if slot in known and slot not in given:
            given[slot] = value
        else:
            given.setdefault("unknown", token)

    def _parse_partition_columns(self) -> list[exp.Expr]:
        """Columns of a PARTITION BY; each one but the first follows a comma that no other argument can follow."""
        columns: list[exp.Expr] = [exp.Column(this=self._parse_id_var())]
        while (
            self._curr
            and self._curr.token_type == TokenType.COMMA
            and self._next
            and self._next.text.upper() not in ("DESCRIPTOR", "TIMECOL")
            and self._next.token_type != TokenType.INTERVAL
        ):
            self._advance()
            columns.append(exp.Column(this=self._parse_id_var()))
        return columns

    def _matched(self, source: exp.Expr) -> Matched:
        token = self._curr
        self._advance()
        self._match_l_paren()
        node = Matched(this=source).update_positions(token)
        node.set("partition_by", self._parse_partition_by())
        node.set("order", self._parse_order())
        if self._match_text_seq("MEASURES"):
            node.set("measures", self._parse_csv(self._parse_match_recognize_measure))
        rows = self._words_until("AFTER", "PATTERN")
        node.set("rows", exp.var(rows) if rows else None)
        after = self._words_until("PATTERN")
        node.set("after", exp.var(after) if after else None)
        if not self._match_text_seq("PATTERN"):
            self.raise_error("Expecting PATTERN")
        node.set("pattern", exp.var(self._pattern()))
        if self._match_text_seq("WITHIN"):
            node.set("within", self._parse_interval())
        if self._match_text_seq("DEFINE"):
            node.set("define", self._parse_csv(self._parse_name_as_expression))
        self._match_r_paren()
        node.set("alias", self._parse_table_alias(alias_tokens=self.TABLE_ALIAS_TOKENS))
        return node

    def _words_until(self, *ends: str) -> str:
        words = []
        while self._curr and self._curr.text.upper() not in ends and self._curr.token_type != TokenType.R_PAREN:
            if self._curr.token_type == TokenType.SENTINEL:
                self.raise_error("Expecting PATTERN")
            words.append(self._curr.text)
            self._advance()
        return " ".join(words)

    def _pattern(self) -> str:
        """The pattern between its parentheses, as it is written."""
        self._match_l_paren()
        first, depth = self._curr, 1
        while True:
            if self._curr is None or self._curr.token_type == TokenType.SENTINEL:
                self.raise_error("Expecting )")
            depth += (self._curr.token_type == TokenType.L_PAREN) - (self._curr.token_type == TokenType.R_PAREN)
            if not depth:
                break
            self._advance()
        text = self.sql[first.start : self._curr.start]
        self._match_r_paren()
        return " ".join(text.split())


def _window_node(function: str, given: dict[str, Any], token: Token) -> WindowTable:
    source, column = given.pop("source", None), given.pop("time_column", None)
    if source is None or column is None:
        raise InvalidSyntax(f"{function} needs TABLE <table>, DESCRIPTOR(<time column>)", token.start)
    wanted = WINDOW_ARGUMENTS[function]
    if any(slot not in given for slot in wanted):
        raise InvalidSyntax(f"{function} needs {len(wanted)} interval{'s' * (len(wanted) > 1)}", token.start)
    if unknown := given.pop("unknown", None):
        names = ", ".join(slot.upper() for slot in (*wanted, "offset"))
        raise InvalidSyntax(f"{function} takes {names}, each once; «{unknown.text}» is none of them", unknown.start)
    bounds = [
        exp.alias_(WindowBound(this=column.copy(), bound=exp.var(name)), name, copy=False) for name in WINDOW_COLUMNS
    ]
    inner = exp.Select(expressions=[exp.Star(), *bounds], from_=exp.From(this=source))
    return WindowTable(this=inner, function=function, **given).update_positions(token)
