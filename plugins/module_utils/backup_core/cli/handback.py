# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ccpp-backup handback`: a commune's data as plain files, for the commune to keep."""

from __future__ import annotations

import argparse

from ..config import load
from ..errors import DONE
from .output import Output
from .sources import clock, person

HELP = "hand a commune's data back: the newest backups as plain files in a folder, with their checksums"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--commune", metavar="SLUG", required=True, help="whose data")
    parser.add_argument(
        "--to", metavar="FOLDER", required=True, help="where to: an existing folder, such as that of a disk"
    )
    parser.add_argument(
        "--monthly", action="store_true", help="also the first backup of each month that is still there"
    )
    parser.add_argument("--who", help="who hands back (default: who is logged in)")
    parser.add_argument("--check", action="store_true", help="say what would be handed back, write nothing")


def execute(args: argparse.Namespace, out: Output) -> int:
    from .. import handback

    config = load()
    who = args.who or person()
    if args.check:
        done = handback.planned(config, clock(args), args.commune, args.to, who, args.monthly)
    else:
        done = handback.hand_back(
            config, clock(args), args.commune, args.to, who, args.monthly, progress=out.progress
        )
    if args.json:
        out.json(done.as_json())
        return DONE
    for part in done.parts:
        remark = "" if part.outcome in ("ok", None) else f", {part.outcome}"
        out.line(f"{part.folder}: {part.files} files, {part.size / 1e6:.1f} MB{remark}")
    for source in done.empty:
        out.line(f"{source}: never backed up, nothing to hand back")
    if not args.check:
        out.line(f"{done.folder}/SHA256SUMS: {done.sha256}, every file compared with its snapshot")
    return DONE
