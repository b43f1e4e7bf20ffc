# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing a server to rest and back to work, and restarting it when it may. As root, but for reading."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from . import activity
from .config import Config, directory
from .errors import BackupError, InputError, RefusedError
from .files import write_durably
from .maintenance import Pause, Settings, parse_pause
from .opening import OpeningCalendar

# Where backups come in; while it is stopped, a client that starts one waits and tries again for 15 minutes.
INLET = ("ccpp-backup-writer.socket", "ccpp-backup-writer.service")
# Opens it again should whoever asked for the pause not live to end it.
REOPEN = "ccpp-backup-reopen"
REBOOT_UNIT = "ccpp-backup-reboot.service"
# Written by Debian's packages (unattended-upgrades' kernel hook, and others).
REBOOT_REQUIRED = "/run/reboot-required"

_POLL = 1.0


def folder_of(state_directory: str) -> str:
    """Root writes here: in the agent's own folder, a link that the agent left could lead root anywhere."""
    return f"{state_directory}-maintenance"


def _file(config: Config) -> str:
    return os.path.join(folder_of(config.state_directory), "pause.json")


def in_force(config: Config) -> Pause | None:
    """The pause that this server makes at present."""
    try:
        pause = parse_pause(Path(_file(config)).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return pause if pause is not None and pause.in_force(datetime.now(UTC), boot_id()) else None


def boot_id() -> str:
    """What the kernel drew when it started (random(4)); in a container, when the container did."""
    kernel = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    # Field 22 is the start of process 1 in ticks; its name, in parentheses, may hold anything.
    started = (
        Path("/proc/1/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    )
    return f"{kernel}:{started}"


def begin(
    config: Config, pause: Pause, length: timedelta, wait: float, progress: Callable[[str], None]
) -> Pause:
    """Let nothing start, wait for what runs, and close the way in; the pause, which lasts so long from then.

    RefusedError when something is still at work after `wait` seconds: all is then as it was.
    """
    before = in_force(config)
    deadline = time.monotonic() + wait
    _write(config, replace(pause, until=datetime.now(UTC) + timedelta(seconds=wait) + length))
    try:
        while True:
            running = at_work(config)
            if not running:
                _close(wait + length.total_seconds())
                # What slipped in between the look and the closing is as good as any other.
                running = at_work(config)
                if not running:
                    break
                _open()
            if time.monotonic() >= deadline:
                raise RefusedError(f"still at work: {'; '.join(running)} (try again later, or wait longer)")
            progress("; ".join(running))
            time.sleep(_POLL)
    except BaseException:
        if before is None:
            end(config)
        else:
            _write(config, before)
        raise
    done = replace(pause, until=datetime.now(UTC) + length)
    _write(config, done)
    return done


def end(config: Config) -> bool:
    """Back to work; whether there was a pause."""
    was = in_force(config) is not None
    _open()
    Path(_file(config)).unlink(missing_ok=True)
    return was


def at_work(config: Config) -> list[str]:
    """What a restart would cut off, as activity tells it, and what the timers have started."""
    listed = _systemctl(
        "list-units", "--type=service", "--state=activating", "--output=json", "ccpp-backup*.service"
    )
    units = [str(unit["unit"]) for unit in json.loads(listed or "[]")]
    return [*(f"{unit} is running" for unit in units if unit != REBOOT_UNIT), *activity.at_work(config)]


def settings() -> Settings:
    """What role ccpp.backup.base wrote; its defaults where it wrote nothing."""
    path = Path(directory(), "maintenance.json")
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return Settings()
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON: {error} (run role ccpp.backup.base again)") from None
    return Settings.from_mapping(value, str(path))


def calendars(config: Config) -> list[OpeningCalendar]:
    """The opening calendars of the town halls that this server serves."""
    return [
        OpeningCalendar.from_mapping(dict(one.opening), f"{one.slug}: opening")
        for one in config.communes.values()
    ]


def reboot_required() -> tuple[datetime, list[str]] | None:
    """Since when a restart is asked for, and by which packages; None when it is not."""
    try:
        since = os.stat(REBOOT_REQUIRED).st_mtime
    except FileNotFoundError:
        return None
    try:
        packages = Path(f"{REBOOT_REQUIRED}.pkgs").read_text(encoding="utf-8").split()
    except OSError:
        packages = []
    return datetime.fromtimestamp(since, UTC), sorted(set(packages))


def reboot() -> None:
    _systemctl("reboot")


def _write(config: Config, pause: Pause) -> None:
    os.makedirs(folder_of(config.state_directory), mode=0o755, exist_ok=True)
    write_durably(_file(config), pause.as_text().encode())
    os.chmod(_file(config), 0o644)


def _close(seconds: float) -> None:
    if not _has_inlet():
        return
    _systemctl("stop", f"{REOPEN}.timer", check=False)
    command = ["systemd-run", "--quiet", f"--unit={REOPEN}", f"--on-active={seconds:.0f}s"]
    _run([*command, "systemctl", "start", *INLET])
    _systemctl("stop", *INLET)


def _open() -> None:
    if _has_inlet():
        _systemctl("stop", f"{REOPEN}.timer", check=False)
        _systemctl("start", *INLET)


def _has_inlet() -> bool:
    return _systemctl("show", "--property=LoadState", "--value", INLET[0]).strip() == "loaded"


def _systemctl(*arguments: str, check: bool = True) -> str:
    return _run(["systemctl", "--no-ask-password", *arguments], check)


def _run(command: list[str], check: bool = True) -> str:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackupError(f"{command[0]}: {error}") from None
    if check and done.returncode != 0:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise BackupError(f"{' '.join(command[:3])}: {said}")
    return done.stdout
