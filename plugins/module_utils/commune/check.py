# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks plain values against the commune schema and says every mistake in words a person can act on.

Only the part of JSON Schema (draft-07) that schema.json uses; a test compares the verdicts with those of the
jsonschema library. In the schema, `errorMessage` is the cure, and `x-checked-by` names the code that checks a
block instead.
"""

from __future__ import annotations

import difflib
import ipaddress
import json
import pathlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from ..backup_core.errors import shown
from .document import Path

Schema = dict[str, Any]

_TYPES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "object": ("a mapping", lambda v: isinstance(v, dict)),
    "array": ("a list", lambda v: isinstance(v, list)),
    "string": ("text", lambda v: isinstance(v, str)),
    "boolean": ("true or false", lambda v: isinstance(v, bool)),
    "integer": ("a whole number", lambda v: isinstance(v, int) and not isinstance(v, bool)),
    "number": ("a number", lambda v: isinstance(v, (int, float)) and not isinstance(v, bool)),
}
_SECRET = re.compile(
    r"passw|passphrase|secret|token|credential|motdepasse|mot_de_passe|(^|_)key$|private", re.I
)
_PASSWORD_IN_ADDRESS = re.compile(r"(//[^/@:]*:)[^@]*@")
_SCHEMA_FILE = pathlib.Path(__file__).with_name("schema.json")


@dataclass(frozen=True)
class Mistake:
    """One mistake: where it is, and what to do about it, as one line."""

    where: Path
    text: str

    def __str__(self) -> str:
        path = spelled(self.where)
        return f"{path}: {self.text}" if path else self.text


def spelled(path: Path) -> str:
    """A path as people write it: opening.weekdays[2]."""
    out = ""
    for step in path:
        if isinstance(step, int):
            out += f"[{step}]"
        else:
            name = step if re.fullmatch(r"[A-Za-z0-9_-]{1,60}", step) else shown(step)
            out += f".{name}" if out else name
    return out


@cache
def schema() -> Schema:
    """The schema of a commune file."""
    loaded: Schema = json.loads(_SCHEMA_FILE.read_text(encoding="utf-8"))
    return loaded


def mistakes(value: Any, written: dict[Path, str]) -> list[Mistake]:
    """All the mistakes of a document, each place at most once.

    `written` is how scalars other than text stand in the file, for the messages: 01004 is not 1004.
    """
    seen: dict[Path, Mistake] = {}
    for mistake in _Check(written).node(value, schema(), ()):
        seen.setdefault(mistake.where, mistake)
    return list(seen.values())


def field_mistakes(value: Any, field: tuple[str, ...]) -> list[Mistake]:
    """The mistakes of one field's value, by the part of the schema that is about this field."""
    rule: Schema | bool = schema()
    for name in field:
        rule = _resolved(rule)["properties"][name]
    return list(_Check({}).node(value, rule, field))


class _Check:
    def __init__(self, written: dict[Path, str]) -> None:
        self._written = written

    def node(self, value: Any, rule: Schema | bool, where: Path) -> Iterator[Mistake]:
        rule = _resolved(rule)
        kind = rule.get("type")
        if kind is not None and not _TYPES[kind][1](value):
            yield self._wrong_type(value, rule, where)
            return
        complaint = self._complaint(value, rule)
        if complaint:
            yield Mistake(where, f"{self._shown(value, where)} {complaint}; {_cure(rule)}")
        elif "x-checked-by" in rule:
            return
        elif isinstance(value, dict):
            yield from self._mapping(value, rule, where)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from self.node(item, rule.get("items", {}), (*where, index))
        for part in rule.get("allOf", ()):
            if _applies(value, part["if"]):
                yield from self.node(value, part["then"], where)

    def _complaint(self, value: Any, rule: Schema) -> str | None:
        """What is wrong with the value itself, in a few words, or None."""
        if "enum" in rule and value not in rule["enum"]:
            return "is not known here"
        if isinstance(value, str):
            return _text_complaint(value, rule)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            low, high = rule.get("minimum"), rule.get("maximum")
            if low is not None and value < low:
                return "is too small"
            return "is too large" if high is not None and value > high else None
        if isinstance(value, list):
            if len(value) < rule.get("minItems", 0):
                return "is not enough"
            if len(value) > rule.get("maxItems", len(value)):
                return "is too long"
            if rule.get("uniqueItems") and _repeated(value) is not None:
                return f"names {shown(_repeated(value))} twice"
        if isinstance(value, dict):
            if len(value) < rule.get("minProperties", 0):
                return "is not enough"
            if len(value) > rule.get("maxProperties", len(value)):
                return "is too long"
        return None

    def _mapping(self, value: dict[str, Any], rule: Schema, where: Path) -> Iterator[Mistake]:
        known: dict[str, Any] = rule.get("properties", {})
        names = rule.get("propertyNames")
        unknown = [n for n in value if n not in known] if rule.get("additionalProperties") is False else []
        meant = {name: _close(name, [k for k in known if k not in value]) for name in unknown}
        for name in rule.get("required", ()):
            if name not in value and name not in meant.values():
                yield Mistake((*where, name), f"missing; {_cure(_resolved(known.get(name, {})), name)}")
        for name, item in value.items():
            place = (*where, name)
            if known.get(name) is False:
                yield Mistake(place, f"does not belong to a source of kind {value.get('kind')}; take it out")
            elif name in known:
                yield from self.node(item, known[name], place)
            elif names is not None and self._complaint(name, names):
                yield Mistake(place, f"{shown(name)} {self._complaint(name, names)}; {_cure(names)}")
            elif name in meant:
                yield Mistake(place, _unknown(name, meant[name], list(known)))
            elif "additionalProperties" in rule:
                yield from self.node(item, rule["additionalProperties"], place)

    def _wrong_type(self, value: Any, rule: Schema, where: Path) -> Mistake:
        wanted = _TYPES[rule["type"]][0]
        if value is None:
            return Mistake(where, f"nothing is written after it; {_cure(rule)}")
        if rule["type"] == "string" and where in self._written:
            text = self._written[where]
            cure = _cure(rule)
            if rule.get("pattern") and _pattern(rule["pattern"]).search(text):
                cure = f'write it in quotes: "{text}"'
            what = "is not text" if isinstance(value, bool) else "is a number here"
            return Mistake(where, f"{text[:60]} {what}; {cure}")
        return Mistake(where, f"{self._shown(value, where)} is not {wanted}; {_cure(rule)}")

    def _shown(self, value: Any, where: Path) -> str:
        if isinstance(value, list):
            return f"a list of {len(value)}" if value else "an empty list"
        if isinstance(value, dict):
            return f"a mapping of {len(value)}" if value else "an empty mapping"
        if isinstance(value, str):
            return shown(_PASSWORD_IN_ADDRESS.sub(r"\1***@", value))
        return self._written.get(where, shown(value))[:60]


def _text_complaint(value: str, rule: Schema) -> str | None:
    if "not" in rule and value in rule["not"]["enum"]:
        return "is reserved"
    if len(value) > rule.get("maxLength", len(value)):
        return "is too long"
    if len(value) < rule.get("minLength", 0):
        return "is empty"
    if "pattern" in rule and not _pattern(rule["pattern"]).search(value):
        return "has the wrong form"
    if "format" in rule:
        what, possible = _FORMATS[rule["format"]]
        return None if possible(value) else f"is not {what}"
    return None


def _close(name: str, fields: list[str]) -> str | None:
    """The field that was probably meant, or None."""
    found = difflib.get_close_matches(name.lower(), fields, n=1, cutoff=0.6)
    return found[0] if found else None


def _unknown(name: str, meant: str | None, known: list[str]) -> str:
    if _SECRET.search(name):
        return "secrets never stand in a commune file; take it out, they are kept in the commune's vault file"
    return "unknown field; " + (f"did you mean {meant}?" if meant else f"known here: {', '.join(known)}")


def _cure(rule: Schema, name: str = "") -> str:
    """What to write instead. For a missing field also an example, since nothing stands there yet."""
    if name and "examples" in rule:
        return f"write for example {name}: {_as_yaml(rule['examples'][0])}"
    if "errorMessage" in rule:
        return str(rule["errorMessage"])
    if "enum" in rule:
        return f"use {', '.join(map(str, rule['enum']))}"
    if rule.get("type") == "boolean":
        return "write true or false"
    return f"write {_TYPES[rule['type']][0]}" if "type" in rule else "correct it"


def _as_yaml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_as_yaml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_as_yaml, value)) + "]"
    if isinstance(value, str) and re.match(r"[0-9*]", value):
        return f'"{value}"'
    return str(value)


def _resolved(rule: Schema | bool) -> Schema:
    if isinstance(rule, bool):
        return {}
    if "$ref" in rule:
        return _resolved(schema()["definitions"][rule["$ref"].removeprefix("#/definitions/")])
    return rule


def _applies(value: Any, condition: Schema) -> bool:
    return isinstance(value, dict) and all(
        name in value and value[name] == wanted["const"] for name, wanted in condition["properties"].items()
    )


def _repeated(items: list[Any]) -> Any:
    seen: set[str] = set()
    for item in items:
        key = json.dumps(item, sort_keys=True, default=str)
        if key in seen:
            return item
        seen.add(key)
    return None


@cache
def _pattern(text: str) -> re.Pattern[str]:
    # In Python, unlike in the ECMA dialect of JSON Schema, $ also matches before a last line feed.
    return re.compile(re.sub(r"\$$", r"\\Z", text))


def _is_date(value: str) -> bool:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return 2000 <= int(value[:4]) <= 2099


def is_address(value: str) -> bool:
    """Whether it is an IP address or a DNS name."""
    try:
        return str(ipaddress.ip_address(value)) != "" and "%" not in value
    except ValueError:
        pass
    labels = value.removesuffix(".").split(".")
    label = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
    # A last label of digits is an address with a slip (192.0.2.300), not a name.
    return len(value) <= 253 and all(label.fullmatch(part) for part in labels) and not labels[-1].isdigit()


def _is_network(value: str) -> bool:
    """An IPv4 network as ip(8) writes it; 192.168.1.1/24 is a machine's address in one."""
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError:
        return False
    return str(network) == value and 8 <= network.prefixlen <= 30


def _is_ipv4(value: str) -> bool:
    try:
        return str(ipaddress.IPv4Address(value)) == value
    except ValueError:
        return False


_FORMATS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "date": ("a date", _is_date),
    "ccpp-address": ("an address", is_address),
    "ccpp-ipv4": ("an IPv4 address", _is_ipv4),
    "ccpp-network": ("an IPv4 network", _is_network),
}
