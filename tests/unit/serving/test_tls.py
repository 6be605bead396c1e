"""What is wrong with the files of TLS."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from headwater.problem import HeadwaterError
from serving.api.tls import context
from tests.unit.serving.authority import Authority, Files

CERTIFICATE, PRIVATE_KEY = "HEADWATER_API_TLS_CERTIFICATE", "HEADWATER_API_TLS_KEY"

Mistake = Callable[[Authority], tuple[Files, str, Path, str]]
"""Files of which one is wrong; the setting, the file and the reason that the error is to name."""


def a_key_that_is_away(authority: Authority) -> tuple[Files, str, Path, str]:
    files = authority.vouch("one")
    files.private_key.unlink()
    return files, PRIVATE_KEY, files.private_key, "cannot be read: No such file"


def a_certificate_that_is_away(authority: Authority) -> tuple[Files, str, Path, str]:
    files = authority.vouch("one")
    files.certificate.unlink()
    return files, CERTIFICATE, files.certificate, "cannot be read: No such file"


def a_folder(authority: Authority) -> tuple[Files, str, Path, str]:
    files = authority.vouch("one")
    return Files(files.certificate.parent, files.private_key), CERTIFICATE, files.certificate.parent, "Is a directory"


def the_key_of_another(authority: Authority) -> tuple[Files, str, Path, str]:
    files, other = authority.vouch("one"), authority.vouch("other")
    return Files(files.certificate, other.private_key), PRIVATE_KEY, other.private_key, "is not the key of"


def the_certificate_twice(authority: Authority) -> tuple[Files, str, Path, str]:
    files = authority.vouch("one")
    return Files(files.certificate, files.certificate), PRIVATE_KEY, files.certificate, "holds no private key"


def the_key_twice(authority: Authority) -> tuple[Files, str, Path, str]:
    files = authority.vouch("one")
    return Files(files.private_key, files.private_key), CERTIFICATE, files.private_key, "holds no certificate"


def a_locked_key(authority: Authority) -> tuple[Files, str, Path, str]:
    files = authority.vouch("one", passphrase="open sesame")
    return files, PRIVATE_KEY, files.private_key, "is locked by a passphrase"


@pytest.mark.parametrize(
    "mistake",
    [
        a_key_that_is_away,
        a_certificate_that_is_away,
        a_folder,
        the_key_of_another,
        the_certificate_twice,
        the_key_twice,
        a_locked_key,
    ],
)
def test_a_mistake_is_told_by_its_setting_and_file(tmp_path: Path, mistake: Mistake) -> None:
    files, setting, file, what = mistake(Authority(tmp_path, "authority"))
    with pytest.raises(HeadwaterError) as caught:
        context(str(files.certificate), str(files.private_key))
    assert caught.value.failed.startswith(f"{setting}: {file} ")
    assert what in caught.value.failed


def test_a_certificate_with_its_key_is_taken_for_tls_1_2_and_newer(tmp_path: Path) -> None:
    files = Authority(tmp_path, "authority").vouch("one")
    found = context(str(files.certificate), str(files.private_key))
    assert found.minimum_version is ssl.TLSVersion.TLSv1_2
