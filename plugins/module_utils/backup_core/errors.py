# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors with one message a person can act on, and the exit code each stands for."""

from __future__ import annotations

DONE = 0
FAILED = 1
BAD_INPUT = 2
ATTENTION = 3
REFUSED = 4
BUG = 70
INTERRUPTED = 130

_SHOWN = 60


class BackupError(Exception):
    """Something could not be done. The message is one line for a person."""

    exit_code = FAILED


class InputError(BackupError):
    """Bad input: the message names file, field, bad value and cure. Nothing was changed."""

    exit_code = BAD_INPUT


class RefusedError(BackupError):
    """A guard (hold, blast radius, clock, stalled series, broken chain) said no. Nothing was changed."""

    exit_code = REFUSED


def shown(value: object) -> str:
    """A bad value as an error message quotes it: escaped, and cut, because it may be hostile or huge."""
    if isinstance(value, str) and len(value) > _SHOWN:
        return f"{value[:_SHOWN]!a}... ({len(value)} characters)"
    if isinstance(value, (dict, list, tuple, set)):
        kind = "mapping" if isinstance(value, dict) else type(value).__name__
        return f"a {kind} of {len(value)}"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int) and abs(value) > 10**30:
        return "a number of more than 30 digits"
    return repr(value)


def one_line(message: str, limit: int = 1000) -> str:
    """The message on one line without control characters, cut at `limit`."""
    flat = " ".join(message.split())
    flat = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in flat[: limit + 1])
    return flat if len(flat) <= limit else flat[:limit] + "..."
