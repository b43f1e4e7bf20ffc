# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server's dedicated disks: btrfs on a mirror, quotas, repair, health; decisions are pure."""

from __future__ import annotations
