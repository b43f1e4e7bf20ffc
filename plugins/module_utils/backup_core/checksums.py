# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of checksums as GNU coreutils writes and checks them (`sha256sum`, `sha256sum --check`).

Pure. A line is the digest, two spaces, the path and a newline. Where the path holds a backslash, a newline or
a carriage return, the line begins with a backslash, and these are written as two characters each. Paths are
as Python has them from the file system: bytes that are no UTF-8 are carried over as they are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from .errors import InputError, shown

NAME = "SHA256SUMS"

_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}
_PLAIN = {escaped: plain for plain, escaped in _ESCAPES.items()}
_SPECIAL = re.compile(r"[\\\n\r]")
_ESCAPED = re.compile(r"\\(.?)", re.DOTALL)
_LINE = re.compile(r"(\\?)([0-9a-f]{64})  (.+)", re.DOTALL)


def line(path: str, digest: str) -> bytes:
    """The line for one file; `digest` is the SHA-256 of its content in hexadecimal digits."""
    written = _SPECIAL.sub(lambda found: _ESCAPES[found[0]], path)
    return os.fsencode(f"{'' if written == path else chr(92)}{digest}  {written}\n")


def parse(data: bytes, where: str = NAME) -> Iterator[tuple[str, str]]:
    """Path and digest of each line. InputError names the line that is none."""
    for number, raw in enumerate(data.split(b"\n")[:-1] if data.endswith(b"\n") else [data], start=1):
        found = _LINE.fullmatch(os.fsdecode(raw))
        if found is None:
            raise InputError(f"{where}: line {number}: {shown(os.fsdecode(raw))} is no checksum and path")
        marked, digest, path = found.groups()
        yield (_unescaped(path, f"{where}: line {number}") if marked else path), digest


def _unescaped(path: str, where: str) -> str:
    def plain(found: re.Match[str]) -> str:
        if found[0] not in _PLAIN:
            raise InputError(f"{where}: {shown(found[0])} is no escape (a backslash is written twice)")
        return _PLAIN[found[0]]

    return _ESCAPED.sub(plain, path)
