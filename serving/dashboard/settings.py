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

_USER_HEADER = "x-forwarded-user"


class Login(StrEnum):
    """How people say who they are.

    NONE: not at all; on loopback only. ACCOUNTS: by a local account's password. PROXY: a proxy in front has asked them,
    and gives their name in a header.
    """

    NONE = "none"
    ACCOUNTS = "accounts"
    PROXY = "proxy"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says.

    Args:
        host: The address it listens on.
        port: The port.
        login: How people log in.
        header: The header in which a proxy gives the name, in lower case.
        proxies: Addresses from which that header is believed.
    """

    host: str
    port: int
    login: Login
    header: str = _USER_HEADER
    proxies: frozenset[str] = frozenset({"127.0.0.1", "::1"})

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
        return cls(host, port, Login(login), header, found)

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
