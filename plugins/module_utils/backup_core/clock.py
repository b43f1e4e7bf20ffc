# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's clock: what time it is and whether it can be trusted."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from .times import paris_day

CHRONYC = "/usr/bin/chronyc"
# Far below what retention forgives (15 minutes), far above what a slow line or a busy machine explains.
LARGEST_ERROR = 5.0
# A clock left alone for a day has not drifted by a second, but why nobody answers is worth knowing.
OLDEST_ANSWER = timedelta(hours=24)
# chrony's own clock, when it is told to be a source to others.
_LOCAL_REFERENCE = "7F7F0101"


@dataclass(frozen=True)
class Clock:
    """The system's clock, or an instant that the caller injects (tests, `--now`)."""

    injected: datetime | None = None

    def now(self) -> datetime:
        """This instant, in UTC."""
        if self.injected is not None:
            return self.injected.astimezone(UTC)
        return datetime.now(UTC)

    def today(self) -> date:
        """The day in Paris, which is every commune's own."""
        return paris_day(self.now())

    def synchronised(self) -> bool:
        """Whether the system says its clock follows a time source; an injected instant is what it is."""
        return self.injected is not None or system_doubt() is None


def system_doubt() -> str | None:
    """Why the system's clock cannot be trusted, or None. A machine that cannot say is not synchronised.

    chrony knows more than the kernel's flag does: how far off the clock may be, and that a source which
    stands alone against the others is wrong. Machines without it are asked for the flag.
    """
    if os.path.exists(CHRONYC):
        said = _ask([CHRONYC, "-c", "-h", "127.0.0.1", "tracking"])
        return "chronyd does not answer" if said is None else doubt_of_tracking(said, datetime.now(UTC))
    said = _ask(["timedatectl", "show", "--property=NTPSynchronized", "--value"])
    return None if said is not None and said.strip() == "yes" else "the system does not call it synchronised"


def doubt_of_tracking(said: str, now: datetime) -> str | None:
    """Why `chronyc -c tracking` (chronyc(1)) gives no reason to trust the clock, or None."""
    fields = said.strip().split(",")
    try:
        reference, stratum, updated = fields[0], int(fields[2]), float(fields[3])
        offset, delay, dispersion, leap = float(fields[4]), float(fields[10]), float(fields[11]), fields[13]
    except (IndexError, ValueError):
        return "chronyd's answer cannot be read"
    if leap not in ("Normal", "Insert second", "Delete second") or not 0 < stratum < 16:
        return "no time source has been believed yet"
    if reference == _LOCAL_REFERENCE:
        return "the clock follows itself"
    error = abs(offset) + delay / 2 + dispersion
    if not error <= LARGEST_ERROR:
        return f"the clock may be {error:.0f} s off"
    age = now.timestamp() - updated
    if not age <= OLDEST_ANSWER.total_seconds():
        return f"no time source has answered for {age / 3600:.0f} h"
    return None


def _ask(command: list[str]) -> str | None:
    """What the command printed, or None when it failed."""
    try:
        answer = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return answer.stdout if answer.returncode == 0 else None
