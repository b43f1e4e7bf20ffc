# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the commands that look at disks and change them."""

from __future__ import annotations

import os
import subprocess

from ..errors import BackupError, one_line

TIMEOUT = 120.0


class TooSlowError(BackupError):
    """A command did not answer in time."""


def run(*command: str, timeout: float | None = TIMEOUT, allowed: tuple[int, ...] = (0,)) -> str:
    """What the command prints; BackupError with its last words when it fails in a way that is not allowed."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    name = " ".join(command[:3])
    try:
        answer = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            env=environment,
            check=False,
        )
    except FileNotFoundError:
        raise BackupError(
            f"{command[0]}: no such command (the role ccpp.backup.storage installs it)"
        ) from None
    except subprocess.TimeoutExpired:
        raise TooSlowError(f"{name}: no answer within {timeout:.0f} s") from None
    if answer.returncode not in allowed:
        said = (answer.stderr.strip() or answer.stdout.strip()).decode("utf-8", "replace")
        raise BackupError(f"{name}: {one_line(said, 300)}")
    return answer.stdout.decode("utf-8", "replace")
