# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many cases: HYPOTHESIS_PROFILE=quick, ci (the default) or long."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "print_blob": True}

# In CI a failure must be the commit's and not luck's: the same cases each time. `long` looks for new ones.
settings.register_profile("quick", max_examples=300, **COMMON)
settings.register_profile("ci", max_examples=20_000, derandomize=True, database=None, **COMMON)
settings.register_profile("long", max_examples=1_000_000, **COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
