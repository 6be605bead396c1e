"""What becomes of an address, which is a secret."""

import pytest

from resources.alerting.addresses import addresses, name_of, variables_set, without_secrets

SALT = b"salt"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("json://user:secret@hooks.example.com:8080/T0KEN/x", "json://hooks.example.com:8080"),
        ("mailto://me:secret@mail.example.com?to=you@example.com", "mailto://mail.example.com"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXr/#general", "slack://…"),
        ("tgram://123456789:abcdefg_hijklmnop/12315544/", "tgram://…"),
        ("json://[broken", "json://…"),
        ("secret", "what is no address"),
    ],
)
def test_a_destination_is_named_without_its_secrets(url: str, name: str):
    assert name_of(url) == name


def test_what_an_address_holds_is_taken_out_of_any_text():
    url = "json://user:pa%20ss@hooks.example.com/T0KEN?key=abc123"
    said = "POST /T0KEN?key=abc123 to hooks.example.com as user with pa ss failed"
    assert without_secrets(said, url) == "POST /…?…=… to hooks.example.com as … with … failed"


def test_urls_stand_apart_by_commas_or_spaces_and_may_hold_commas():
    text = "json://a/x, mailto://me@b?to=c@d,e@f  json://a/x\nslack://t/u/v"
    found = addresses(["HEADWATER_NOTIFY", "UNSET"], SALT, {"HEADWATER_NOTIFY": text})
    assert [each.url for each in found] == ["json://a/x", "mailto://me@b?to=c@d,e@f", "slack://t/u/v"]
    assert all("json" not in each.key for each in found)
    assert "/x" not in repr(found[0])


def test_a_route_s_variable_that_is_not_set_gives_way_to_the_default():
    environment = {"ORDERS": "json://a", "BLANK": " "}
    assert variables_set(["ORDERS", "BLANK", "UNSET"], environment) == ["ORDERS", "HEADWATER_NOTIFY"]
