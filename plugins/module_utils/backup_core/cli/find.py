# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ccpp-backup find`: where a file is, and in which versions."""

from __future__ import annotations

import argparse

from ..errors import DONE, one_line
from .output import Output
from .sources import add_selection, place_of

HELP = "find a file or folder in the snapshots of a source, and list its versions"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_selection(parser)
    parser.add_argument(
        "what", metavar="NAME", help="part of a name, a pattern (*.docx), or a full path on the source"
    )


def execute(args: argparse.Namespace, out: Output) -> int:
    from .. import finding

    place = place_of(args)
    found = finding.find(place, args.what)
    if args.json:
        out.json({"source": place.source.series, "versions": [one.as_json() for one in found]})
        return DONE
    path = None
    for one in found:
        if one.path != path:
            path = one.path
            out.line(one_line(path))
        days = f"{one.first}" if one.first == one.last else f"{one.first} to {one.last}"
        gone = "" if one.gone is None else f"; gone on {one.gone}"
        size = "folder" if one.kind == "dir" else f"{one.size} bytes"
        out.line(f"    {days}: {size}, changed {one.modified[:19]}, in {one.snapshot[:12]}{gone}")
    if not found:
        out.line(f"{place.source.series}: nothing of that name in any snapshot")
    return DONE
