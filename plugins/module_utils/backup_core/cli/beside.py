# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One process a commune, side by side: what the server of one does to its own touches no other."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from typing import Any

from ..errors import FAILED
from .output import Output
from .sources import gravest


def possible(args: argparse.Namespace) -> bool:
    """Whether this process was started as the command itself, and so can be started again."""
    return os.name == "posix" and sys.argv[1:2] == [args.verb]


def each_commune(args: argparse.Namespace, out: Output, communes: Sequence[str], most_seconds: float) -> int:
    """Run this very command for each commune alone; returns the gravest exit code.

    After `most_seconds` a commune's process is ended with all that it started.
    """
    command = [sys.executable, os.path.abspath(sys.argv[0]), *sys.argv[1:]]
    running = {slug: _start([*command, "--commune", slug]) for slug in communes}
    codes, results = [], []
    with ThreadPoolExecutor(len(communes)) as pool:
        try:
            futures = {pool.submit(_wait, one, most_seconds): slug for slug, one in running.items()}
            for future in as_completed(futures):
                said, complaints, late = future.result()
                slug = futures[future]
                codes.append(FAILED if late else _code(running[slug]))
                for line in complaints.splitlines():
                    out.warning(line.removeprefix("ccpp-backup: "))
                if late:
                    out.warning(f"{slug}: ended after {most_seconds:.0f} s")
                if args.json:
                    results += _sources(said, slug)
                else:
                    for line in said.splitlines():
                        out.line(line)
        except BaseException:
            for process in running.values():
                _end(process)
            raise
    if args.json:
        out.json({"sources": sorted(results, key=lambda one: str(one["source"]))})
    return gravest(codes)


def _start(command: Sequence[str]) -> subprocess.Popen[str]:
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


def _wait(process: subprocess.Popen[str], seconds: float) -> tuple[str, str, bool]:
    """What it said and complained of, and whether it had to be ended."""
    try:
        return (*process.communicate(timeout=seconds), False)
    except subprocess.TimeoutExpired:
        _end(process)
        return (*process.communicate(), True)


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _code(process: subprocess.Popen[str]) -> int:
    return process.returncode if process.returncode >= 0 else FAILED


def _sources(said: str, slug: str) -> list[dict[str, Any]]:
    """What a commune's process printed; what cannot be read is a failure of the commune as a whole."""
    try:
        return list(json.loads(said)["sources"])
    except (ValueError, KeyError, TypeError):
        return [{"source": slug, "error": "its process printed no result"}]
