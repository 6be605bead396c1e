"""The API's TLS, by real handshakes."""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from resources.local import ready, serving
from resources.local.ports import free_ports
from tests.integration.api.process import ROW, Api
from tests.unit.serving.authority import Authority, Files


def settings(files: Files) -> dict[str, str]:
    """What the environment says of them."""
    return {
        "HEADWATER_API_TLS_CERTIFICATE": str(files.certificate),
        "HEADWATER_API_TLS_KEY": str(files.private_key),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder, "authority")


@pytest.fixture(scope="module")
def api(folder: Path) -> Api:
    return Api.in_folder(folder)


@pytest.fixture(scope="module")
def secure(api: Api, authority: Authority) -> Iterator[str]:
    with api.running(settings(authority.vouch("server")), scheme="https") as url:
        yield url


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.certificate))


def test_who_trusts_the_authority_gets_an_answer(secure: str, api: Api, authority: Authority) -> None:
    with httpx.Client(base_url=secure, verify=trusting(authority)) as client:
        answer = client.get("/v1/kpi/sg/regular/motorcycle", headers={"authorization": f"Bearer {api.token}"})
    assert (answer.status_code, answer.json()["row"]["created"]) == (200, ROW["created"])


@pytest.mark.parametrize(
    ("version", "is_spoken"),
    [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)],
    ids=lambda value: value.name if isinstance(value, ssl.TLSVersion) else "",
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_only_tls_1_2_and_newer_is_spoken(
    secure: str, api: Api, authority: Authority, version: ssl.TLSVersion, is_spoken: bool
) -> None:
    context = trusting(authority)
    # At its usual level OpenSSL would not even offer the old version.
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    try:
        with (
            socket.create_connection(("127.0.0.1", api.stack.ports.api), 10) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
        ):
            assert is_spoken, wrapped.version()
    except (ssl.SSLError, ConnectionError) as error:
        assert not is_spoken, error


def test_who_does_not_trust_the_authority_refuses(secure: str, folder: Path) -> None:
    for context in (ssl.create_default_context(), trusting(Authority(folder, "stranger"))):
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"{secure}/healthz", verify=context)


def test_plain_http_gets_no_answer(secure: str) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{secure.replace('https', 'http')}/healthz")


def test_doctor_and_up_find_it_where_it_is(secure: str, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not ready.api_answers(api.stack)
    monkeypatch.setenv("HEADWATER_API_TLS_CERTIFICATE", "as the process has it")
    assert ready.api_answers(api.stack)
    assert serving.url(api.stack) == secure


def test_a_key_that_is_not_there_is_said_before_the_port_is_opened(api: Api, authority: Authority) -> None:
    files = authority.vouch("lonely")
    files.private_key.unlink()
    free = replace(api, stack=replace(api.stack, ports=free_ports()), log=api.log.with_name("refused.log"))
    process = free.started(settings(files))
    assert process.wait(60) == 1
    said = free.log.read_text()
    assert said.startswith(f"HEADWATER_API_TLS_KEY: {files.private_key} cannot be read: No such file or directory\n")
    assert "Traceback" not in said
