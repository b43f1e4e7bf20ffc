# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules on a real server: predict, do, and do nothing the second time."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ccpp_testbed import access

ROOT = Path(__file__).resolve().parents[3]


def test_modules_predict_act_and_find_nothing_left_to_do() -> None:
    overlay = access.state_directory("default") / "hosts.yml"
    command = ["ansible-playbook", "-i", "inventory", "-i", str(overlay), "molecule/default/modules.yml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
