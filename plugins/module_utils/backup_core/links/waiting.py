# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which copies wait for a line that is not paid for, and for how long at most."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from ..ledger import Receipt
from . import paths, settings
from .settings import Waiting


def waits(receipt: Receipt, rule: Waiting, paid_only: bool, now: datetime) -> bool:
    """Whether a snapshot is left for later: it is large, only a paid line is left, and it is not yet late."""
    young = now - receipt.received_at < timedelta(seconds=rule.seconds)
    return paid_only and young and receipt.added > rule.big


def decision(state_directory: str, commune: str, now: datetime) -> Callable[[Receipt], bool]:
    """The answer for each snapshot of a commune, by how its paths are now. A server without tunnels, or
    whose tunnels nobody looks at, waits for nothing."""
    rule = settings.load().waiting.get(commune, Waiting())
    paid_only = rule.seconds > 0 and paths.paid_only(paths.read(state_directory), commune, now)
    return lambda receipt: waits(receipt, rule, paid_only, now)
