# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ccpp-backup store`: the disks under the repositories."""

from __future__ import annotations

import argparse
import os
import subprocess
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..clock import Clock
from ..config import load
from ..errors import ATTENTION, DONE, BackupError, InputError
from ..times import utc_text
from .output import Output

if TYPE_CHECKING:
    from ..storage.settings import Settings

HELP = "show how the disks under the repositories are; as root, look after them"
ACTIONS = {
    "show": "say what the last look found (what happens without an action)",
    "check": "look at the disks now, note it for status, and have mended what can be",
    "mount": "mount the store, with all its disks or, after a minute, with those that are there",
    "mend": "replace, add and convert what the settings ask for; takes hours on real disks",
    "scrub": "read every byte on every disk and repair what can be; takes hours on real disks",
    "balance": "give nearly empty chunks back",
}
# Chunks that are at most so full (in %), and not more than so many of them in one month.
BALANCE = ("btrfs", "balance", "start", "-dusage=30,limit=50")
MEND, SCRUB = "ccpp-backup-store-mend.service", "ccpp-backup-store-scrub.service"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = "; ".join(f"{name}: {what}" for name, what in ACTIONS.items())
    parser.add_argument(
        "--patience",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="mount: how long to wait for a disk that is missing, before going on without it (default: 60)",
    )
    parser.add_argument("action", nargs="?", choices=ACTIONS, default="show", metavar="ACTION", help=actions)


def execute(args: argparse.Namespace, out: Output) -> int:
    from .. import storage_health
    from ..storage import carry_out, commands, ensure, health, settings

    if args.action == "show":
        return _show(storage_health.read(load().state_directory), args, out)
    if os.geteuid() != 0:
        raise InputError(f"store {args.action}: run it as root")
    found = settings.load()
    if args.action == "check":
        return _check(args, out)
    if found is None or not found.wanted.disks:
        out.line("the store is a plain folder: there are no disks to look after")
        return DONE
    if args.action == "scrub":
        return _scrub(args, out, found)
    if args.action == "mount":
        if carry_out.mount(found.wanted, found.uuid, args.patience):
            out.warning("the store is mounted with a disk missing")
    elif args.action == "mend":
        for sentence in ensure.mend(found.wanted, found.uuid):
            out.line(sentence)
    else:
        commands.run(*BALANCE, found.wanted.mount_point, timeout=None)
    health.refresh(clock=Clock(args.now))
    return DONE


def _show(facts: Mapping[str, Any], args: argparse.Namespace, out: Output) -> int:
    from ..storage_health import judge

    found = judge(facts, Clock(args.now).now())
    if args.json:
        out.json(found.as_json())
    else:
        out.line(f"{found.level.upper()}  store: {found.summary}")
        for disk in facts.get("disks") or []:
            smart = disk.get("smart") or {}
            reason = f" ({smart['reason']})" if "reason" in smart else ""
            said = f"SMART: {smart['state']}{reason}" if smart else ""
            out.line(f"  {disk['state']:8} {disk['name']}  {said}".rstrip())
        for reason in found.reasons:
            out.line(f"  {reason}")
    return DONE if found.level == "ok" else ATTENTION


def _check(args: argparse.Namespace, out: Output) -> int:
    from ..storage import ensure, health

    facts = health.refresh(clock=Clock(args.now))
    if facts.get("mounted") and not facts.get("mend_failed") and ensure.is_pending():
        _start(MEND)
    elif facts.get("activity") == "none" and facts.get("scrub_owed") and not facts.get("degraded"):
        # A disk is back, or was replaced: what was written without it is to be compared.
        _start(SCRUB)
    return _show(facts, args, out)


def _start(unit: str) -> None:
    subprocess.run(["systemctl", "start", "--no-block", unit], stdin=subprocess.DEVNULL, check=False)


def _scrub(args: argparse.Namespace, out: Output, found: Settings) -> int:
    from ..storage import health
    from ..storage_health import read

    clock = Clock(args.now)
    owed = bool(read(load().state_directory).get("scrub_owed"))
    result = health.scrub(found.wanted.mount_point, explained=owed)
    health.refresh({"at": utc_text(clock.now()), **result}, clock)
    if args.json:
        out.json(result)
    else:
        out.line("clean" if result["clean"] else f"found {result['errors']}, repaired {result['corrected']}")
    if result["uncorrectable"]:
        raise BackupError(f"the scrub found {result['uncorrectable']} errors that no copy mends")
    return DONE if result["clean"] else ATTENTION
