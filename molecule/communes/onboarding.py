# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Onboards both communes at once; the second, when it comes for the first time, is cut off at random points
by kill -9, and run again after each. CUTS is the number of points: one unless said otherwise, because each
takes minutes (`make resume-campaign` takes ten); SEED repeats an earlier run; ALONE=1 leaves the first
commune out. The last line counts changes.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

PLAIN, CUT_OFF = "saint-exemple", "bourg-exemple"
CUTS = int(os.environ.get("CUTS") or 1)
TASK = re.compile(r"^(?:TASK|RUNNING HANDLER) \[(.*?)\] \**$")
CHANGED = re.compile(r"^\S+\s+: ok=\d+\s+changed=(\d+)\s", re.MULTILINE)
# What is read here is read as plain text, whatever Molecule wants to show in colours.
PLAIN_TEXT = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0", "PY_COLORS": "0"}


def command(commune: str, *arguments: str) -> list[str]:
    return ["ansible-playbook", *sys.argv[1:], "ccpp.backup.onboard", "-e", f"commune={commune}", *arguments]


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def stop(text: str) -> NoReturn:
    """Say at once why, whatever the other onboarding still does; it is waited for."""
    tell(text)
    sys.exit(text.splitlines()[-1])


def tasks(commune: str) -> int:
    """How many there are, at most."""
    done = subprocess.run(
        command(commune, "--list-tasks"), env=PLAIN_TEXT, capture_output=True, text=True, check=True
    )
    return done.stdout.count("TAGS: [") - len(re.findall(r"^  play #", done.stdout, re.MULTILINE))


def cut_off(commune: str, count: int, delay: float) -> None:
    """Start, and kill all that was started here once that many tasks have begun.

    What runs on the machines then goes on or not, as after a controller's power cut.
    """
    begun = time.monotonic()
    process = subprocess.Popen(
        command(commune),
        env=PLAIN_TEXT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    said, seen = "", 0
    for line in process.stdout:
        said += line
        if found := TASK.match(line):
            seen += 1
            if seen == count:
                time.sleep(delay)
                os.killpg(process.pid, signal.SIGKILL)
                tell(f"{commune}: killed after {time.monotonic() - begun:.0f} s in task {count}, {found[1]}")
                break
    else:
        tell(f"{commune}: was through after {seen} tasks, before task {count} came")
    process.stdout.close()
    if process.wait() not in (0, -signal.SIGKILL):
        stop(f"{said[-6000:]}\n{commune}: failed before it was killed")


def onboarded(commune: str) -> int:
    """Run to the end; how much it changed."""
    begun = time.monotonic()
    done = subprocess.run(
        command(commune),
        env=PLAIN_TEXT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        stop(f"{done.stdout[-6000:]}\n{done.stderr}\n{commune}: failed with exit code {done.returncode}")
    counts = CHANGED.findall(done.stdout)
    if not counts:
        stop(f"{done.stdout[-6000:]}\n{commune}: said nothing of what it changed")
    changed = sum(map(int, counts))
    tell(f"{commune}: onboarded in {time.monotonic() - begun:.0f} s, {changed} changed")
    return changed


def interrupted(commune: str) -> int:
    seed = int(os.environ.get("SEED") or random.randrange(10**6))
    chance = random.Random(seed)
    last = tasks(commune)
    points = sorted(chance.sample(range(1, last + 1), CUTS))
    tell(f"{commune}: cut off in tasks {', '.join(map(str, points))} of {last} at most (SEED={seed})")
    for point in points:
        cut_off(commune, point, chance.uniform(0, 1))
    return onboarded(commune)


def main() -> None:
    (overlay,) = (word.partition("=")[2] for word in sys.argv[1:] if word.endswith("hosts.yml"))
    fresh = not (Path(overlay).parent / "secrets" / f"{CUT_OFF}.yml").exists()
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(interrupted if fresh else onboarded, CUT_OFF)]
        if not os.environ.get("ALONE"):
            both.append(pool.submit(onboarded, PLAIN))
        changed = sum(one.result() for one in both)
    tell(f"changed={changed}")


if __name__ == "__main__":
    main()
