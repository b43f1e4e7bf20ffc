# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the verbs that work source by source share: choosing them, going on after a failure, the exit code."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..clock import Clock
from ..config import Config, Source, load
from ..errors import ATTENTION, BAD_INPUT, BUG, DONE, FAILED, REFUSED, BackupError, one_line, shown
from ..locking import BusyError
from ..workplace import Workplace
from .output import Output

# Whoever names a source wants it done now, and is there to see it wait.
NAMED_PATIENCE = 3600.0
LONGEST_WAIT = 30 * 24 * 3600


@dataclass
class Outcome:
    """What a verb did for one source: a value for --json, lines for people, warnings for both."""

    value: Mapping[str, Any]
    lines: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    attention: bool = False
    refused: bool = False

    @property
    def code(self) -> int:
        return REFUSED if self.refused else ATTENTION if self.attention else DONE


def add_selection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--commune", metavar="SLUG", help="only this commune")
    parser.add_argument("--source", metavar="NAME", help="only the source of this name")


def add_wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--wait",
        metavar="SECONDS",
        type=seconds,
        help="how long to wait for another ccpp-backup at work on the same source, before that is a failure"
        f" (default: {NAMED_PATIENCE:.0f} for a source named by --source; else what suits a timer, whose next"
        " run comes soon: a busy source is then no failure)",
    )


def seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= LONGEST_WAIT:
        raise argparse.ArgumentTypeError(f"{shown(text)} is not a number of seconds from 0 to {LONGEST_WAIT}")
    return value


def patience(args: argparse.Namespace, usual: float = 0.0) -> float:
    """Seconds to wait for a source that is busy; `usual` is for whoever comes again soon."""
    if args.wait is not None:
        return float(args.wait)
    return max(usual, NAMED_PATIENCE) if args.source is not None else usual


def clock(args: argparse.Namespace) -> Clock:
    return Clock(args.now)


def become_service(args: argparse.Namespace, config: Config) -> None:
    """What root starts by hand on a server goes on as the service's user, as the timers run it.

    Files that root leaves in a repository or a cache would shut the service out. Keeps no more than the
    timers have: at LOCAL, the right to pass over file modes.
    """
    if sys.platform == "win32" or os.geteuid() != 0 or config.site == "workstation":
        return
    group = _group_of(config.service_user)
    if sys.argv[1:2] != [args.verb] or group is None:
        return
    kept = "+dac_override,+fowner" if config.site == "local" else ""
    capabilities = ",".join(part for part in ("-all", kept) if part)
    options = [f"--reuid={config.service_user}", f"--regid={group}", "--init-groups"]
    options += [f"--{kind}={capabilities}" for kind in ("inh-caps", "ambient-caps", "bounding-set")]
    command = [sys.executable, os.path.abspath(sys.argv[0]), *sys.argv[1:]]
    try:
        os.execvp("setpriv", ["setpriv", *options, "--no-new-privs", "--", *command])
    except OSError as error:
        raise BackupError(
            f"setpriv: {error.strerror} (install util-linux, or run as {config.service_user})"
        ) from None


def _group_of(user: str) -> int | None:
    """The group of a user other than root; None where there is no such user."""
    import pwd

    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return None
    return entry.pw_gid if entry.pw_uid != 0 else None


def person() -> str:
    """Who is at the keyboard, for the ledger."""
    return os.environ.get("SUDO_USER") or getpass.getuser()


def place_of(args: argparse.Namespace) -> Workplace:
    """The one source that --commune and --source mean."""
    config = load()
    return Workplace(config, config.one(args.commune, args.source), clock(args))


def has_repository(config: Config, source: Source) -> bool:
    """Whether this machine holds the source's repository."""
    return source.repository.location is not None


def has_ledger(config: Config, source: Source) -> bool:
    """Whether it holds the repository, and keeps the ledger of it."""
    return has_repository(config, source) and source.ledger is not None


def each_source(
    args: argparse.Namespace,
    out: Output,
    work: Callable[[Workplace], Outcome],
    empty: int = DONE,
    wanted: Callable[[Config, Source], bool] = lambda config, source: True,
    as_service: bool = True,
    order: Callable[[Config, list[Source]], list[Source]] = lambda config, sources: sources,
) -> int:
    """Do the work for every chosen source, whatever happens to the others; returns the gravest exit code."""
    config = load()
    if as_service:
        become_service(args, config)
    results: list[dict[str, Any]] = []
    codes = [empty]
    chosen = [one for one in config.select(args.commune, args.source) if wanted(config, one)]
    for source in order(config, chosen):
        out.progress(source.series)
        try:
            outcome = work(Workplace(config, source, clock(args)))
        except (BackupError, OSError) as error:
            busy = isinstance(error, BusyError)
            code = DONE if busy and not _asked(args) else getattr(error, "exit_code", FAILED)
            message = one_line(_told(error))
            results.append({"source": source.series, "busy" if busy else "error": message})
            out.warning(f"{source.series}: {message}")
            codes.append(code)
            continue
        except Exception as error:
            # What one commune's server made this command stumble over must not cost the others their copies.
            message = f"this is a bug: {type(error).__name__}: {one_line(str(error))}"
            results.append({"source": source.series, "error": message})
            out.warning(f"{source.series}: {message}")
            codes.append(BUG)
            continue
        results.append({"source": source.series, **outcome.value})
        codes.append(outcome.code)
        for warning in outcome.warnings:
            out.warning(f"{source.series}: {one_line(warning)}")
        if not args.json:
            for line in outcome.lines:
                out.line(f"{source.series}: {line}")
    if args.json:
        out.json({"sources": results})
    return gravest(codes)


def _asked(args: argparse.Namespace) -> bool:
    """Whether somebody wants this very source done now, and is not served by the next run of a timer."""
    return args.source is not None or getattr(args, "wait", None) is not None


def _told(error: BackupError | OSError) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def gravest(codes: list[int]) -> int:
    """The exit code of several pieces of work: a failure outweighs a refusal, and that a warning."""
    for code in (BUG, FAILED, BAD_INPUT, REFUSED, ATTENTION):
        if code in codes:
            return code
    return max(codes, default=DONE)
