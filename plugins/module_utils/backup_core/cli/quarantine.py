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
    from .. import aside, locking, quarantine
    from ..workplace import Workplace

    if args.action == "return":
        return _return(args, out)

    def listed(place: Workplace) -> Outcome:
        objects = list(aside.listed(place))
        lines = [f"{one['kept']} ({one['size']} bytes): {one['reason']}" for one in objects]
        folder = aside.folder_of(place)
        return Outcome({"folder": folder, "objects": objects}, lines or ["nothing in quarantine"])

    def swept(place: Workplace) -> Outcome:
        with locking.of_source(place.config, place.source, patience=30):
            moved = quarantine.sweep(place).batches
        lines = [aside.told(one) for one in moved]
        return Outcome({"quarantined": moved}, lines or ["nothing to move"], attention=bool(moved))

    return each_source(args, out, listed if args.action == "list" else swept, wanted=_received_here)


def _return(args: argparse.Namespace, out: Output) -> int:
    from .. import aside, locking

    if args.object is None:
        raise InputError("--object: missing (see ccpp-backup quarantine list)")
    place = place_of(args)
    with locking.of_source(place.config, place.source, patience=30):
        target = aside.put_back(place, args.object, person())
    if args.json:
        out.json({"source": place.source.series, "returned": target})
    else:
        out.line(f"{place.source.series}: {target} is back")
    return DONE if os.path.exists(target) else ATTENTION
