"""Who is let in, by every kind of login."""

import stat
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

import resources.accounts
from headwater.problem import HeadwaterError
from resources.accounts import Accounts
from serving.dashboard.guard import USER, Guard
from serving.dashboard.login import add_login
from serving.dashboard.sessions import COOKIE, Sessions
from serving.dashboard.settings import Login, Settings

HTML = {"accept": "text/html"}
PASSWORD = "correct horse"


@pytest.fixture
def accounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Accounts:
    monkeypatch.setattr(resources.accounts, "_N", 2**4)
    made = Accounts(tmp_path / "accounts.json")
    made.add("mei", PASSWORD)
    return made


def site(
    settings: Settings, accounts: Accounts, client: str = "127.0.0.1", base: str = "http://127.0.0.1"
) -> TestClient:
    app = FastAPI()

    @app.get("/d/{name}")
    def page(name: str) -> PlainTextResponse:
        return PlainTextResponse(f"{name} for everybody")

    @app.websocket("/_nicegui_ws/socket")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(f"hello {socket.scope[USER]}")
        await socket.close()

    sessions = None
    if settings.login is Login.ACCOUNTS:
        sessions = Sessions(accounts, accounts.file.parent / "dashboard")
        add_login(app, accounts, sessions)
    app.add_middleware(Guard, settings=settings, sessions=sessions)
    return TestClient(app, base_url=base, client=(client, 4711), follow_redirects=False)


def heard(browser: TestClient, **headers: str) -> str:
    with browser.websocket_connect(f"ws://{browser.base_url.host}/_nicegui_ws/socket", headers=headers) as socket:
        return socket.receive_text()


def refused(browser: TestClient, **headers: str) -> bool:
    try:
        heard(browser, **headers)
    except WebSocketDisconnect:
        return True
    return False


def entered(
    browser: TestClient, name: str = "mei", password: str = PASSWORD, following: str = "/d/shop?market=hk"
) -> int:
    return browser.post("/login", data={"name": name, "password": password, "next": following}).status_code


OPEN = Settings("127.0.0.1", 1, Login.NONE)
LOCAL = Settings("0.0.0.0", 1, Login.ACCOUNTS)
BEHIND = Settings("0.0.0.0", 1, Login.PROXY, "x-forwarded-user", frozenset({"10.0.0.7"}))


def test_without_a_login_everybody_on_this_machine_looks(accounts: Accounts) -> None:
    browser = site(OPEN, accounts)
    assert browser.get("/d/shop").status_code == 200
    assert heard(browser) == "hello "


@pytest.mark.parametrize("settings", [OPEN, LOCAL])
def test_pages_of_other_sites_are_refused_whatever_the_cookie(settings: Settings, accounts: Accounts) -> None:
    browser = site(settings, accounts)
    if settings is LOCAL:
        entered(browser)
    assert browser.get("/d/shop", headers={"origin": "https://evil.example"}).status_code == 403
    assert refused(browser, origin="https://evil.example")
    assert not refused(browser, origin="http://127.0.0.1")


def test_a_name_that_another_site_has_lead_here_is_refused_without_a_login(accounts: Accounts) -> None:
    browser = site(OPEN, accounts, base="http://evil.example")
    assert browser.get("/d/shop").status_code == 403
    assert refused(browser, origin="http://evil.example")


def test_a_stranger_gets_the_form_and_nothing_else(accounts: Accounts) -> None:
    browser = site(LOCAL, accounts)
    page = browser.get("/d/shop?market=hk", headers=HTML)
    assert (page.status_code, page.headers["location"]) == (303, "/login?next=%2Fd%2Fshop%3Fmarket%3Dhk")
    assert browser.get("/d/shop").status_code == 401
    assert browser.get("/_nicegui/x/components/y").status_code == 401
    assert browser.get("/login/../d/shop").status_code == 401
    assert browser.get("/assets/hw_top.js").status_code == 401
    assert refused(browser)
    assert "Password" in browser.get("/login").text


def test_an_account_lets_in_until_it_logs_out(accounts: Accounts) -> None:
    browser = site(LOCAL, accounts)
    answer = browser.post("/login", data={"name": "mei", "password": PASSWORD, "next": "/d/shop?market=hk"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/d/shop?market=hk")
    assert "HttpOnly" in answer.headers["set-cookie"] and "SameSite=lax" in answer.headers["set-cookie"]
    assert browser.get("/d/shop").status_code == 200
    assert heard(browser) == "hello mei"
    browser.post("/logout")
    assert browser.get("/d/shop").status_code == 401


@pytest.mark.parametrize(("name", "password"), [("mei", "wrong horse"), ("mei", ""), ("nobody", PASSWORD), ("", "")])
def test_a_wrong_password_and_a_name_without_an_account_are_told_apart_by_nothing(
    accounts: Accounts, name: str, password: str
) -> None:
    browser = site(LOCAL, accounts)
    answer = browser.post("/login", data={"name": name, "password": password})
    assert answer.status_code == 401
    assert "no such account with this password" in answer.text
    assert browser.get("/d/shop").status_code == 401


def test_guessing_comes_to_an_end(accounts: Accounts) -> None:
    browser = site(LOCAL, accounts)
    assert {entered(browser, password=f"guess number {n}") for n in range(10)} == {401}
    assert entered(browser) == 429
    assert entered(site(LOCAL, accounts, client="127.0.0.2")) == 303


def test_another_password_and_the_accounts_end_end_its_sessions(accounts: Accounts) -> None:
    browser = site(LOCAL, accounts)
    entered(browser)
    accounts.add("mei", "another horse")
    assert browser.get("/d/shop").status_code == 401
    entered(browser, password="another horse")
    assert browser.get("/d/shop").status_code == 200
    accounts.remove("mei")
    assert browser.get("/d/shop").status_code == 401


def test_a_cookie_of_ones_own_making_counts_for_nothing(accounts: Accounts, tmp_path: Path) -> None:
    browser = site(LOCAL, accounts)
    forged = Sessions(accounts, tmp_path / "elsewhere").begin("mei")
    for cookie in (forged, "mei", "", "a.b.c", forged[:-1]):
        browser.cookies.set(COOKIE, cookie)
        assert browser.get("/d/shop").status_code == 401


@pytest.mark.parametrize(
    "following", ["//evil.example/x", "https://evil.example", "/\\evil.example", "javascript:alert(1)", ""]
)
def test_a_login_leads_to_no_other_site(accounts: Accounts, following: str) -> None:
    answer = site(LOCAL, accounts).post("/login", data={"name": "mei", "password": PASSWORD, "next": following})
    assert answer.headers["location"] == "/"


def test_a_form_that_is_too_long_is_not_read(accounts: Accounts) -> None:
    assert entered(site(LOCAL, accounts), password="x" * 10_000) == 413


def test_a_proxys_header_counts_from_the_proxy_alone(accounts: Accounts) -> None:
    through, past = site(BEHIND, accounts, "10.0.0.7"), site(BEHIND, accounts, "10.0.0.8")
    assert through.get("/d/shop", headers={"X-Forwarded-User": "mei"}).status_code == 200
    assert heard(through, **{"x-forwarded-user": "mei"}) == "hello mei"
    assert through.get("/d/shop").status_code == 401
    assert through.get("/d/shop", headers={"X-Forwarded-User": ""}).status_code == 401
    assert past.get("/d/shop", headers={"X-Forwarded-User": "mei"}).status_code == 401
    assert past.get("/d/shop", headers={"X-Forwarded-User": "mei", "X-Forwarded-For": "10.0.0.7"}).status_code == 401
    assert refused(past, **{"x-forwarded-user": "mei"})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "dashboard.internal", ""])
def test_without_a_login_only_loopback_is_listened_on(host: str) -> None:
    environment = {"HEADWATER_DASHBOARD_HOST": host}
    if host == "":
        assert Settings.of(environment, 8700).host == "127.0.0.1"
        return
    with pytest.raises(HeadwaterError, match="open to all who reach"):
        Settings.of(environment, 8700)
    for login in ("accounts", "proxy"):
        assert Settings.of(environment | {"HEADWATER_DASHBOARD_LOGIN": login}, 8700).host == host


def test_settings_that_are_none_are_refused_by_name() -> None:
    with pytest.raises(HeadwaterError, match="HEADWATER_DASHBOARD_LOGIN=ldap is no kind of login"):
        Settings.of({"HEADWATER_DASHBOARD_LOGIN": "ldap"}, 8700)
    with pytest.raises(HeadwaterError, match="names everywhere, which is no address"):
        Settings.of({"HEADWATER_DASHBOARD_PROXIES": "everywhere"}, 8700)


def test_passwords_lie_hashed_in_a_file_that_only_its_owner_reads(accounts: Accounts) -> None:
    assert PASSWORD not in accounts.file.read_text()
    assert stat.S_IMODE(accounts.file.stat().st_mode) == 0o600
    Sessions(accounts, accounts.file.parent / "dashboard")
    assert stat.S_IMODE((accounts.file.parent / "dashboard" / "secret").stat().st_mode) == 0o600
    with pytest.raises(HeadwaterError, match="has 5 characters"):
        accounts.add("kim", "short")
    with pytest.raises(HeadwaterError, match="cannot be an account's name"):
        accounts.add("../kim", "long enough it is")
    assert accounts.names == ("mei",)
