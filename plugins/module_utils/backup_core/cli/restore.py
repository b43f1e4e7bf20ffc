# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ccpp-backup restore`: files back from a snapshot."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import ATTENTION, DONE, BackupError, InputError, one_line
from ..times import parse_day
from .output import Output
from .sources import add_selection, person, place_of

if TYPE_CHECKING:
    from ..restore import Candidate, Restored, Where

HELP = "restore files from a snapshot (of this server's copy, or of a workstation's own repository)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_selection(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--snapshot", metavar="ID", help="this snapshot (at least 8 digits of its id)")
    which.add_argument("--date", metavar="YYYY-MM-DD", help="the last clean one on or before this day")
    which.add_argument(
        "--list", action="store_true", help="show the snapshots there are, and restore nothing"
    )
    parser.add_argument("--path", help="only this file or folder, by its full path on the source")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--target", metavar="FOLDER", help="where to: files come to lie below it by their full path"
    )
    where.add_argument(
        "--in-place",
        action="store_true",
        help="to where the files came from; refused where some are newer there, unless --overwrite says what"
        " to do with them",
    )
    where.add_argument(
        "--archive", metavar="FILE", help="into one file for download (.zip, .tar.gz or .tar), not there yet"
    )
    parser.add_argument(
        "--overwrite",
        choices=("never", "if-newer", "if-changed", "always"),
        help="restore into a folder that is not empty (with --in-place: where newer files are), and what to"
        " do with files that are already there",
    )
    antivirus = parser.add_mutually_exclusive_group()
    antivirus.add_argument(
        "--infected-too", action="store_true", help="also restore files that the antivirus finds infected"
    )
    antivirus.add_argument(
        "--unscanned", action="store_true", help="restore without the antivirus, even if files are infected"
    )
    parser.add_argument(
        "--no-space-check", action="store_true", help="do not compare sizes with the free space"
    )


def execute(args: argparse.Namespace, out: Output) -> int:
    from .. import locking, restore
    from ..antivirus import release, settings

    place = place_of(args)
    found = restore.candidates(place)
    if args.list:
        return _show(place.source.series, found, args.json, out)
    if args.target is None and not args.in_place and args.archive is None:
        raise InputError(
            "--target: missing (name the folder to restore into, or say --in-place or --archive)"
        )
    if args.archive is not None and args.overwrite is not None:
        raise InputError("--overwrite: has no meaning with --archive (an archive never replaces anything)")
    day = parse_day(args.date, "--date") if args.date is not None else None
    chosen = restore.choose(found, args.snapshot, day)
    antivirus = None if args.unscanned else settings.load()
    screen = None if antivirus is None else release.Screen(antivirus, args.infected_too)
    with contextlib.ExitStack() as stack:
        inherited: tuple[int, ...] = ()
        try:
            # Keeps prune from taking data away under our hands. With no disk to lock on, nothing prunes.
            inherited = stack.enter_context(
                locking.against_prune(place.config, place.source, patience=30)
            ).inherited
        except OSError:
            out.warning("no lock could be taken; going on without")
        except locking.BusyError as error:
            raise BackupError(
                f"{error}: wait for it, or end it (systemctl stop ccpp-backup-retain)"
            ) from None
        done = restore.restore(
            place,
            chosen,
            _where(args),
            progress=out.progress,
            keep_open=inherited,
            who=person(),
            screen=screen,
        )
    _warn(done, args.infected_too, out)
    if done.recorded is False:
        out.warning("restored, but the ledger could not be written")
    if args.json:
        out.json(
            {"source": place.source.series, "snapshot": done.snapshot, "day": str(done.day)}
            | {
                "target": done.target,
                "files": done.files,
                "bytes": done.size,
                "seconds": round(done.seconds, 3),
                "infected": None if done.scanned is None else done.scanned.infected,
                "not_scanned": None if done.scanned is None else done.scanned.not_scanned,
            }
        )
    else:
        out.line(
            f"{place.source.series}: {done.snapshot[:8]} of {done.day} restored to {done.target}:"
            f" {done.files} files and folders, {done.size / 1e6:.1f} MB in {done.seconds:.1f} s, verified"
        )
    infected = done.scanned is not None and bool(done.scanned.infected)
    return ATTENTION if done.recorded is False or infected else DONE


def _where(args: argparse.Namespace) -> Where:
    from ..restore import Where

    archive = None if args.archive is None else os.path.normpath(args.archive)
    folder = args.target if archive is None else os.path.dirname(archive)
    return Where(
        target="/" if args.in_place else os.path.normpath(folder),
        path=args.path,
        overwrite=args.overwrite,
        in_place=args.in_place,
        archive=archive,
        space_check=not args.no_space_check,
    )


def _warn(done: Restored, infected_too: bool, out: Output) -> None:
    """Name what the antivirus found, and what it or the archive could not take."""
    if done.left_out:
        first = ", ".join(done.left_out[:3])
        what = f"{len(done.left_out)} links and the like are not in the archive (.tar.gz takes them): {first}"
        out.warning(one_line(what))
    if done.scanned is None:
        return
    became = "restored all the same" if infected_too else "not restored (--infected-too restores it)"
    for path, signature in done.scanned.infected.items():
        out.warning(one_line(f"INFECTED with {signature}, {became}: {path}"))
    missed = done.scanned.not_scanned
    if missed:
        reasons = ", ".join(f"{count} {reason}" for reason, count in done.scanned.reasons().items())
        first = ", ".join(list(missed)[:3])
        out.warning(one_line(f"restored, but not scanned: {len(missed)} files ({reasons}): {first}"))


def _show(series: str, found: Sequence[Candidate], as_json: bool, out: Output) -> int:
    if as_json:
        rows = [
            {"snapshot": c.id, "day": str(c.day), "outcome": c.outcome, "bytes": c.size, "sound": c.sound}
            | {"clean": c.clean}
            for c in found
        ]
        out.json({"source": series, "snapshots": rows})
        return DONE
    for one in found:
        remark = "  time not believed" if not one.sound else "" if one.clean else "  perhaps ATTACKED"
        out.line(f"{one.id[:12]}  {one.day}  {one.outcome or '-':8}{one.size / 1e6:12.1f} MB{remark}")
    if not found:
        out.line(f"{series}: no snapshot")
    return DONE
