"""Reads CREATE TABLE with all that Flink puts into it, and INSERT with static partitions."""

from typing import Any

from sqlglot import exp, parser
from sqlglot.tokenizer_core import Token, TokenType

from headwater.flinksql.nodes import ComputedColumn, CreateTable, MetadataColumn, PhysicalColumn, Watermark

_CLOSING = {TokenType.L_PAREN: TokenType.R_PAREN, TokenType.LT: TokenType.GT}


class StatementParser(parser.Parser):
    """The part of the parser for statements that are not queries.

    Source: https://nightlies.apache.org/flink/flink-docs-release-2.0/docs/dev/table/sql/create/
    """

    def _type_from(self, first: Token) -> exp.DataType:
        raise NotImplementedError

    def _parse_create(self) -> exp.Create | exp.Command:
        start, index = self._prev, self._index
        temporary = bool(self._match(TokenType.TEMPORARY))
        if not self._match(TokenType.TABLE):
            self._retreat(index)
            return super()._parse_create() if self._creates_view() else self._parse_as_command(start)
        node = CreateTable(kind="TABLE", temporary=temporary, exists=self._parse_exists(not_=True))
        table = self._parse_table_parts(schema=True)
        items = self._parse_wrapped_csv(self._table_item) if self._match(TokenType.L_PAREN, advance=False) else []
        node.set("this", exp.Schema(this=table, expressions=items) if items else table)
        self._table_clauses(node)
        if self._match(TokenType.ALIAS):
            node.set("expression", self._parse_select())
        return node

    def _creates_view(self) -> bool:
        words = [self._curr.text.upper() if self._curr else "", self._next.text.upper() if self._next else ""]
        return "VIEW" in words

    def _table_clauses(self, node: CreateTable) -> None:
        while True:
            if self._match(TokenType.COMMENT):
                node.set("comment", self._parse_string())
            elif self._match_text_seq("DISTRIBUTED"):
                node.set("distribution", exp.var(self._words_before("PARTITIONED", "WITH", "LIKE", "AS")))
            elif self._match(TokenType.PARTITION_BY):
                node.set("partitioned_by", self._parse_wrapped_csv(self._parse_id_var))
            elif self._match_pair(TokenType.WITH, TokenType.L_PAREN):
                node.set("options", self._parse_csv(self._parse_equality))
                self._match_r_paren()
            elif self._match(TokenType.LIKE):
                node.set("like", exp.var(self._words_before("AS")))
            else:
                return

    def _words_before(self, *ends: str) -> str:
        """The text up to one of these words outside parentheses, or the end of the statement."""
        first, depth = self._curr, 0
        while self._curr and self._curr.token_type not in (TokenType.SENTINEL, TokenType.SEMICOLON):
            if not depth and self._curr.text.upper() in ends:
                break
            depth += (self._curr.token_type == TokenType.L_PAREN) - (self._curr.token_type == TokenType.R_PAREN)
            self._advance()
        return " ".join(self.sql[first.start : self._prev.end + 1].split())

    def _table_item(self) -> exp.Expr:
        if self._match_text_seq("WATERMARK", "FOR"):
            column = self._parse_column()
            self._need(TokenType.ALIAS, "AS")
            return Watermark(this=column, expression=self._parse_disjunction())
        if self._match_text_seq("CONSTRAINT"):
            self._parse_id_var()
        if self._match(TokenType.PRIMARY_KEY):
            keys = self._parse_wrapped_csv(self._parse_id_var)
            self._match_text_seq("NOT", "ENFORCED")
            return exp.PrimaryKey(expressions=keys)
        return self._table_column()

    def _table_column(self) -> exp.Expr:
        name = self._parse_id_var()
        if name is None:
            self.raise_error("Expecting the name of a column")
        if self._match(TokenType.ALIAS):
            return ComputedColumn(this=name, expression=self._parse_disjunction(), comment=self._column_comment())
        kind = self._column_type()
        if not self._match_text_seq("METADATA"):
            return self._physical(PhysicalColumn(this=name, kind=kind))
        key = self._parse_string() if self._match(TokenType.FROM) else None
        node = MetadataColumn(this=name, kind=kind, key=key, virtual=bool(self._match_text_seq("VIRTUAL")))
        return self._physical(node)

    def _physical(self, node: Any) -> Any:
        while True:
            if self._match_text_seq("NOT", "NULL"):
                node.set("not_null", True)
            elif self._match(TokenType.PRIMARY_KEY):
                self._match_text_seq("NOT", "ENFORCED")
                node.set("primary_key", True)
            elif self._match_text_seq("METADATA"):
                # NOT NULL stood before it.
                key = self._parse_string() if self._match(TokenType.FROM) else None
                node = MetadataColumn(**node.args, key=key, virtual=bool(self._match_text_seq("VIRTUAL")))
            elif not self._match(TokenType.NULL):
                break
        node.set("comment", self._column_comment())
        return node

    def _column_comment(self) -> exp.Expr | None:
        return self._parse_string() if self._match(TokenType.COMMENT) else None

    def _column_type(self) -> exp.DataType:
        first = self._curr
        self._advance()
        if self._curr and self._curr.token_type in _CLOSING:
            self._skip_enclosed(self._curr.token_type)
        self._match_text_seq("PRECISION")
        if self._match_text_seq("WITHOUT", "TIME", "ZONE") or self._match_text_seq("WITH", "LOCAL", "TIME", "ZONE"):
            pass
        while self._match_text_seq("ARRAY") or self._match_text_seq("MULTISET"):
            pass
        return self._type_from(first)

    def _skip_enclosed(self, opening: TokenType) -> None:
        depth = 0
        while True:
            if self._curr is None or self._curr.token_type == TokenType.SENTINEL:
                self.raise_error("Expecting )" if opening == TokenType.L_PAREN else "Expecting >")
            depth += (self._curr.token_type == opening) - (self._curr.token_type == _CLOSING[opening])
            self._advance()
            if not depth:
                return

    def _need(self, token_type: TokenType, word: str) -> None:
        if not self._match(token_type):
            self.raise_error(f"Expecting {word}")
