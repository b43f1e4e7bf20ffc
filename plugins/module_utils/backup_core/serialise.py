# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON in and out: strict where it comes in, one spelling where it goes out."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from .errors import InputError

# Where Python gives up, with words for programmers.
LONGEST_NUMBER = 4000
_BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        seen: set[str] = set()
        for key, _value in pairs:
            if key in seen:
                raise ValueError(f"the field {key[:60]!a} is there twice")
            seen.add(key)
    return mapping


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _integer(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise ValueError(f"a number of {len(digits)} digits (write at most {LONGEST_NUMBER})")
    return int(digits)


_decoder = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_constant=_no_constant, parse_int=_integer)


def decode(data: bytes | str, where: str) -> Any:
    """One JSON document. InputError, naming `where`, also for repeated fields, NaN and what is not UTF-8."""
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        if text.startswith(_BYTE_ORDER_MARK):
            raise InputError(f"{where}: begins with a byte order mark (save it as UTF-8 without one)")
        return _decoder.decode(text)
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: not UTF-8 text (byte {error.start + 1})") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: not JSON: {error.msg} at character {error.pos + 1}") from None
    except ValueError as error:
        raise InputError(f"{where}: not usable JSON: {error}") from None
    except RecursionError:
        raise InputError(f"{where}: not usable JSON: nested too deeply") from None


def encode(value: object) -> bytes:
    """The one spelling of a value: ASCII, no blanks, fields in the order given."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii")
