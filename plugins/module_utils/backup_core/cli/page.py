# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ccpp-backup page`: the static site of the supervision (REMOTE)."""

from __future__ import annotations

import argparse
import os

from ..clock import Clock
from ..config import directory, load
from ..errors import DONE
from .output import Output

HELP = "make the pages that show how the backups stand, in French"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", required=True, metavar="FOLDER", help="where the folder `site` is made")
    parser.add_argument(
        "--service",
        metavar="FILE",
        help="whom to call at the CCPP: a JSON object with name, phone, mail and hours (default: service.json"
        " in the folder of the configuration)",
    )
    parser.add_argument(
        "--prometheus",
        metavar="URL",
        help="what to ask for links and antivirus (default: http://127.0.0.1:9090; none: not shown)",
    )


def execute(args: argparse.Namespace, out: Output) -> int:
    from ..page import site

    config = load()
    service = site.service_of(args.service or os.path.join(directory(), site.SERVICE))
    address = None if args.prometheus == "none" else args.prometheus or site.PROMETHEUS
    clock = Clock(args.now)
    communes = list(site.gather(config, clock, site.watched(address)))
    count = site.write(args.output, communes, service, clock.now())
    if args.json:
        out.json({"pages": count, "folder": os.path.join(args.output, site.PAGES)})
    else:
        out.line(f"{count} pages in {os.path.join(args.output, site.PAGES)}")
    return DONE
