# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON that other programs let pass, and what is said of it."""

from __future__ import annotations

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.serialise import decode


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'\xef\xbb\xbf{"a":1}', "f: begins with a byte order mark (save it as UTF-8 without one)"),
        ("\N{ZERO WIDTH NO-BREAK SPACE}1", "f: begins with a byte order mark (save it as UTF-8 without one)"),
        (b"9" * 4001, "f: not usable JSON: a number of 4001 digits (write at most 4000)"),
        (b"[-" + b"9" * 10**6 + b"]", "f: not usable JSON: a number of 1000001 digits (write at most 4000)"),
        (b"012", "f: not JSON: Extra data at character 2"),
        (b"NaN", "f: not usable JSON: NaN is not JSON"),
        (b'{"a":1,"a":2}', "f: not usable JSON: the field 'a' is there twice"),
        (b"[" * 10**6, "f: not usable JSON: nested too deeply"),
        (b"1\0", "f: not JSON: Extra data at character 2"),
        (b"\xff", "f: not UTF-8 text (byte 1)"),
    ],
)
def test_what_is_no_sound_json_is_named(data: bytes | str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        decode(data, "f")
    assert str(caught.value) == said


def test_a_number_may_be_as_long_as_python_reads() -> None:
    assert decode(b"-0", "f") == 0
    assert decode(b"9" * 4000, "f") == 10**4000 - 1
