# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a commune file: YAML, but only the part of YAML that means the same to everyone.

Scalars follow YAML 1.2's core schema, as editors do: `no` is the word no, 2024-01-01 is text, and 9:30 is not
a number of minutes. Anchors, aliases, tags, several documents and duplicate keys are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..backup_core.errors import InputError, one_line, shown

try:
    import yaml
except ImportError:  # only the controller reads commune files, and Ansible needs PyYAML there
    yaml = None  # type: ignore[assignment]

MAX_BYTES = 256 * 1024
MAX_DEPTH = 12
_SPACES = "\n\t\r\u00a0\u202f"

Path: TypeAlias = "tuple[str | int, ...]"

_INTEGER = re.compile(r"[-+]?[0-9]+")
_OTHER_BASE = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip


@dataclass
class Document:
    """A commune file as plain values, and how the scalars that are not text were written."""

    value: Any
    written: dict[Path, str] = field(default_factory=dict)


def load(content: bytes, most: int = MAX_BYTES) -> Document:
    """The document in `content`. InputError says the line and the cure (the caller adds the file's name)."""
    if yaml is None:
        raise InputError("PyYAML is missing on the controller; install the requirements of the collection")
    text = _decode(content, most)
    reader = _Reader()
    try:
        for event in _events(text):
            reader.feed(event)
    except yaml.YAMLError as error:
        raise InputError(_syntax(error, text)) from error
    return reader.document()


def _events(text: str) -> Iterator[Any]:
    return yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _decode(content: bytes, most: int) -> str:
    if len(content) > most:
        raise InputError(f"the file has {len(content)} bytes; more than {most} are a mistake")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"line {line}: byte 0x{content[error.start]:02x} is not UTF-8; save the file in UTF-8"
        ) from error
    for number, row in enumerate(text.split("\n"), start=1):
        _refuse_invisible(row, number)
    return text


def _refuse_invisible(text: str, line: int) -> None:
    """Control characters, halves of characters and marks that turn text around: nobody sees what they do."""
    bad = next((c for c in text if not (c.isprintable() or c in _SPACES)), None)
    if bad is not None:
        raise InputError(f"line {line}: the invisible character {bad!a} has no place here; take it out")


def _syntax(error: Exception, text: str) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
    rows = text.split("\n")
    number = min(mark.line, len(rows) - 1) if mark is not None else 0
    where = f"line {number + 1}: " if mark is not None else ""
    if mark is not None and rows[number][: mark.column + 1].endswith("\t"):
        return f"{where}not valid YAML: a tab stands here; indent with spaces"
    return one_line(
        f"{where}not valid YAML: {problem}; check the indentation, colons and quotes around there", 300
    )


@dataclass
class _Open:
    """A mapping or a list that is being read."""

    value: dict[str, Any] | list[Any]
    path: Path
    line: int
    key: str | None = None


class _Reader:
    """Builds the document from YAML events without recursion: the depth of a hostile file costs nothing."""

    def __init__(self) -> None:
        self._stack: list[_Open] = []
        self._documents: list[Any] = []
        self._written: dict[Path, str] = {}

    def document(self) -> Document:
        if not self._documents or self._documents[0] is None:
            raise InputError("the file is empty; start from inventory/communes/saint-exemple.yml")
        return Document(self._documents[0], self._written)

    def feed(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent) and self._documents:
            raise InputError(f"line {line}: a second document (---) begins; a commune is one document")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise InputError(
                f"line {line}: anchors and aliases (& and *) are not used here; write the value out"
            )
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            raise InputError(f"line {line}: the tag {shown(tag)} is not used here; write a plain value")
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._begin(isinstance(event, yaml.MappingStartEvent), line)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._stack.pop()
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)

    def _begin(self, is_mapping: bool, line: int) -> None:
        if len(self._stack) >= MAX_DEPTH:
            raise InputError(
                f"line {line}: more than {MAX_DEPTH} levels deep; check the brackets and indentation"
            )
        value: dict[str, Any] | list[Any] = {} if is_mapping else []
        path = self._add(value, line, "a mapping" if is_mapping else "a list")
        self._stack.append(_Open(value, path, line))

    def _scalar(self, event: Any, line: int) -> None:
        _refuse_invisible(event.value, line)
        if self._stack and isinstance(self._stack[-1].value, dict) and self._stack[-1].key is None:
            self._key(event.value, line)
            return
        # implicit[0]: a plain scalar, whose type YAML guesses; a quoted one is text.
        value = plain_value(event.value) if event.implicit[0] else event.value
        path = self._add(value, line, "")
        if not isinstance(value, str):
            self._written[path] = event.value

    def _key(self, key: str, line: int) -> None:
        mapping = self._stack[-1]
        if key in mapping.value:
            raise InputError(f"line {line}: {shown(key)} is written twice; keep one of them")
        mapping.key = key

    def _add(self, value: Any, line: int, complex_key: str) -> Path:
        if not self._stack:
            self._documents.append(value)
            return ()
        parent = self._stack[-1]
        if isinstance(parent.value, list):
            parent.value.append(value)
            return (*parent.path, len(parent.value) - 1)
        if parent.key is None:
            raise InputError(f"line {line}: {complex_key} cannot name a field; check the brackets and colons")
        key, parent.key = parent.key, None
        parent.value[key] = value
        return (*parent.path, key)


def plain_value(text: str) -> Any:
    """A scalar without quotes, by YAML 1.2's core schema."""
    if text in _WORDS:
        return _WORDS[text]
    # Very long digits stay text: int() of them is slow, and no field wants them.
    if len(text) <= 40:
        if _INTEGER.fullmatch(text):
            return int(text)
        if _OTHER_BASE.fullmatch(text):
            return int(text, 0)
        if _FLOAT.fullmatch(text):
            return float(text)
    return text
