# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What we write, coreutils checks; what coreutils writes, we read."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import checksums
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError

NAMES = (
    "plain",
    "été",
    "new\nline",
    "back\\slash",
    "cr\r",
    "\udcff",
    " ",
    "*",
    "\\n",
    "-c",
    "\\",
    "\n",
    "a\n\\\r\n",
)


def test_coreutils_checks_what_we_write_and_we_read_what_it_writes(tmp_path: Path) -> None:
    expected = {}
    for number, name in enumerate(NAMES):
        (tmp_path / name).write_bytes(b"%d" % number)
        expected[name] = hashlib.sha256(b"%d" % number).hexdigest()
    listing = b"".join(checksums.line(name, digest) for name, digest in expected.items())
    command = ["sha256sum", "--strict", "--quiet", "--check", "-"]
    done = subprocess.run(command, cwd=tmp_path, input=listing, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")

    arguments = [os.fsencode(name) for name in NAMES]
    written = subprocess.run(["sha256sum", "--", *arguments], cwd=tmp_path, capture_output=True, check=True)
    assert dict(checksums.parse(written.stdout)) == expected
    assert written.stdout == listing


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"abc  file\n", "line 1: 'abc  file' is no checksum and path"),
        (b"0" * 64 + b"  a\n" + b"0" * 64 + b" *b\n", "line 2: "),
        (b"\\" + b"0" * 64 + b"  a\\x\n", "line 1: '\\\\x' is no escape"),
        (b"\n", "line 1: '' is no checksum"),
    ],
)
def test_a_line_that_is_none_is_named(data: bytes, said: str) -> None:
    with pytest.raises(InputError) as caught:
        list(checksums.parse(data))
    assert said in str(caught.value)
