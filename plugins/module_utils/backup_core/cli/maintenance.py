# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ccpp-backup maintenance`: may this server be worked on."""

from __future__ import annotations

import argparse
import math
import os
from datetime import UTC, datetime, timedelta

from ..clock import Clock, system_doubt
from ..config import Config, load
from ..errors import ATTENTION, DONE, InputError, RefusedError
from ..times import utc_text
from .output import Output
from .sources import person

HELP = "show what is at work on this server; as root, bring it to rest, back to work, or restart it"
ACTIONS = {
    "show": "what is at work, whether a restart is due, and the clock (what happens without an action)",
    "begin": "start nothing more, wait for what runs, and take in no backup until the end or the limit",
    "end": "back to work",
    "reboot": "restart the server if its packages ask for it, in its hours, and never during a backup",
}
# The timer comes every ten minutes.
REBOOT_WAIT = 300.0
REBOOT_PAUSE = timedelta(minutes=15)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = "; ".join(f"{name}: {what}" for name, what in ACTIONS.items())
    parser.add_argument("action", nargs="?", choices=ACTIONS, default="show", metavar="ACTION", help=actions)
    parser.add_argument(
        "--wait", type=_number, default=0.0, metavar="SECONDS", help="begin: wait so long for what runs"
    )
    parser.add_argument(
        "--for",
        dest="minutes",
        type=_number,
        default=60.0,
        metavar="MINUTES",
        help="begin: after so long, the server goes back to work by itself (default: 60)",
    )
    parser.add_argument("--why", default="maintenance", metavar="TEXT", help="begin: the reason, for others")
    parser.add_argument(
        "--dry-run", action="store_true", help="reboot: say what would be done, and do nothing"
    )


def _number(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and 0 <= value <= 36_000):
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 to 36000")
    return value


def execute(args: argparse.Namespace, out: Output) -> int:
    config = load()
    if config.site == "workstation":
        raise InputError(
            "maintenance is that of a server (on a workstation there is nothing to bring to rest)"
        )
    if os.geteuid() != 0:
        raise InputError(f"maintenance {args.action}: run it as root")
    if args.action == "show":
        return _show(config, args, out)
    if args.action == "begin":
        return _begin(config, args, out)
    if args.action == "end":
        return _end(config, args, out)
    return _reboot(config, args, out)


def _show(config: Config, args: argparse.Namespace, out: Output) -> int:
    from .. import pausing
    from ..maintenance import no_reboot_now

    now = Clock(args.now).now()
    pause, running, asked = pausing.in_force(config), pausing.at_work(config), pausing.reboot_required()
    doubt = None if args.now is not None else system_doubt()
    not_now = no_reboot_now(now, pausing.settings(), pausing.calendars(config))
    overdue = asked is not None and _overdue(asked[0], now)
    if args.json:
        out.json(
            {
                "paused": None
                if pause is None
                else {"who": pause.who, "why": pause.why, "until": utc_text(pause.until)},
                "at_work": running,
                "reboot": {
                    "required_since": None if asked is None else utc_text(asked[0]),
                    "packages": [] if asked is None else asked[1],
                    "overdue": overdue,
                    "not_now": not_now,
                },
                "clock": {"synchronised": doubt is None, "doubt": doubt},
            }
        )
    else:
        if pause is not None:
            out.line(f"paused by {pause.who} until {utc_text(pause.until)}: {pause.why}")
        for line in running or ["nothing is at work"]:
            out.line(line)
        out.line("no restart is asked for" if asked is None else f"restart: {_asked(asked)}")
        if asked is not None:
            out.line(f"restart: {not_now or 'may be done now'}")
        out.line(f"clock: {doubt or 'synchronised'}")
    return ATTENTION if overdue or doubt is not None else DONE


def _overdue(since: datetime, now: datetime) -> bool:
    from ..maintenance import OVERDUE

    return now - since > OVERDUE


def _asked(asked: tuple[datetime, list[str]]) -> str:
    return f"asked for since {utc_text(asked[0])}" + (f" by {', '.join(asked[1])}" if asked[1] else "")


def _begin(config: Config, args: argparse.Namespace, out: Output) -> int:
    from .. import pausing
    from ..maintenance import LONGEST_PAUSE, Pause

    length = timedelta(minutes=args.minutes)
    if length + timedelta(seconds=args.wait) > LONGEST_PAUSE:
        hours = LONGEST_PAUSE.total_seconds() / 3600
        raise InputError(f"--wait and --for: together more than {hours:.0f} hours without backups")
    pause = Pause(who=person(), why=args.why, until=datetime.now(UTC))
    done = pausing.begin(config, pause, length, args.wait, out.progress)
    if args.json:
        out.json({"until": utc_text(done.until)})
    else:
        out.line(f"at rest, until {utc_text(done.until)} at the latest")
    return DONE


def _end(config: Config, args: argparse.Namespace, out: Output) -> int:
    from .. import pausing

    changed = pausing.end(config)
    if args.json:
        out.json({"changed": changed})
    else:
        out.line("back to work" if changed else "was not paused")
    return DONE


def _reboot(config: Config, args: argparse.Namespace, out: Output) -> int:
    from .. import pausing
    from ..maintenance import Pause, no_reboot_now

    asked = pausing.reboot_required()
    if asked is None:
        return _said(args, out, "no restart is asked for", DONE)
    now = Clock(args.now).now()
    code = ATTENTION if _overdue(asked[0], now) else DONE
    pause = pausing.in_force(config)
    reason = (
        f"paused by {pause.who}: {pause.why}"
        if pause is not None
        else no_reboot_now(now, pausing.settings(), pausing.calendars(config))
    )
    if reason is not None:
        return _said(args, out, f"no restart now, {_asked(asked)}: {reason}", code)
    if args.dry_run:
        running = pausing.at_work(config)
        what = f"would wait for: {'; '.join(running)}" if running else "would restart now"
        return _said(args, out, f"{what}, {_asked(asked)}", DONE)
    try:
        mine = Pause("ccpp-backup", "restart for updates", datetime.now(UTC), pausing.boot_id())
        pausing.begin(config, mine, REBOOT_PAUSE, REBOOT_WAIT, out.progress)
    except RefusedError as error:
        return _said(args, out, f"no restart now, {_asked(asked)}: {error}", code)
    code = _said(args, out, f"restarting, {_asked(asked)}", DONE)
    pausing.reboot()
    return code


def _said(args: argparse.Namespace, out: Output, text: str, code: int) -> int:
    if args.json:
        out.json({"said": text})
    else:
        out.line(text)
    return code
