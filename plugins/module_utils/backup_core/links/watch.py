# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service that keeps the lines' routing tables and looks at the tunnels, for as long as it is let."""

from __future__ import annotations

import json
import os
import select
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

from ..errors import BackupError
from . import look, paths
from .settings import Links

# Between two looks, in seconds.
EVERY = 15.0
# Routes are compared anew when nothing told of a change, in seconds.
AT_LEAST_EVERY = 30.0
# What comes and goes in one breath is one change.
BREATH = 0.05
MONITOR = ("ip", "monitor", "link", "address", "route")


def watch(links: Links, state_directory: str, say: Callable[[str], None]) -> None:
    """Runs until it is killed. BackupError when the kernel's events cannot be had."""
    looks = threading.Thread(target=_look_on, args=(links, state_directory, say), daemon=True)
    with subprocess.Popen(MONITOR, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as monitor:
        assert monitor.stdout is not None
        events = monitor.stdout.fileno()
        os.set_blocking(events, False)
        told: list[str] = []
        while True:
            problems = look.lay_routes(links.lines)
            for problem in problems if problems != told else []:
                say(problem)
            told = problems
            if not looks.is_alive():
                if looks.ident is not None:
                    raise BackupError("the looks at the tunnels have ended")
                looks.start()
            select.select([events], [], [], AT_LEAST_EVERY)
            time.sleep(BREATH)
            _drain(events, monitor)


def _drain(events: int, monitor: subprocess.Popen[bytes]) -> None:
    while True:
        try:
            piece = os.read(events, 65536)
        except BlockingIOError:
            return
        if not piece:
            raise BackupError(f"ip monitor has ended ({monitor.wait()})")


def _look_on(links: Links, state_directory: str, say: Callable[[str], None]) -> None:
    looker = look.Looker(links, paths.read(state_directory))
    states: dict[str, str] = {}
    while True:
        began = time.monotonic()
        document = looker.look()
        write(state_directory, document)
        for path in paths.paths_of(document):
            if states.get(path.name) != path.state:
                states[path.name] = path.state
                say(f"{path.commune}: {path.name} ({path.kind}) is {path.state} since {path.since}")
        time.sleep(max(1.0, EVERY - (time.monotonic() - began)))


def write(state_directory: str, document: dict[str, Any]) -> None:
    """Replace links.json whole or not at all. It is measured anew in seconds, so it need not be durable."""
    path = os.path.join(paths.folder_of(state_directory), paths.NAME)
    temporary = f"{path}.new"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)
