# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of YAML that a commune's file may use."""

from __future__ import annotations

import contextlib
import time

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.module_utils.commune import document


def value(text: str) -> object:
    return document.load(text.encode()).value


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("no", "no"),
        ("Yes", "Yes"),
        ("on", "on"),
        ("2024-01-01", "2024-01-01"),
        ("9:30", "9:30"),
        ("1_000", "1_000"),
        ("0o17", 15),
        ("0x1f", 31),
        ("017", 17),
        ("-3", -3),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("'1'", "1"),
        ('"true"', "true"),
        ("2A004", "2A004"),
        ("9" * 41, "9" * 41),
    ],
)
def test_a_scalar_means_what_editors_take_it_for(written, read):
    found = value(f"field: {written}\n")
    assert found == {"field": read}
    assert type(found["field"]) is type(read)


def test_how_a_scalar_stood_in_the_file_is_remembered():
    found = document.load(b"a: [x, 010]\nb: {c: TRUE, d: '1'}\n")
    assert found.written == {("a", 1): "010", ("b", "c"): "TRUE"}


@pytest.mark.parametrize("name", ["4g", "1", "no", "<<", "~", "2024-01-01"])
def test_the_name_of_a_field_is_always_text(name):
    assert value(f"{name}: x\n") == {name: "x"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty; start from inventory/communes/saint-exemple.yml"),
        (b"# only a comment\n", "the file is empty"),
        (b"a: 1\nb: [1, 2\nc: 3\n", "line 3: not valid YAML: "),
        (b"a: 1\n\tb: 2\n", "line 2: not valid YAML: a tab stands here; indent with spaces"),
        (b'a: "C:\\Users"\n', "line 1: not valid YAML: "),
        (b"a: 1\nb: 2\na: 3\n", "line 3: 'a' is written twice; keep one of them"),
        (b"a: {b: 1, b: 2}\n", "line 1: 'b' is written twice"),
        (b"a: &x 1\n", "line 1: anchors and aliases (& and *) are not used here; write the value out"),
        (b"a: *x\n", "line 1: anchors and aliases"),
        (
            b"a: !!python/name:os.system 1\n",
            "line 1: the tag 'tag:yaml.org,2002:python/name:os.system' is not used",
        ),
        (b"a: !vault |\n  x\n", "line 1: the tag '!vault' is not used here"),
        (b"a: 1\n---\nb: 2\n", "line 2: a second document (---) begins; a commune is one document"),
        (b"? [x]\n: y\n", "line 1: a list cannot name a field"),
        (b"? {x: y}\n: y\n", "line 1: a mapping cannot name a field"),
        ("name: Noyé\n".encode("latin-1"), "line 1: byte 0xe9 is not UTF-8; save the file in UTF-8"),
        ("a: 1\n".encode("utf-16"), "line 1: byte 0xff is not UTF-8"),
        (b"a: 1\nb: \x00\n", "line 2: the invisible character '\\x00' has no place here; take it out"),
        ("a: x\u202ey\n".encode(), "line 1: the invisible character '\\u202e'"),
        (b'a: "\\ud800"\n', "line 1: "),
        (b"a: " + b"[" * 20, "line 1: more than 12 levels deep"),
        (b"#" * (document.MAX_BYTES + 1), "the file has 262145 bytes; more than 262144 are a mistake"),
    ],
)
def test_what_is_refused_is_told_in_one_line(content, said):
    with pytest.raises(InputError) as caught:
        document.load(content)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\xef\xbb\xbfa: 1\n", b"a: 1\r\n", b"a: 1", b"--- \na: 1\n...\n"])
def test_what_editors_add_on_their_own_is_no_mistake(content):
    assert document.load(content).value == {"a": 1}


@pytest.mark.parametrize(
    "content",
    [
        b"a: " + b"[" * 100_000,
        b"a: " + b"{x: " * 60_000,
        b"- " * 100_000,
        b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(b"b%d: [*a,*a,*a]\n" % n for n in range(5000)),
        b"[" + b"1," * 120_000 + b"]",
        b"".join(b"k%d: 1\n" % n for n in range(20_000)),
        b"a: " + b"9" * 200_000,
        b"a: '" + b"x" * 200_000,
    ],
)
def test_a_hostile_file_is_judged_in_seconds(content):
    begun = time.monotonic()
    with contextlib.suppress(InputError):
        document.load(content)
    assert time.monotonic() - begun < 10


def test_without_pyyaml_the_cure_is_named(monkeypatch):
    monkeypatch.setattr(document, "yaml", None)
    with pytest.raises(InputError, match="PyYAML is missing on the controller; install"):
        document.load(b"a: 1\n")
