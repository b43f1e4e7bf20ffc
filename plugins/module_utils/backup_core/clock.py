# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's clock: what time it is and whether it can be trusted."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, date, datetime

from .times import paris_day


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
        return self.injected is not None or system_synchronised()


def system_synchronised() -> bool:
    """What timedatectl says; a machine that cannot say is not synchronised."""
    try:
        answer = subprocess.run(
            ["timedatectl", "show", "--property=NTPSynchronized", "--value"],
            capture_output=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and answer.stdout.strip() == b"yes"
