"""Where alerts are sent, without the secrets that addresses hold.

An address of a notification service is a secret: whoever has it can write there. It is read from the environment and
goes to the library that sends; everything else has the destination's name, and a key that an address cannot be guessed
from.
"""

import hashlib
import hmac
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from headwater.alerts.policy import NOTIFY_VARIABLE

LOG = "log"
"""The destination that is always there: the log of the process that looks."""

# In the addresses of these the host is a host. Those of most services have a token in its place.
_WITH_HOST = frozenset(
    scheme + secure
    for scheme in ("json", "xml", "form", "http", "mailto", "apprise", "gotify", "ntfy", "matrix", "mmost", "rocket")
    for secure in ("", "s")
)
_BETWEEN = re.compile(r"[,\s]+(?=[a-zA-Z][a-zA-Z0-9+]*://)")


@dataclass(frozen=True, slots=True)
class Destination:
    """One place that alerts are sent to.

    Args:
        key: Tells it from all others.
        name: For people: scheme and host, or the scheme alone where a token stands for the host.
        url: The address. Never shown.
    """

    key: str
    name: str
    url: str = field(default="", repr=False)


def addresses(variables: Iterable[str], salt: bytes, environment: Mapping[str, str] = os.environ) -> list[Destination]:
    """The destinations that these environment variables hold, each once; URLs stand apart by commas or spaces."""
    texts = (environment.get(variable, "").strip() for variable in variables)
    urls = dict.fromkeys(url for text in texts if text for url in _BETWEEN.split(text))
    return [Destination(_key(url, salt), name_of(url), url) for url in urls]


def variables_set(variables: Iterable[str], environment: Mapping[str, str] = os.environ) -> list[str]:
    """Those that hold an address; HEADWATER_NOTIFY in the place of one that does not, so that nothing is lost."""
    return list(dict.fromkeys(name if environment.get(name, "").strip() else NOTIFY_VARIABLE for name in variables))


def name_of(url: str) -> str:
    """What a destination is called: its scheme, and its host where there is one."""
    scheme, found, _ = url.partition("://")
    scheme = scheme.lower()
    if not found or scheme not in _WITH_HOST:
        return f"{scheme}://…" if found else "what is no address"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return f"{scheme}://…"
    return f"{scheme}://{host or '…'}" + (f":{port}" if port else "")


def without_secrets(text: str, url: str) -> str:
    """The text without anything that stands in the address, but for the destination's name."""
    _, _, rest = url.partition("://")
    name = name_of(url).partition("://")[2]
    public = {name, name.partition(":")[0]}
    parts = {part for part in re.split(r"[/:@?&=#,+]", rest) if len(part) > 2}
    for part in sorted({url, rest, *parts, *map(unquote, parts)} - public, key=len, reverse=True):
        text = text.replace(part, "…")
    return text


def _key(url: str, salt: bytes) -> str:
    return hmac.new(salt, url.encode(), hashlib.sha256).hexdigest()[:12]
