# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A thousand broken commune files: each mistake is one line with its place, and none is a traceback."""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import shown
from ansible_collections.ccpp.backup.plugins.module_utils.commune import folder
from ansible_collections.ccpp.backup.plugins.module_utils.commune.check import spelled

LABEL = "inventory/communes/rozoy.yml"
FILES = 1000
MOST_MISTAKES = 4

# No field takes any of these.
HOSTILE = [
    "\x1b[2J\x1b[31m",
    "",
    "x\ny: z",
    "{{ 1 / 0 }}",
    "../../etc",
    "\u202eoops",
    "é" * 5000,
    "\u0000",
    "|;$(id)",
]
WRONG = [None, {}, {"x": [1]}, [[]], 3.7e99, -1, True, "2024-13-45", *HOSTILE]
# These are free text, or have a rule that one of WRONG meets.
MEETS = {
    "name": {"../../etc", "2024-13-45"},
    "exclude": {"{{ 1 / 0 }}", "../../etc", "|;$(id)", "2024-13-45", "\u202eoops"},
    "server.address": {"2024-13-45"},
    "sources.accueil.address": {"2024-13-45"},
    "sources.compta.address": {"2024-13-45"},
    "contacts.name": {"../../etc", "2024-13-45"},
    "opening.good_friday": {True},
    "server.single_disk": {True},
}

Path = tuple[str | int, ...]


def _places(value: Any, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in items:
        yield from _places(item, (*path, step))


def _parent(root: Any, path: Path) -> Any:
    for step in path[:-1]:
        root = root[step]
    return root


def _wrong_values(path: Path) -> list[Any]:
    """Values that the field at `path` refuses."""
    field = ".".join(str(step) for step in path if isinstance(step, str))
    meets: set[Any] = set()
    for name, values in MEETS.items():
        if field == name or (name == "exclude" and path[-2:-1] == ("exclude",)):
            meets |= values
    wrong = [v for v in WRONG if not (isinstance(v, (str, bool)) and v in meets)]
    if path in (("policy",), ("opening",), ("planning",), ("recovery",)):
        wrong = [v for v in wrong if v not in ({}, None)]
    return wrong


def _quoted(value: Any) -> tuple[str, ...]:
    """How a line may name this bad value: by its beginning, or as what it is.

    A mapping may be told by what is wrong with its fields.
    """
    if isinstance(value, dict):
        return ("",)
    if isinstance(value, list):
        return ("a list of ", "an empty list")
    return ("null", "nothing is written") if value is None else (shown(value)[:20],)


def _break(commune: dict[str, Any], chance: random.Random, taken: set[str]) -> tuple[str, tuple[str, ...]]:
    """Break one field; return its place and its value as the message must name them."""
    path = chance.choice([p for p in _places(commune) if p[0] not in taken])
    parent, last = _parent(commune, path), path[-1]
    taken.add(str(path[0]))
    how = chance.choice(["value", "value", "rename", "unknown"])
    if how == "value" or isinstance(parent, list):
        parent[last] = chance.choice(_wrong_values(path))
        return spelled(path), _quoted(parent[last])
    if path[0] in ("opening", "policy", "sources") and len(path) <= 2:
        parent[last] = [7]
        return spelled(path), ("",)
    name = (
        f"{last}z"
        if how == "rename"
        else chance.choice(["zzz", "Ünïcode", "a b", "x" * 300, "a.b", "\x1b[2J", "1"])
    )
    taken.add(name)
    parent[name] = parent.pop(last) if how == "rename" else "x"
    # The core says where an unknown field of its blocks is in its own words: the block, then the field.
    place = str(path[0]) if path[0] in ("opening", "policy") else spelled((*path[:-1], name))
    return place, ("",)


@pytest.mark.parametrize("seed", range(10))
def test_each_mistake_of_a_broken_file_is_one_line_with_its_place(full, seed):
    chance = random.Random(seed)
    for _ in range(FILES // 10):
        commune = copy.deepcopy(full)
        taken: set[str] = set()
        broken = [_break(commune, chance, taken) for _ in range(chance.randint(1, MOST_MISTAKES))]
        text = yaml.safe_dump(commune, allow_unicode=chance.random() < 0.5, sort_keys=chance.random() < 0.5)
        lines = folder.validate({LABEL: text.encode()}).lines
        if "..." not in lines[-1] and not re.search(r": line \d+: ", lines[0]):
            for place, values in broken:
                found = [line for line in lines if line.startswith(f"{LABEL}: {place}")]
                assert any(value in line for line in found for value in values), (place, values, lines, text)
        _are_clear(lines)


def _are_clear(lines: list[str]) -> None:
    assert 1 <= len(lines) <= folder.SHOWN_PER_FILE + 1
    assert len(set(lines)) == len(lines)
    for line in lines:
        assert line.isprintable()
        assert len(line) < 800
        assert re.match(r"inventory/communes/rozoy\.yml: \S.{5,}", line)
        # The cure follows a semicolon, or stands in brackets where the core says it.
        assert re.search(r"; |\(.+\)$|more mistakes", line), line


def test_a_file_cut_anywhere_is_judged_without_a_traceback(example):
    content = example.encode()
    for end in range(len(content)):
        found = folder.validate({LABEL: content[:end]})
        if not found.communes:
            _are_clear(found.lines)


def test_a_file_with_any_byte_changed_is_judged_without_a_traceback(example):
    chance = random.Random(1)
    for _ in range(FILES):
        content = bytearray(example.encode())
        for _ in range(chance.randint(1, 3)):
            content[chance.randrange(len(content))] = chance.choice(
                b"\x00\t\n :-#[]{}&*!|>'\"%@`,0aZ\x80\xff"
            )
        found = folder.validate({LABEL: bytes(content)})
        if not found.communes:
            _are_clear(found.lines)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@given(
    field=st.sampled_from(["name", "insee", "tier", "contract", "opening", "policy", "uplinks", "sources"]),
    value=_json,
)
def test_whatever_stands_in_a_field_gets_an_answer(field, value):
    found = folder.validate({LABEL: yaml.safe_dump({field: value}, allow_unicode=True).encode()})
    assert found.lines
    _are_clear(found.lines)


@given(content=st.binary(max_size=200))
def test_whatever_bytes_a_file_holds_get_an_answer(content):
    found = folder.validate({LABEL: content})
    assert found.lines
    _are_clear(found.lines)
