# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The static site that shows people how the backups stand: French, without scripts, readable by everybody.

`view` works out what is shown from ledgers and status, `fleet` and `commune` write it. Pure, but for `site`.
"""

from __future__ import annotations
