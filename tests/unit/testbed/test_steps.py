# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demonstration says of a playbook it ran."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "testbed"))

from ccpp_testbed import steps

SAID = """\
PLAY RECAP *********************************************************************
remote                     : ok=41   changed=0    unreachable=0    failed=0    skipped=12
saint-exemple-local        : ok=70   changed=2    unreachable=0    failed=0    skipped=9
"""


def test_a_playbook_is_summed_up_over_its_hosts() -> None:
    lines = [found for line in SAID.splitlines() if (found := steps.RECAP.match(line))]
    assert str(steps.recap_of(lines, 30.0)) == "111 tasks on 2 hosts, 2 changed, 15.0 s per host"


def test_a_playbook_without_hosts_takes_no_time_per_host() -> None:
    assert str(steps.recap_of([], 3.0)) == "0 tasks on 0 hosts, 0 changed, 3.0 s per host"
