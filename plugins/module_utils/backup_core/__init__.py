# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Core of the backup service: decisions (pure) apart from effects (restic, files, clock)."""

from __future__ import annotations

VERSION = "1.0.0"
