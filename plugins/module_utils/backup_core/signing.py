# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures that anybody can check offline with the ssh-keygen of any machine (OpenSSH 8.2 or later).

    ssh-keygen -Y verify -f signers -I ccpp-backup -n NAMESPACE -s FILE.sig < FILE

The format is OpenSSH's own (PROTOCOL.sshsig). A namespace says what a signature is for, so that one made for
a report can never pass for a certificate. `signers` says who may sign what (ssh-keygen(1), ALLOWED SIGNERS).
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .errors import BackupError, InputError, one_line, shown

PRINCIPAL = "ccpp-backup"
CERTIFICATE = "certificate@ccpp-backup"
SUFFIX = ".sig"
TIMEOUT = 30.0

_NAMESPACE = re.compile(r"[a-z][a-z-]{0,30}@ccpp-backup")


class SignatureError(BackupError):
    """The signature is not that of these bytes, by somebody who may sign them."""


def sign(data: bytes, key: str, namespace: str) -> bytes:
    """The armoured signature of the bytes; `key` is a private key without a passphrase, as OpenSSH writes it.

    The key goes to ssh-keygen by a file that exists in memory alone.
    """
    _check_namespace(namespace)
    with _in_memory(key.encode("ascii")) as (path, descriptor):
        command = ["ssh-keygen", "-Y", "sign", "-q", "-n", namespace, "-f", path]
        done = _run(command, data, [descriptor])
    if done.returncode != 0:
        raise BackupError(f"signing: {one_line(done.stderr.decode('utf-8', 'replace'), 200)}")
    return done.stdout


def verify(data: bytes, signature: bytes, signers: str, namespace: str, principal: str = PRINCIPAL) -> None:
    """SignatureError unless it is of these bytes, and of one whom the file `signers` lets sign them."""
    _check_namespace(namespace)
    if not os.path.isfile(signers):
        raise InputError(f"{signers}: no such file (it says whose signatures are good)")
    with _in_memory(signature) as (path, descriptor):
        command = [
            "ssh-keygen",
            "-Y",
            "verify",
            "-q",
            "-f",
            signers,
            "-I",
            principal,
            "-n",
            namespace,
            "-s",
            path,
        ]
        done = _run(command, data, [descriptor])
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode("utf-8", "replace")
        raise SignatureError(f"the signature is not good: {one_line(said, 200)}")


def public_key(key: str) -> str:
    """The public half of a private key, on one line without a comment."""
    with _in_memory(key.encode("ascii")) as (path, descriptor):
        done = _run(["ssh-keygen", "-y", "-f", path], b"", [descriptor])
    if done.returncode != 0:
        raise InputError("the signing key is not a private key without a passphrase, as OpenSSH writes it")
    return " ".join(done.stdout.decode("ascii").split()[:2])


def signer_line(public: str, namespaces: Sequence[str], principal: str = PRINCIPAL) -> str:
    """A line of the file that says whose signatures are good, and for what."""
    for namespace in namespaces:
        _check_namespace(namespace)
    return f'{principal} namespaces="{",".join(namespaces)}" {public}\n'


def _check_namespace(namespace: str) -> None:
    if not _NAMESPACE.fullmatch(namespace):
        raise InputError(f"namespace: {shown(namespace)} is not of the form report@ccpp-backup")


@contextmanager
def _in_memory(content: bytes) -> Iterator[tuple[str, int]]:
    descriptor = os.memfd_create("signing", os.MFD_CLOEXEC)
    try:
        # ssh-keygen wants nothing of a key that others could read.
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, content)
        yield f"/proc/self/fd/{descriptor}", descriptor
    finally:
        os.close(descriptor)


def _run(command: list[str], data: bytes, keep_open: Sequence[int]) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            command, input=data, capture_output=True, pass_fds=tuple(keep_open), timeout=TIMEOUT, check=False
        )
    except FileNotFoundError:
        raise BackupError("ssh-keygen: no such command (install the package openssh-client)") from None
    except subprocess.TimeoutExpired:
        raise BackupError(f"ssh-keygen did not end within {TIMEOUT:.0f} s") from None
