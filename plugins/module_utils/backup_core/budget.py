# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a piece of work may take in all, whatever it waits for."""

from __future__ import annotations

import time


class Budget:
    """So many seconds from now on; None is for ever. One within another ends no later than that."""

    def __init__(self, seconds: float | None = None, within: Budget | None = None) -> None:
        ends = [] if seconds is None else [time.monotonic() + seconds]
        if within is not None and within._end is not None:
            ends.append(within._end)
        self._end: float | None = min(ends, default=None)

    @property
    def spent(self) -> bool:
        return self._end is not None and time.monotonic() >= self._end

    def left(self, most: float) -> float:
        """The seconds that one step may take: at most `most`, and never none at all."""
        if self._end is None:
            return most
        return max(0.1, min(most, self._end - time.monotonic()))
