# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PDF as whoever holds the print sees it: its text, and what a reader of QR codes says. No code of ours."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from .steps import Controller

PACKAGES = "poppler-utils zbar-tools"
ZBAR = "{http://zbar.sourceforge.net/2008/barcode}"
FOLDER = "/var/tmp/paper"


@dataclass(frozen=True)
class Paper:
    """`codes` from top to bottom, page by page."""

    text: str
    codes: list[str]


def read(controller: Controller, machine: str, pdf: Path) -> Paper:
    """Print the PDF on a machine of the testbed at 200 dots an inch, and read the print."""
    controller.run(
        machine, f"DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends {PACKAGES}"
    )
    sent = base64.b64encode(pdf.read_bytes()).decode("ascii")
    try:
        into = f"umask 077; mkdir -p {FOLDER}; cd {FOLDER} && base64 -d > kit.pdf"
        controller.run(machine, f"{into} && pdftoppm -r 200 -png kit.pdf p", stdin=sent)
        text = controller.run(machine, f"pdftotext -layout {FOLDER}/kit.pdf -")
        scan = "zbarimg --quiet -S*.disable -Sqrcode.enable --xml p-*.png"
        scanned = controller.run(machine, f"cd {FOLDER}; {scan}")
    finally:
        controller.run(machine, f"rm -rf {FOLDER}")
    return Paper(text, _codes(scanned))


def _codes(xml: str) -> list[str]:
    found = []
    for page, source in enumerate(ElementTree.fromstring(xml).iter(f"{ZBAR}source")):
        for symbol in source.iter(f"{ZBAR}symbol"):
            polygon = symbol.find(f"{ZBAR}polygon")
            data = symbol.find(f"{ZBAR}data")
            assert polygon is not None
            assert data is not None
            top = min(int(corner.split(",")[1]) for corner in re.findall(r"\S+", polygon.get("points", "")))
            found.append((page, top, data.text or ""))
    return [text for _page, _top, text in sorted(found)]
