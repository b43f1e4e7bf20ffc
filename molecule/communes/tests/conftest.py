# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of this scenario share; office.py says what an administrator does."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from ccpp_testbed.steps import Controller

# Tests are imported by their path, so that their folder is on no import path.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from office import INVENTORY, Office


@pytest.fixture(scope="module")
def office(controller: Controller) -> Office:
    """With the files as they stand in the scenario, whatever an earlier test made of them."""
    folder = controller.state / "inventory"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(INVENTORY, folder)
    return Office(controller.name, folder)
