# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ccpp-backup quarantine`: what was moved out of the repositories."""

from __future__ import annotations

import argparse
import os

from ..config import Config, Source
from ..errors import ATTENTION, DONE, InputError
from .output import Output
from .sources import Outcome, add_selection, each_source, person, place_of

HELP = "show what was moved out of the repositories, look for more, or put an object back"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "sweep", "return"))
    add_selection(parser)
    parser.add_argument("--object", metavar="NAME", help="the object to put back, as list shows it")


def _received_here(config: Config, source: Source) -> bool:
    return config.site == "local"


def execute(args: argparse.Namespace, out: Output) -> int:
    from .. import locking, quarantine
    from ..workplace import Workplace

    if args.action == "return":
        return _return(args, out)

    def listed(place: Workplace) -> Outcome:
        entries = [e for e in place.ledger().entries if e.act == quarantine.ACT and "kept" in e.fields]
        folder = quarantine.folder_of(place)
        there = [e for e in entries if os.path.exists(os.path.join(folder, str(e.fields["kept"])))]
        objects = [{"at": e.at.isoformat(), "reason": e.why, **e.fields} for e in there]
        lines = [
            f"{e.at:%Y-%m-%d %H:%M} {e.fields['kept']} ({e.fields['size']} bytes): {e.why}" for e in there
        ]
        return Outcome({"folder": folder, "objects": objects}, lines or ["nothing in quarantine"])

    def swept(place: Workplace) -> Outcome:
        with locking.of_source(place.config, place.source, patience=30):
            moved = quarantine.sweep(place)
        lines = [f"{one['kept']}: {one['reason']}" for one in moved]
        return Outcome({"quarantined": moved}, lines or ["nothing to move"], attention=bool(moved))

    return each_source(args, out, listed if args.action == "list" else swept, wanted=_received_here)


def _return(args: argparse.Namespace, out: Output) -> int:
    from .. import locking, quarantine

    if args.object is None:
        raise InputError("--object: missing (see ccpp-backup quarantine list)")
    place = place_of(args)
    with locking.of_source(place.config, place.source, patience=30):
        target = quarantine.put_back(place, args.object, person())
    if args.json:
        out.json({"source": place.source.series, "returned": target})
    else:
        out.line(f"{place.source.series}: {target} is back")
    return DONE if os.path.exists(target) else ATTENTION
