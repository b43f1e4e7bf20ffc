# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line frame: finds the verb, reads its arguments, turns errors into one line and an exit code.

A verb is a module of this package named in VERBS, with `HELP: str`, `add_arguments(parser) -> None` and
`execute(args, out: Output) -> int`. The frame gives each verb `--json` (args.json: bool) and `--now`
(args.now: an aware datetime, or None for the system's clock). Only the module of the verb asked for is
imported.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn, Protocol, cast

from ..errors import BUG, DONE, FAILED, INTERRUPTED, BackupError, InputError, one_line
from ..times import parse_clock, utc_text
from .output import Output, open_standard_streams

VERBS = (
    "plan",
    "calendar",
    "run",
    "receive",
    "retain",
    "replicate",
    "verify",
    "repair",
    "scan",
    "inspect",
    "find",
    "restore",
    "handback",
    "drill",
    "hold",
    "status",
    "page",
    "report",
    "verify-report",
    "quarantine",
    "capacity",
    "recovery",
    "benchmark",
    "fees",
    "intervention",
    "store",
    "links",
    "maintenance",
    "journal",
    "commune",
)

# Set by the timers' units: what they start rests while the server is paused; what a person starts goes on.
UNATTENDED = "CCPP_BACKUP_UNATTENDED"

EXIT_CODES = """\
exit codes:
  0   done
  1   failed: something could not be done (one line on standard error says what)
  2   bad input or usage; nothing was changed
  3   done, but something needs attention (a partial backup, damage found, a status that is not ok)
  4   refused by a guard (hold, blast radius, clock, stalled series, broken ledger chain); nothing was changed
  70  a bug in this command (CCPP_BACKUP_DEBUG=1 shows where)
  130 interrupted from the keyboard
"""


class Verb(Protocol):
    """What a module of this package offers to the frame."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def execute(self, args: argparse.Namespace, out: Output) -> int: ...


class _Parser(argparse.ArgumentParser):
    """Raises InputError instead of printing several lines and exiting."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message} (see {self.prog} --help)")


def available() -> list[str]:
    """The verbs this copy of the package has."""
    folder = os.path.dirname(__file__)
    return [verb for verb in VERBS if os.path.exists(os.path.join(folder, f"{_module(verb)}.py"))]


def load(verb: str) -> Verb:
    return cast(Verb, importlib.import_module(f".{_module(verb)}", __name__))


def _module(verb: str) -> str:
    return verb.replace("-", "_")


def _parser(verbs: Sequence[str]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="ccpp-backup",
        description="Backups of a town hall: what to keep, what is there, and whether it can be restored.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    choices = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name in verbs:
        verb = load(name)
        sub = choices.add_parser(
            name,
            help=verb.HELP,
            description=verb.HELP,
            epilog=EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        verb.add_arguments(sub)
        sub.add_argument("--json", action="store_true", help="print the result as one JSON document")
        sub.add_argument(
            "--now",
            metavar="ISO8601",
            help="decide as if it were this instant, written with its offset (default: the environment's"
            " CCPP_BACKUP_NOW, or the system's clock)",
        )
    return parser


def _run(argv: Sequence[str], out: Output) -> int:
    verbs = available()
    args = _parser([argv[0]] if argv and argv[0] in verbs else verbs).parse_args(argv)
    if args.now is not None:
        args.now = parse_clock(args.now, "--now")
    elif os.environ.get("CCPP_BACKUP_NOW"):
        args.now = parse_clock(os.environ["CCPP_BACKUP_NOW"], "CCPP_BACKUP_NOW")
    if os.environ.get(UNATTENDED) == "1" and _rests(out):
        return DONE
    code = load(args.verb).execute(args, out)
    out.flush()
    return code


def _rests(out: Output) -> bool:
    from .. import config, pausing

    pause = pausing.in_force(config.load())
    if pause is not None:
        out.line(f"nothing done: paused by {pause.who} until {utc_text(pause.until)}: {pause.why}")
    return pause is not None


def main(argv: Sequence[str]) -> int:
    """Run one verb; returns the exit code. Never lets a traceback out unless CCPP_BACKUP_DEBUG is set."""
    open_standard_streams()
    for stream in (sys.stdout, sys.stderr):
        # JSON is UTF-8 whatever the locale says; and a file name may hold bytes that are no text: better an
        # escape than a crash halfway through a report.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")
    out = Output()
    try:
        return _run(argv, out)
    except SystemExit as asked:  # argparse, after --help
        out.flush()
        return asked.code if isinstance(asked.code, int) else DONE
    except BackupError as error:
        out.warning(one_line(str(error)))
        return error.exit_code
    except KeyboardInterrupt:
        out.warning("interrupted")
        return INTERRUPTED
    except OSError as error:
        _debug()
        out.warning(one_line(f"{error.filename}: {error.strerror}" if error.filename else str(error)))
        return FAILED
    except Exception as error:
        _debug()
        out.warning(one_line(f"this is a bug, please report it: {type(error).__name__}: {error}"))
        return BUG


def _debug() -> None:
    if os.environ.get("CCPP_BACKUP_DEBUG") == "1":
        sys.stderr.write(traceback.format_exc())
