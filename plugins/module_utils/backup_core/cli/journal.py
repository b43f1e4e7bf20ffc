# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ccpp-backup journal`: the system journals of the communes' servers."""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from ..config import Commune, load
from ..errors import ATTENTION, DONE, FAILED, InputError, shown
from .output import Output
from .sources import become_service

if TYPE_CHECKING:
    from ..journals import Brought

HELP = "bring what is new of the system journals of the communes' servers to this server (REMOTE only)"
# Servers that are asked at the same time, and seconds for each.
AT_ONCE = 8
TIME = 300.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--commune", metavar="SLUG", help="only this commune")


def execute(args: argparse.Namespace, out: Output) -> int:
    from .. import journals
    from ..budget import Budget

    config = load()
    if config.site != "remote":
        raise InputError("journal is REMOTE's: it pulls the journals of the communes' servers")
    if args.commune is not None and args.commune not in config.communes:
        raise InputError(f"--commune: {shown(args.commune)} is not known here")
    become_service(args, config)
    chosen = [one for slug, one in sorted(config.communes.items()) if args.commune in (None, slug)]

    def work(commune: Commune) -> Brought:
        return journals.bring(config, commune, Budget(TIME))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = dict(zip((one.slug for one in chosen), pool.map(work, chosen), strict=True))
    for slug, result in results.items():
        if result.problem is not None:
            since = ", for more than a day" if result.silent else ""
            out.warning(f"{slug}: no journal{since}: {result.problem}")
        elif result.entries and not args.json:
            out.line(f"{slug}: {result.entries} entries, in {journals.folder_of(config, slug)}")
    if args.json:
        out.json({slug: vars(result) for slug, result in results.items()})
    if any(result.silent for result in results.values()):
        return FAILED
    return ATTENTION if any(result.problem for result in results.values()) else DONE
