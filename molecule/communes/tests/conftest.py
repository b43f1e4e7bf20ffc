# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of this scenario share; office.py says what an administrator does."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from ccpp_testbed.steps import Controller

# Tests are imported by their path, so that their folder is on no import path.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from office import INVENTORY, Office

# Each of these runs whole playbooks again and again, which CI has no time for; WHOLE=1 runs them, too.
LONG = ("test_change_of_life.py", "test_zzz_server_replaced.py", "test_zzzz_lost_local.py")
collect_ignore = [] if os.environ.get("WHOLE") else list(LONG)


def pytest_report_header() -> str:
    left = ", ".join(collect_ignore)
    return f"left out without WHOLE=1: {left}" if left else "the whole scenario"


@pytest.fixture(scope="module")
def office(controller: Controller) -> Office:
    """With the files as they stand in the scenario, whatever an earlier test made of them."""
    folder = controller.state / "inventory"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(INVENTORY, folder)
    return Office(controller.name, folder)
