"""TLS, from the two files that the environment names."""

import ssl
from pathlib import Path

from headwater.problem import HeadwaterError
from headwater.stack import API_CERTIFICATE

PRIVATE_KEY = "HEADWATER_API_TLS_KEY"


def context(certificate: str, private_key: str) -> ssl.SSLContext:
    """What the server shakes hands with: TLS 1.2 or newer.

    Args:
        certificate: File of the certificate and those that lead to it, as PEM.
        private_key: File of its key, as PEM, without a passphrase.

    Raises HeadwaterError that names the setting and the file which is not there, cannot be read, or does not fit.
    """
    _readable(API_CERTIFICATE, certificate)
    _readable(PRIVATE_KEY, private_key)
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # Taken as an authority in a context of its own, since loading both does not tell which of them is at fault.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(certificate)
    except ssl.SSLError as error:
        raise _wrong(API_CERTIFICATE, certificate, "holds no certificate in PEM") from error
    try:
        found.load_cert_chain(certificate, private_key, password=lambda: _refuse_passphrase(private_key))
    except ssl.SSLError as error:
        is_other = error.reason == "KEY_VALUES_MISMATCH"
        what = f"is not the key of {certificate}" if is_other else "holds no private key in PEM"
        raise _wrong(PRIVATE_KEY, private_key, what) from error
    return found


def _readable(setting: str, file: str) -> None:
    try:
        with Path(file).open("rb") as opened:
            opened.read(1)
    except OSError as error:
        raise _wrong(setting, file, f"cannot be read: {error.strerror}") from error


def _refuse_passphrase(file: str) -> str:
    """OpenSSL would ask the terminal."""
    raise _wrong(PRIVATE_KEY, file, "is locked by a passphrase, which nobody could type in")


def _wrong(setting: str, file: str, what: str) -> HeadwaterError:
    return HeadwaterError(
        f"{setting}: {file} {what}", left="the API was not started", next_command=f"correct the file, or {setting}"
    )
