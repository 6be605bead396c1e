"""Where the dashboard listens, and who may look: from the environment."""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from headwater.problem import HeadwaterError
from resources.local.dashboard import HOST_VARIABLE

LOGIN_VARIABLE = "HEADWATER_DASHBOARD_LOGIN"
HEADER_VARIABLE = "HEADWATER_DASHBOARD_USER_HEADER"
PROXIES_VARIABLE = "HEADWATER_DASHBOARD_PROXIES"
SQL_VARIABLE = "HEADWATER_DASHBOARD_SQL"
SQL_SECONDS_VARIABLE = "HEADWATER_DASHBOARD_SQL_SECONDS"

_USER_HEADER = "x-forwarded-user"


class Login(StrEnum):
    """How people say who they are.

    NONE: not at all; on loopback only. ACCOUNTS: by a local account's password. PROXY: a proxy in front has asked them,
    and gives their name in a header.
    """

    NONE = "none"
    ACCOUNTS = "accounts"
    PROXY = "proxy"


_EVERYBODY = "*"
_SQL_SECONDS = 30.0
_LONGEST_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Askers:
    """Who may ask in SQL, which reaches every table and market.

    Args:
        everybody: All who may look.
        names: Besides, these.
    """

    everybody: bool = False
    names: frozenset[str] = frozenset()

    @property
    def is_nobody(self) -> bool:
        """The SQL page is off."""
        return not self.everybody and not self.names

    def admit(self, user: str) -> bool:
        """This one may; "" is who was not asked for a name."""
        return self.everybody or (user != "" and user in self.names)

    @property
    def advice(self) -> str:
        """What somebody who may not can do about it."""
        return f"who runs the dashboard can allow it by {SQL_VARIABLE}"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says.

    Args:
        host: The address it listens on.
        port: The port.
        login: How people log in.
        header: The header in which a proxy gives the name, in lower case.
        proxies: Addresses from which that header is believed.
        askers: Who may ask in SQL; nobody unless the environment says so, on loopback, too.
        sql_seconds: How long one such question may take.
    """

    host: str
    port: int
    login: Login
    header: str = _USER_HEADER
    proxies: frozenset[str] = frozenset({"127.0.0.1", "::1"})
    askers: Askers = Askers()
    sql_seconds: float = _SQL_SECONDS

    @classmethod
    def of(cls, environment: Mapping[str, str], port: int) -> Self:
        """Read the environment.

        Raises HeadwaterError for a value that is none, and for an address beyond loopback without a login.
        """
        host = environment.get(HOST_VARIABLE, "") or "127.0.0.1"
        login = environment.get(LOGIN_VARIABLE, "") or Login.NONE.value
        if login not in set(Login):
            raise HeadwaterError(
                f"{LOGIN_VARIABLE}={login} is no kind of login", next_command="set it to none, accounts or proxy"
            )
        if Login(login) is Login.NONE and not is_loopback(host):
            raise HeadwaterError(
                f"Without a login the dashboard would be open to all who reach {host}",
                left="nothing was started",
                next_command=f"set {LOGIN_VARIABLE}=accounts, and: headwater user add NAME; or unset {HOST_VARIABLE}",
            )
        proxies = environment.get(PROXIES_VARIABLE, "127.0.0.1,::1")
        found = frozenset(_address(text.strip()) for text in proxies.split(",") if text.strip())
        header = (environment.get(HEADER_VARIABLE, "") or _USER_HEADER).lower()
        askers = _askers(environment.get(SQL_VARIABLE, ""), Login(login))
        seconds = _seconds(environment.get(SQL_SECONDS_VARIABLE, ""))
        return cls(host, port, Login(login), header, found, askers, seconds)

    @property
    def is_open(self) -> bool:
        """Nobody is asked who they are."""
        return self.login is Login.NONE


def from_environment(port: int) -> Settings:
    """What this process's environment says. Raises as `Settings.of`."""
    return Settings.of(os.environ, port)


def is_loopback(host: str) -> bool:
    """Only this machine reaches the address. A name other than localhost may lead anywhere."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise HeadwaterError(
            f"{PROXIES_VARIABLE} names {text}, which is no address",
            next_command="give addresses with commas between them, as in 10.0.0.7,10.0.0.8",
        ) from error


def _askers(text: str, login: Login) -> Askers:
    names = frozenset(part.strip() for part in text.split(",") if part.strip())
    if names == {_EVERYBODY}:
        return Askers(everybody=True)
    if _EVERYBODY in names:
        raise HeadwaterError(
            f"{SQL_VARIABLE}={text} names people, and everybody besides",
            next_command=f"set it to {_EVERYBODY} for all who may look, or to names with commas between them",
        )
    if names and login is Login.NONE:
        raise HeadwaterError(
            f"{SQL_VARIABLE} names people, and without a login nobody has a name",
            left="nothing was started",
            next_command=f"set {LOGIN_VARIABLE}, or {SQL_VARIABLE}={_EVERYBODY} for all who use this machine",
        )
    return Askers(names=names)


def _seconds(text: str) -> float:
    try:
        found = float(text or _SQL_SECONDS)
    except ValueError:
        found = 0.0
    if not 0 < found <= _LONGEST_SECONDS:
        raise HeadwaterError(
            f"{SQL_SECONDS_VARIABLE}={text} is no time from 0 to {_LONGEST_SECONDS:g} seconds",
            next_command=f"unset it, for {_SQL_SECONDS:g}",
        )
    return found
