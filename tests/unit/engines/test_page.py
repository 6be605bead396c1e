"""The page «One SQL, three engines»."""

from tests.integration.engines.page import PAGE, written


def test_the_page_lists_the_suite_as_it_is():
    page = PAGE.read_text(encoding="utf-8")
    assert page == written(page), "python -m tests.integration.engines.page writes it"
