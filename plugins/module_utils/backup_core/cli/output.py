# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the verbs write with: text, JSON, and progress for a person who waits."""

from __future__ import annotations

import json
import sys
from typing import TextIO


class Output:
    """Standard output for results; progress goes to standard error, and only on a terminal."""

    def __init__(self, stdout: TextIO | None = None, stderr: TextIO | None = None) -> None:
        self._stdout = stdout if stdout is not None else sys.stdout
        self._stderr = stderr if stderr is not None else sys.stderr
        self._progress_shown = False

    def line(self, text: str = "") -> None:
        self._end_progress()
        self._stdout.write(text + "\n")

    def json(self, value: object) -> None:
        """One JSON document on one line."""
        self._end_progress()
        self._stdout.write(json.dumps(value, ensure_ascii=False, separators=(", ", ": ")) + "\n")

    def raw(self, text: str) -> None:
        """Text as it is, for documents too long to be built in one piece."""
        self._stdout.write(text)

    def warning(self, text: str) -> None:
        """One line on standard error for what needs a person's attention, though the work is done."""
        self._end_progress()
        self._stderr.write(f"ccpp-backup: {text}\n")

    def progress(self, text: str) -> None:
        if self._stderr.isatty():
            self._stderr.write(f"\r\x1b[K{text[:100]}")
            self._stderr.flush()
            self._progress_shown = True

    def _end_progress(self) -> None:
        if self._progress_shown:
            self._stderr.write("\r\x1b[K")
            self._progress_shown = False
