# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the verbs write with: text, JSON, and progress for a person who waits."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Literal, TextIO

Colour = Literal["green", "yellow", "red"]
_CODES: dict[Colour, str] = {"green": "32", "yellow": "33", "red": "31"}


class Output:
    """Standard output for results; progress goes to standard error, and only on a terminal.

    Where the reader has gone (`| head`), what more there is to say goes nowhere: the work goes on, and the
    exit code is that of the work.
    """

    def __init__(self, stdout: TextIO | None = None, stderr: TextIO | None = None) -> None:
        self._stdout = stdout if stdout is not None else sys.stdout
        self._stderr = stderr if stderr is not None else sys.stderr
        self._progress_shown = False

    def line(self, text: str = "", colour: Colour | None = None) -> None:
        """A line; in colour only on a terminal, and not where NO_COLOR (no-color.org) is set."""
        self._end_progress()
        if colour is not None and self._stdout.isatty() and not os.environ.get("NO_COLOR"):
            text = f"\x1b[{_CODES[colour]}m{text}\x1b[0m"
        _write(self._stdout, text + "\n")

    def json(self, value: object) -> None:
        """One JSON document on one line."""
        self._end_progress()
        _write(self._stdout, json.dumps(value, ensure_ascii=False, separators=(", ", ": ")) + "\n")

    def raw(self, text: str) -> None:
        """Text as it is, for documents too long to be built in one piece."""
        _write(self._stdout, text)

    def warning(self, text: str) -> None:
        """One line on standard error for what needs a person's attention, though the work is done."""
        self._end_progress()
        _write(self._stderr, f"ccpp-backup: {text}\n")

    def progress(self, text: str) -> None:
        if self._stderr.isatty():
            _write(self._stderr, f"\r\x1b[K{text[:100]}")
            _flush(self._stderr)
            self._progress_shown = True

    def _end_progress(self) -> None:
        if self._progress_shown:
            _write(self._stderr, "\r\x1b[K")
            self._progress_shown = False

    def flush(self) -> None:
        _flush(self._stdout)


def open_standard_streams() -> None:
    """Where the caller closed one (`>&-`), let it lead nowhere: the next file opened would take its place."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8", closefd=False))


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
    except BrokenPipeError:
        _lead_nowhere(stream)


def _flush(stream: TextIO) -> None:
    try:
        stream.flush()
    except BrokenPipeError:
        _lead_nowhere(stream)


def _lead_nowhere(stream: TextIO) -> None:
    """The interpreter flushes once more when it ends, and would complain."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
