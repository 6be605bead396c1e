"""Types as Flink spells them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.sqltype import SqlType

PLAIN = ["STRING", "BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DATE", "BYTES"]


def _decimals() -> st.SearchStrategy[SqlType]:
    return st.integers(1, 38).flatmap(lambda p: st.integers(0, p).map(lambda s: SqlType("DECIMAL", (p, s))))


def _sized() -> st.SearchStrategy[SqlType]:
    texts = st.builds(
        lambda root, n: SqlType(root, (n,)),
        st.sampled_from(["CHAR", "VARCHAR", "BINARY", "VARBINARY"]),
        st.integers(1, 99),
    )
    times = st.builds(
        lambda root, n: SqlType(root, (n,)), st.sampled_from(["TIME", "TIMESTAMP", "TIMESTAMP_LTZ"]), st.integers(0, 9)
    )
    return texts | times


def _nested(inner: st.SearchStrategy[SqlType]) -> st.SearchStrategy[SqlType]:
    names = st.lists(st.text("abc `é1", min_size=1, max_size=4), min_size=1, max_size=3, unique=True)
    rows = names.flatmap(
        lambda found: st.tuples(*[inner] * len(found)).map(lambda kinds: SqlType("ROW", (), kinds, tuple(found)))
    )
    arrays = inner.map(lambda kind: SqlType("ARRAY", elements=(kind,)))
    maps = st.tuples(inner, inner).map(lambda kinds: SqlType("MAP", elements=kinds))
    return arrays | maps | rows


TYPES = st.recursive(st.sampled_from(PLAIN).map(SqlType) | _decimals() | _sized(), _nested, max_leaves=6)


@given(TYPES)
def test_a_type_is_read_back_as_it_is_written(kind: SqlType):
    assert SqlType.parse(str(kind)) == kind


@given(TYPES)
def test_letter_case_and_spaces_do_not_matter(kind: SqlType):
    if not kind.names and "`" not in str(kind):
        assert SqlType.parse(f"  {str(kind).lower().replace(', ', ' ,')} ") == kind


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("INTEGER", "INT"),
        ("NUMERIC(5)", "DECIMAL(5, 0)"),
        ("DECIMAL", "DECIMAL(10, 0)"),
        ("DOUBLE PRECISION", "DOUBLE"),
        ("VARCHAR(2147483647)", "STRING"),
        ("VARCHAR", "STRING"),
        ("VARBINARY(2147483647)", "BYTES"),
        ("CHAR", "CHAR(1)"),
        ("TIMESTAMP", "TIMESTAMP(6)"),
        ("TIMESTAMP(3) WITHOUT TIME ZONE", "TIMESTAMP(3)"),
        ("TIMESTAMP(3) WITH LOCAL TIME ZONE", "TIMESTAMP_LTZ(3)"),
        ("INT ARRAY", "ARRAY<INT>"),
        ("ROW(a INT NOT NULL, `b c` STRING 'why')", "ROW<`a` INT, `b c` STRING>"),
    ],
)
def test_an_alias_becomes_the_canonical_type(written: str, canonical: str):
    assert str(SqlType.parse(written)) == canonical


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("TEXT", "«TEXT» is not a type that Flink knows"),
        ("", "«» is not a type that Flink knows"),
        ("DECIMAL(39, 2)", "«DECIMAL(39, 2)» is not a type: 39 is outside 1 to 38"),
        ("DECIMAL(3, 5)", "«DECIMAL(3, 5)» is not a type: the scale 5 exceeds the precision 3"),
        ("TIMESTAMP(10)", "«TIMESTAMP(10)» is not a type: 10 is outside 0 to 9"),
        ("INT(3)", "«INT(3)» is not a type: INT takes no argument"),
        ("DECIMAL(x)", "«DECIMAL(x)» is not a type: a number is expected in its parentheses"),
        ("ARRAY<INT", "«ARRAY<INT» is not a type: «>» is expected before its end"),
        ("ARRAY INT", "«ARRAY INT» is not a type: «<» is expected before «INT»"),
        ("ROW<INT>", "«ROW<INT>» is not a type that Flink knows"),
        ("ROW<a INT, a INT>", "«ROW<a INT, a INT>» names a field twice"),
        ("INT NOT NULL", "«INT NOT NULL» says NOT NULL; a column says that by `required: true`"),
        ("INT;", "«INT;» is not a type: «;» is not expected there"),
        ("INT INT", "«INT INT» goes on after INT: «INT»"),
    ],
)
def test_what_is_no_type_is_refused_with_a_reason(written: str, reason: str):
    with pytest.raises(ValueError) as refused:
        SqlType.parse(written)
    assert str(refused.value) == reason
