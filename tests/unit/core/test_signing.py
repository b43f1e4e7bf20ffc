# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What we sign, an auditor's stock ssh-keygen finds good, and nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import signing
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError, InputError

REPORT = "report@ccpp-backup"


def new_key(folder: Path) -> str:
    path = folder / "key"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)]
    subprocess.run(command, check=True)
    return path.read_text(encoding="ascii")


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> str:
    return new_key(tmp_path_factory.mktemp("key"))


@pytest.fixture
def signers(key: str, tmp_path: Path) -> Path:
    path = tmp_path / "signers"
    path.write_text(signing.signer_line(signing.public_key(key), [signing.CERTIFICATE]), encoding="ascii")
    return path


def test_an_auditor_checks_a_signature_with_one_stock_command(
    key: str, signers: Path, tmp_path: Path
) -> None:
    text = b"Attestation\nd'effacement\n"
    (tmp_path / "text.sig").write_bytes(signing.sign(text, key, signing.CERTIFICATE))
    command = ["ssh-keygen", "-Y", "verify", "-f", "signers", "-I", "ccpp-backup"]
    command += ["-n", "certificate@ccpp-backup", "-s", "text.sig"]
    done = subprocess.run(command, cwd=tmp_path, input=text, capture_output=True, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith(b'Good "certificate@ccpp-backup" signature for ccpp-backup')


def test_a_signature_is_good_for_these_bytes_this_purpose_and_this_key_alone(
    key: str, signers: Path, tmp_path: Path
) -> None:
    good = signing.sign(b"text", key, signing.CERTIFICATE)
    signing.verify(b"text", good, str(signers), signing.CERTIFICATE)
    for_reports = signing.sign(b"text", key, REPORT)
    by_another = signing.sign(b"text", new_key(tmp_path), signing.CERTIFICATE)
    for data, signature, namespace in (
        (b"texts", good, signing.CERTIFICATE),
        (b"text", for_reports, signing.CERTIFICATE),
        (b"text", for_reports, REPORT),  # a good key, which may not sign reports
        (b"text", by_another, signing.CERTIFICATE),
        (b"text", b"", signing.CERTIFICATE),
        (b"text", b"nonsense", signing.CERTIFICATE),
    ):
        with pytest.raises(signing.SignatureError):
            signing.verify(data, signature, str(signers), namespace)
    with pytest.raises(signing.SignatureError):
        signing.verify(b"text", good, str(signers), signing.CERTIFICATE, principal="somebody-else")


def test_the_private_key_is_never_a_file(key: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = set(tmp_path.rglob("*"))
    signing.sign(b"text", key, signing.CERTIFICATE)
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "namespace", ["file", "", "x@ccpp-backup -f /etc/passwd", "@ccpp-backup", 'a"@ccpp-backup']
)
def test_a_namespace_that_is_none_is_refused(key: str, signers: Path, namespace: str) -> None:
    for call in (
        lambda: signing.sign(b"", key, namespace),
        lambda: signing.verify(b"", b"", str(signers), namespace),
        lambda: signing.signer_line("ssh-ed25519 AAAA", [namespace]),
    ):
        with pytest.raises(InputError, match="namespace: "):
            call()


def test_what_is_no_key_and_what_is_not_there_are_told_in_one_line(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for call in (lambda: signing.sign(b"", "no key", REPORT), lambda: signing.public_key("no key")):
        with pytest.raises(BackupError) as caught:
            call()
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="no such file"):
        signing.verify(b"", b"", "/nowhere/signers", REPORT)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BackupError, match="openssh-client"):
        signing.sign(b"", key, REPORT)


def test_a_command_that_does_not_end_is_ended(
    key: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    slow = tmp_path / "ssh-keygen"
    slow.write_text("#!/bin/sh\nexec sleep 60\n", encoding="ascii")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(signing, "TIMEOUT", 0.2)
    with pytest.raises(BackupError, match="did not end within"):
        signing.sign(b"", key, REPORT)
