# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/flows.md from the flow matrix in roles/firewall/vars/main.yml."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "collections"))

from ansible_collections.ccpp.backup.plugins.module_utils.flows import matrix, table

SOURCE = Path("roles/firewall/vars/main.yml")
TARGET = Path("docs/flows.md")
HEADING = f"""\
<!-- Written by `make docs` from {SOURCE}: change that file instead. -->
# Who may reach what

Everything that is not in these tables is refused, in both directions, in IPv4 and in IPv6. Answers to what
was let through pass. Nothing is forwarded, at LOCAL or at REMOTE. [firewall.md](firewall.md) tells how this
becomes rules, how to add a line, and how to get out of a lock-out.

"""


def page(source: Path = SOURCE) -> str:
    data = yaml.safe_load(source.read_text(encoding="utf-8"))["__firewall_matrix"]
    return HEADING + table.markdown(matrix.parse(data))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; say whether it is up to date")
    arguments = parser.parse_args()
    if TARGET.exists() and TARGET.read_text(encoding="utf-8") == page():
        return 0
    if arguments.check:
        print(f"{TARGET} is not what the flow matrix says: run `make docs`", file=sys.stderr)
        return 1
    TARGET.write_text(page(), encoding="utf-8")
    print(f"wrote {TARGET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
