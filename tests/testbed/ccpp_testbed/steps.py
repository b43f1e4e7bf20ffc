# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of a demonstration: announced, shown while they work, timed, and listed at the end."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from . import access
from .host import CHECKOUT, TestbedError, say

TASK = re.compile(r"^(?:TASK|PLAY|RUNNING HANDLER) \[(.*?)\] \**$")
RECAP = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)")


@dataclass
class Steps:
    """What was done so far, and how long it took."""

    total: int
    done: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        say(f"\n[{len(self.done) + 1}/{self.total}] {what}")
        begun = time.monotonic()
        yield
        self.done.append((what, time.monotonic() - begun))

    def table(self) -> list[str]:
        width = max(len(what) for what, _seconds in self.done)
        lines = [f"  {what:<{width}}  {seconds:6.1f} s" for what, seconds in self.done]
        return [*lines, f"  {'all':<{width}}  {sum(seconds for _what, seconds in self.done):6.1f} s"]


def progress(text: str) -> None:
    """One line that the next one overwrites; nothing where nobody looks."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K  {text[:100]}")
        sys.stderr.flush()


def note(text: str) -> None:
    progress("")
    if sys.stderr.isatty():
        sys.stderr.write("\r")
        sys.stderr.flush()
    for line in text.splitlines():
        say(f"  {line}")


@dataclass(frozen=True)
class Recap:
    """What a playbook did, over all machines; how many there were, and how long it took with all of them."""

    tasks: int
    changed: int
    hosts: int
    seconds: float

    def __str__(self) -> str:
        each = self.seconds / max(1, self.hosts)
        return f"{self.tasks} tasks on {self.hosts} hosts, {self.changed} changed, {each:.1f} s per host"


def recap_of(lines: list[re.Match[str]], seconds: float) -> Recap:
    """From the lines of a PLAY RECAP, one per host."""
    tasks, changed = (sum(int(line[field]) for line in lines) for field in (2, 3))
    return Recap(tasks, changed, len(lines), seconds)


def relative(path: Path) -> str:
    return os.path.relpath(path, Path.cwd()) if path.is_relative_to(Path.cwd()) else str(path)


@dataclass(frozen=True)
class Controller:
    """The administrator's machine: runs playbooks against a testbed, and commands on its machines."""

    name: str

    @property
    def state(self) -> Path:
        return access.state_directory(self.name)

    def environment(self) -> dict[str, str]:
        venv = CHECKOUT / ".venv" / "bin"
        path = f"{venv}:{os.environ['PATH']}" if venv.is_dir() else os.environ["PATH"]
        return os.environ | {
            "PATH": path,
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORCE_COLOR": "0",
            "ANSIBLE_VAULT_PASSWORD_FILE": str(access.ensure_vault_password(self.name)),
        }

    def inventory(self) -> list[str]:
        """The scenario's own inventory where it has one, with the machines on top."""
        own = CHECKOUT / "molecule" / self.name / "inventory"
        base = own if own.is_dir() else CHECKOUT / "inventory"
        return ["-i", str(base), "-i", str(self.state / "hosts.yml")]

    def playbook(self, name: str, *arguments: str) -> Recap:
        """Run a playbook, showing the task at hand; its whole output goes to a log in the state directory."""
        command = ["ansible-playbook", *self.inventory(), name, *arguments]
        note(f"$ {shlex.join(relative(Path(word)) if word.startswith('/') else word for word in command)}")
        log = self.state / f"{name}.log"
        begun = time.monotonic()
        recaps = []
        with (
            log.open("w", encoding="utf-8") as kept,
            subprocess.Popen(
                # Killed, the demonstration must leave nothing at work on machines that are then taken away.
                ["setpriv", "--pdeathsig", "TERM", *command],
                cwd=CHECKOUT,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            ) as process,
        ):
            for line in process.stdout or ():
                kept.write(line)
                if found := TASK.match(line):
                    progress(found[1])
                    if line.startswith("PLAY") and not sys.stderr.isatty():
                        note(found[1])
                elif found := RECAP.match(line):
                    recaps.append(found)
        if process.returncode != 0:
            last = log.read_text(encoding="utf-8").splitlines()[-25:]
            note("\n".join(last))
            raise TestbedError(
                f"{name} failed with exit code {process.returncode}; all it said: {relative(log)}"
            )
        recap = recap_of(recaps, time.monotonic() - begun)
        note(str(recap))
        return recap

    def check_inventory(self) -> None:
        """A mistake in a commune's file stops everything here, before anything is started."""
        command = ["ansible-inventory", *self.inventory()[:2], "--list"]
        try:
            done = subprocess.run(
                command, cwd=CHECKOUT, env=self.environment(), capture_output=True, text=True, check=False
            )
        except OSError:
            raise TestbedError("ansible is not installed here; install it with: make setup") from None
        if done.returncode != 0:
            raise TestbedError(done.stderr.strip() or "the inventory cannot be read")

    def run(
        self, machine: str, command: str, *, stdin: str | None = None, good: tuple[int, ...] = (0,)
    ) -> str:
        """Run a command line as root on a machine; what it printed."""
        call = access.ssh_command(self.name, machine, f"sudo sh -c {shlex.quote(command)}")
        done = subprocess.run(
            call,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
        )
        if done.returncode not in good:
            said = " | ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-5:])
            raise TestbedError(f"{machine}: {command} failed with exit code {done.returncode}: {said}")
        return done.stdout

    def show(self, machine: str, command: str, good: tuple[int, ...] = (0,)) -> str:
        """Run a command on a machine as a person would see it."""
        note(f"{machine}# {command}")
        said = self.run(machine, command, good=good)
        note(said.rstrip())
        return said
