# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends a program that takes too long, or that does not get on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

# How often somebody looks whether the program may go on.
LOOK = 5.0


class Watch(threading.Thread):
    """Calls `end` after `timeout` seconds in all, after `stall` seconds in which `saw` was told nothing new,
    or as soon as `doubt`, asked every few seconds, gives a reason.

    `reason` then says which it was.
    """

    def __init__(
        self,
        end: Callable[[], None],
        timeout: float | None,
        stall: float | None,
        doubt: Callable[[], str | None] | None = None,
    ) -> None:
        super().__init__(daemon=True)
        self.reason: str | None = None
        self._end = end
        self._timeout = timeout
        self._stall = stall
        self._doubt = doubt
        self._began = self._moved = time.monotonic()
        self._last: object = None
        self._over = threading.Event()

    def saw(self, progress: object) -> None:
        if progress != self._last:
            self._last = progress
            self._moved = time.monotonic()

    def stop(self) -> None:
        self._over.set()

    def run(self) -> None:
        while not self._over.wait(self._patience()):
            now = time.monotonic()
            if self._timeout is not None and now - self._began >= self._timeout:
                self.reason = f"took more than {self._timeout:.0f} s and was ended"
            elif self._stall is not None and now - self._moved >= self._stall:
                self.reason = f"did not get on for {self._stall:.0f} s and was ended"
            elif self._doubt is not None and (why := self._doubt()) is not None:
                self.reason = f"was ended: {why}"
            if self.reason is not None:
                self._end()
                return

    def _patience(self) -> float | None:
        """Seconds until there may be a reason; None when there never is."""
        now = time.monotonic()
        ends = [] if self._doubt is None else [LOOK]
        if self._timeout is not None:
            ends.append(self._began + self._timeout - now)
        if self._stall is not None:
            ends.append(self._moved + self._stall - now)
        return max(0.01, min(ends)) if ends else None
