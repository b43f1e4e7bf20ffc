# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verb `verify-report`: whether a report is the one that the CCPP signed. Works offline, on any machine."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from ..errors import DONE, InputError
from .output import Output

HELP = "check the signature of a monthly report, and the entries it names against a copy of the ledger"
LARGEST = 64 * 1024 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--file", required=True, metavar="REPORT", help="the report (.html or .pdf)")
    parser.add_argument(
        "--signature", metavar="FILE", help="its signature (default: the report's name with .sig)"
    )
    parser.add_argument(
        "--signers", required=True, metavar="FILE", help="whose signatures are good (from the CCPP)"
    )
    parser.add_argument(
        "--ledger",
        nargs="+",
        default=[],
        metavar="SOURCE=FILE",
        help="also find each entry that an HTML report names in these copies of its ledgers",
    )


def execute(args: argparse.Namespace, out: Output) -> int:
    from .. import signing
    from ..ledger import parse
    from ..page import monthly

    body = _read(args.file)
    signature = _read(args.signature or args.file + signing.SUFFIX)
    signing.verify(body, signature, args.signers, monthly.NAMESPACE)
    books = {}
    for given in args.ledger:
        source, equals, path = given.partition("=")
        if not equals:
            raise InputError(f"--ledger: {given!r} is not a source and a file (write accueil=accueil.jsonl)")
        books[source] = parse(_read(path), path)
    found = monthly.entries_found(body.decode("utf-8", "replace"), books)
    digest = hashlib.sha256(body).hexdigest()
    if args.json:
        out.json({"file": args.file, "sha256": digest, "signed": True, "entries_found": found})
    else:
        more = f"; {found} entries found in the ledgers" if books else ""
        out.line(f"{args.file}: signed by the CCPP (sha256 {digest}){more}")
    return DONE


def _read(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            body = file.read(LARGEST + 1)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror} (name a file)") from None
    if len(body) > LARGEST:
        raise InputError(f"{path}: larger than {LARGEST} bytes: this is no report")
    return body
