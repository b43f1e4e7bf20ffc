# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Strict reading of the JSON files that roles write: complaints name file, field, bad value and cure."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from .errors import InputError, shown

CURE = "the playbook ccpp.backup.site writes this file: run it again"

T = TypeVar("T")


class Fields:
    """Takes the fields of one JSON object one by one, and complains of what is left."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise InputError(f"{where}: expected an object, found {shown(value)} ({CURE})")
        self._left: dict[str, Any] = dict(value)
        self._where = where

    def name(self, field: str) -> str:
        return f"{self._where}.{field}" if ": " in self._where else f"{self._where}: {field}"

    def take(self, field: str, read: Callable[[object, str], T]) -> T:
        if field not in self._left:
            raise InputError(f"{self.name(field)}: missing ({CURE})")
        return read(self._left.pop(field), self.name(field))

    def take_or(self, field: str, read: Callable[[object, str], T], default: T) -> T:
        """The field, or the default when it is absent or null."""
        value = self._left.pop(field, None)
        return default if value is None else read(value, self.name(field))

    def done(self) -> None:
        if self._left:
            field = sorted(self._left)[0]
            raise InputError(f"{self.name(field)}: unknown field ({CURE})")


def text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise InputError(f"{where}: expected a text, found {shown(value)} ({CURE})")
    return value


def integer(value: object, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(f"{where}: expected a whole number, found {shown(value)} ({CURE})")
    return value


def absolute(value: object, where: str) -> str:
    path = text(value, where)
    if not os.path.isabs(path):
        raise InputError(f"{where}: {shown(path)} is not an absolute path ({CURE})")
    return path


def url(value: object, where: str) -> str:
    address = text(value, where)
    if not address.startswith("https://"):
        raise InputError(f"{where}: {shown(address)} is not an https:// address ({CURE})")
    return address


def texts(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InputError(f"{where}: expected a list, found {shown(value)} ({CURE})")
    return tuple(text(entry, f"{where}[{index}]") for index, entry in enumerate(value))


def mapping(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected an object, found {shown(value)} ({CURE})")
    return value


def one_of(allowed: tuple[str, ...]) -> Callable[[object, str], str]:
    def read(value: object, where: str) -> str:
        if value not in allowed:
            raise InputError(f"{where}: {shown(value)} is none of {', '.join(allowed)} ({CURE})")
        return str(value)

    return read


def read_json(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path}: no such file ({CURE})") from None
    except PermissionError:
        raise InputError(
            f"{path}: not readable for this user (run as root or as the service's user)"
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON: {error} ({CURE})") from None
