"""The login page: a plain form that needs no script."""

import html
from urllib.parse import parse_qs, urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from resources.accounts import Accounts
from serving.dashboard.body import body_of
from serving.dashboard.sessions import COOKIE, LIFETIME_SECONDS, Guesses, Sessions

_LONGEST_FORM = 8192
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Log in · Headwater</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/assets/page.css"></head>
<body><main class="login"><h1>Headwater</h1>{wrong}
<form method="post" action="/login" style="display:grid;gap:14px">
<label>Name <input name="name" autocomplete="username" required autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<input type="hidden" name="next" value="{next}"><button>Log in</button></form></main></body></html>"""


def add_login(app: FastAPI, accounts: Accounts, sessions: Sessions) -> None:
    """Make /login and /logout known."""
    guesses = Guesses()

    @app.get("/login")
    def form(next: str = "/") -> HTMLResponse:
        return _page("", next)

    @app.post("/login")
    async def enter(request: Request) -> Response:
        said = await _form(request)
        if said is None:
            return _page("That was too much to read.", "/", 413)
        address = request.client.host if request.client else ""
        if not guesses.may(address):
            return _page("Too many wrong passwords from your address; try again in five minutes.", said["next"], 429)
        if not await run_in_threadpool(accounts.verify, said["name"], said["password"]):
            guesses.was_wrong(address)
            return _page("There is no such account with this password.", said["next"], 401)
        answer = RedirectResponse(_local(said["next"]), 303)
        cookie = sessions.begin(said["name"])
        is_secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, cookie, LIFETIME_SECONDS, httponly=True, samesite="lax", secure=is_secure)
        return answer

    @app.post("/logout")
    def leave() -> RedirectResponse:
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE)
        return answer


async def _form(request: Request) -> dict[str, str] | None:
    """The form's fields; None when it is too long."""
    body = await body_of(request, _LONGEST_FORM)
    if body is None:
        return None
    found = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: found.get(name, [""])[0] for name in ("name", "password", "next")}


def _page(wrong: str, following: str, status: int = 200) -> HTMLResponse:
    said = f'<p class="wrong" role="alert">{html.escape(wrong)}</p>' if wrong else ""
    text = _PAGE.format(wrong=said, next=html.escape(_local(following)))
    return HTMLResponse(text, status, {"Cache-Control": "no-store"})


def _local(address: str) -> str:
    """The address if it is one of this site's, and its beginning otherwise: a login leads nowhere else."""
    parts = urlsplit(address)
    is_local = not parts.scheme and not parts.netloc and address.startswith("/") and "\\" not in address
    return address if is_local and not address.startswith("//") else "/"
