# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verb `report`: a commune's monthly report as HTML and PDF, each with its signature."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
from datetime import date
from pathlib import Path

from ..clock import Clock
from ..config import directory, load
from ..errors import DONE, BackupError, InputError, one_line, shown
from ..files import write_durably
from ..opening import OpeningCalendar
from ..workplace import Workplace
from .output import Output

HELP = "write the monthly report of communes, in French and signed"
WEASYPRINT = "weasyprint"
TIMEOUT = 300.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--commune", metavar="SLUG", help="only this commune")
    parser.add_argument("--month", required=True, metavar="YYYY-MM", help="the month it is about")
    parser.add_argument("--output", required=True, metavar="FOLDER", help="where the files are written")
    parser.add_argument(
        "--key", required=True, metavar="FILE", help="the private key that signs them (OpenSSH's format)"
    )
    parser.add_argument("--pdf", action="store_true", help="also as PDF (needs the package weasyprint)")
    parser.add_argument(
        "--service", metavar="FILE", help="whom to call at the CCPP (see ccpp-backup page --help)"
    )


def execute(args: argparse.Namespace, out: Output) -> int:
    from .. import signing
    from ..page import monthly, site

    config, clock = load(), Clock(args.now)
    first = month_of(args.month)
    if first > clock.today():
        raise InputError(f"--month: '{args.month}' has not begun yet")
    if args.commune is not None and args.commune not in config.communes:
        raise InputError(f"--commune: {shown(args.commune)} is not known here")
    if not os.path.isdir(args.output):
        raise InputError(f"--output: {args.output} is no folder")
    try:
        key = Path(args.key).read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        raise InputError(
            f"--key: {args.key}: {getattr(error, 'strerror', 'no text')} (name a private key)"
        ) from None
    service = site.service_of(args.service or os.path.join(directory(), site.SERVICE))
    written = []
    for one in site.gather(config, clock, site.watched(site.PROMETHEUS)):
        if args.commune not in (None, one.slug):
            continue
        settings = config.communes[one.slug]
        calendar = OpeningCalendar.from_mapping(dict(settings.opening), f"{one.slug}: opening")
        books = {name: Workplace(config, source, clock).ledger() for name, source in settings.sources.items()}
        body = monthly.page(one, books, calendar, service, first, clock.now())
        path = os.path.join(args.output, f"{one.slug}-{args.month}.html")
        bodies = {path: body.encode()}
        if args.pdf:
            bodies[f"{path.removesuffix('.html')}.pdf"] = as_pdf(body)
        for name, content in bodies.items():
            write_durably(name + signing.SUFFIX, signing.sign(content, key, monthly.NAMESPACE))
            write_durably(name, content)
            written.append(name)
    if args.json:
        out.json({"written": written})
    for name in [] if args.json else written:
        out.line(name)
    return DONE


def month_of(text: str) -> date:
    """The first day of the month. InputError for what is none."""
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}", text, re.ASCII):
        try:
            return date(int(text[:4]), int(text[5:]), 1)
        except ValueError:
            pass
    raise InputError(f"--month: {shown(text)} is not a month (write 2026-10)")


def as_pdf(page: str) -> bytes:
    """The page as WeasyPrint prints it; it is given nothing that it could fetch."""
    command = [WEASYPRINT, "--quiet", "--pdf-variant", "pdf/ua-1", "-", "-"]
    try:
        done = subprocess.run(command, input=page.encode(), capture_output=True, timeout=TIMEOUT, check=False)
    except FileNotFoundError:
        raise BackupError("weasyprint: no such command (install the package weasyprint)") from None
    except subprocess.TimeoutExpired:
        raise BackupError(f"weasyprint did not end within {TIMEOUT:.0f} s") from None
    if done.returncode != 0 or not done.stdout.startswith(b"%PDF-"):
        raise BackupError(f"weasyprint: {one_line(done.stderr.decode('utf-8', 'replace'), 300)}")
    return done.stdout
