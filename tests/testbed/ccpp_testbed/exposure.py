# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How exposed our units are, as systemd-analyze scores them: 0 is nothing, 10 is everything."""

from __future__ import annotations

import re

from .steps import Controller

# Every unit of ours must stay below it.
LIMIT = 3.0
# Whatever is named so is ours, whoever made it.
PATTERN = "ccpp-backup*.service"

_SCORE = re.compile(r"Overall exposure level for (\S+): ([0-9.]+)")


def of_our_units(controller: Controller, machine: str) -> dict[str, float]:
    """The score of each of our services on a machine, the most exposed first."""
    listed = controller.run(machine, f"systemctl list-unit-files --plain --no-legend '{PATTERN}'")
    # A template without an instance cannot be scored.
    names = [line.split()[0].replace("@.", "@x.") for line in listed.splitlines() if line]
    said = controller.run(
        machine, f"for unit in {' '.join(names)}; do systemd-analyze security --no-pager $unit; done"
    )
    scores = {name: float(score) for name, score in _SCORE.findall(said)}
    if sorted(scores) != sorted(names):
        raise AssertionError(f"{machine}: no score for {sorted(set(names) - set(scores))}")
    return dict(sorted(scores.items(), key=lambda one: (-one[1], one[0])))
