# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One process a commune, side by side: what the server of one does to its own touches no other.

A commune whose pull takes hours, because its server is slow or means ill, keeps none of the others waiting
for the end: as long as it is at work they have their turn again and again.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..errors import FAILED, BackupError
from .output import Output
from .sources import gravest

# Places for processes that have just begun: most end within a second, because there is nothing to do.
PLACES = 16
# Who has been at work for so long (seconds) keeps no place any more: a commune that waits for one waits for
# so long and no longer, whatever the servers before it do.
YOUNG = 10.0
_LOOK = 0.25


@dataclass(frozen=True)
class Limits:
    """Seconds after which a commune's process is ended with all that it started, and after which a commune
    has its next turn while others are still at work; None: no further turn."""

    longest: float
    again: float | None = None


@dataclass(frozen=True)
class _Done:
    slug: str
    said: str
    complaints: str
    code: int
    late: bool


def possible(args: argparse.Namespace) -> bool:
    """Whether this process was started as the command itself, and so can be started again."""
    return os.name == "posix" and sys.argv[1:2] == [args.verb]


def each_commune(
    args: argparse.Namespace, out: Output, communes: Callable[[], Sequence[str]], limits: Limits
) -> int:
    """Run this very command for each commune alone; returns the gravest exit code of their last turns.

    `communes` is asked anew at each further turn: one that has joined meanwhile has its turn too.
    """
    turns = _Turns(communes, limits)
    last: dict[str, _Done] = {}
    try:
        for done in turns.all():
            last[done.slug] = done
            for line in done.complaints.splitlines():
                out.warning(line.removeprefix("ccpp-backup: "))
            if done.late:
                out.warning(f"{done.slug}: ended after {limits.longest:.0f} s")
            if not args.json:
                for line in done.said.splitlines():
                    out.line(line)
                out.flush()
    except BaseException:
        turns.end()
        raise
    if args.json:
        results = [one for done in last.values() for one in _sources(done.said, done.slug)]
        out.json({"sources": sorted(results, key=lambda one: str(one["source"]))})
    return gravest([done.code for done in last.values()])


class _Turns:
    """Whose turn it is, and who is at work. Times are those of the monotonic clock."""

    def __init__(self, communes: Callable[[], Sequence[str]], limits: Limits) -> None:
        self._communes = communes
        self._limits = limits
        self._command = [sys.executable, os.path.abspath(sys.argv[0]), *sys.argv[1:]]
        self._began: dict[str, float] = {}
        self._waiting = list(communes())
        self._asked = time.monotonic()
        self._running: dict[str, subprocess.Popen[str]] = {}
        self._ended: queue.SimpleQueue[_Done] = queue.SimpleQueue()

    def all(self) -> Iterator[_Done]:
        """Each turn when it has come to its end; over when nobody is at work and nobody waits any more."""
        while self._waiting or self._running or not self._ended.empty():
            self._start()
            with suppress(queue.Empty):
                done = self._ended.get(timeout=_LOOK)
                self._running.pop(done.slug, None)
                yield done
            self._call_again()

    def end(self) -> None:
        for process in self._running.values():
            _end(process)

    def _start(self) -> None:
        now = time.monotonic()
        while self._waiting and self._young(now) < PLACES:
            slug = self._waiting.pop(0)
            self._began[slug] = now
            try:
                process = self._running[slug] = _started([*self._command, "--commune", slug])
            except OSError as error:
                # Too many processes or open files: this one's turn is lost, those at work go on.
                complaint = f"{slug}: its process cannot be started: {error.strerror}"
                self._ended.put(_Done(slug, "", complaint, FAILED, False))
                continue
            waiter = threading.Thread(target=self._wait, args=(slug, process), daemon=True)
            waiter.start()

    def _young(self, now: float) -> int:
        return sum(now - self._began[slug] < YOUNG for slug in self._running)

    def _wait(self, slug: str, process: subprocess.Popen[str]) -> None:
        late = False
        try:
            said, complaints = process.communicate(timeout=self._limits.longest)
        except subprocess.TimeoutExpired:
            late = True
            _end(process)
            said, complaints = process.communicate()
        code = FAILED if late or process.returncode < 0 else process.returncode
        self._ended.put(_Done(slug, said, complaints, code, late))

    def _call_again(self) -> None:
        """While somebody is still at work, give the others a further turn."""
        again, now = self._limits.again, time.monotonic()
        if again is None or not self._running or now - self._asked < again:
            return
        self._asked = now
        try:
            communes = self._communes()
        except BackupError:
            # A configuration that is being written, or is broken: whoever is at work goes on with the former.
            communes = list(self._began)
        idle = [one for one in communes if one not in self._running and one not in self._waiting]
        # Who had its turn longest ago comes first.
        self._waiting += sorted(idle, key=lambda one: self._began.get(one, 0.0))


def _started(command: Sequence[str]) -> subprocess.Popen[str]:
    # A session of its own, so that it can be ended together with the restic it has started.
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="backslashreplace",
        start_new_session=True,
    )


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _sources(said: str, slug: str) -> list[dict[str, Any]]:
    """What a commune's process printed; what cannot be read is a failure of the commune as a whole."""
    try:
        return list(json.loads(said)["sources"])
    except (ValueError, KeyError, TypeError):
        return [{"source": slug, "error": "its process printed no result"}]
