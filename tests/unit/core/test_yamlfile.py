"""YAML with places."""

from pathlib import Path

import pytest

from headwater.problem import Position
from headwater.yamlfile import read_yaml

FILE = Path("x.yaml")
TEXT = "a: 1\nb:\n  - one\n  - {c: two, d: [3, 4]}\n"


def test_every_key_and_value_has_its_place():
    content, problems = read_yaml(FILE, TEXT)
    assert problems == []
    assert content.value == {"a": 1, "b": ["one", {"c": "two", "d": [3, 4]}]}
    assert content.at_key("b", 1, "d") == Position(FILE, 4, 14)
    assert content.at_value("b", 1, "d", 1) == Position(FILE, 4, 21)


def test_what_is_missing_is_placed_where_it_would_be():
    content, _ = read_yaml(FILE, TEXT)
    assert content.at_value("b", 1, "e", 5) == content.at_key("b", 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("01:30", "01:30"),
        ("2026-11-01", "2026-11-01"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("12", 12),
        ("-1.5", -1.5),
        ("1e3", 1000.0),
        ("~", None),
        ("'12'", "12"),
        ("|\n  12\n", "12\n"),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(text: str, value: object):
    content, _ = read_yaml(FILE, f"a: {text}")
    assert content.value == {"a": value}
    assert type(content.value["a"]) is type(value)


def test_an_empty_file_has_no_value():
    assert read_yaml(FILE, "# nothing\n")[0].value is None


def test_a_key_that_is_no_word_is_a_problem():
    _, problems = read_yaml(FILE, "{[1]: 2}")
    assert [str(problem) for problem in problems] == ["x.yaml:1:2: a key must be a plain word"]
