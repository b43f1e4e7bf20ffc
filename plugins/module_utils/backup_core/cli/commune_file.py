# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A commune's file for the planners, and the assumptions and measurements that a person adds to it."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from .. import measurement, planning
from ..errors import InputError, shown
from ..planning import Assumptions, Commune
from ..whatif import opened, read_document


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--file",
        nargs="+",
        required=True,
        metavar="FILE",
        help="files of communes (inventory/communes/*.yml)",
    )
    parser.add_argument(
        "--assume",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="put a number in the place of the file's, or of the default below; may be repeated",
    )
    parser.epilog = f"assumptions (default, meaning):\n{_assumptions_text()}\n\n{parser.epilog or ''}"


def read(path: str) -> dict[str, Any]:
    """The commune's settings, as the inventory would give them. InputError says what is wrong in the file."""
    try:
        from ...commune import folder
    except ImportError:
        raise InputError(
            "communes' files are read on the administrator's machine: run this command from the collection"
        ) from None
    found = folder.validate(folder.read([(path, Path(path))]), promises=False)
    if found.lines:
        more = f" (and {len(found.lines) - 1} more mistakes)" if len(found.lines) > 1 else ""
        raise InputError(found.lines[0] + more)
    return next(iter(found.communes.values()))


def measured(path: str, host: str) -> str | None:
    """The file with the rates that a server measured, where there is one beside the communes' files.

    `path` is the commune's file, `host` the server's name in the inventory.
    """
    from ...commune import rates

    found = rates.file_of(Path(path).parent, host)
    return str(found) if found.is_file() else None


def commune(settings: dict[str, Any], assumed: list[str], measured: str | None = None) -> Commune:
    """For the planners. A measurement comes before the file, what a person assumes before both."""
    found = planning.commune(settings).assumptions
    return planning.commune(settings, adjusted(found, assumed, measured, "--measured-local"))


def adjusted(assumptions: Assumptions, assumed: list[str], measured: str | None, option: str) -> Assumptions:
    """The assumptions with those of a measurement (a file's name), and of --assume."""
    if measured is not None:
        assumptions = _with_measurement(assumptions, measured, option)
    return assumptions.with_values(_numbers(assumed), "given by --assume", "--assume")


def _with_measurement(assumptions: Assumptions, path: str, option: str) -> Assumptions:
    with opened(path) as file:
        document = read_document(file, path)
    return measurement.applied(assumptions, document, f"{option}: {path}")


def _numbers(assumed: list[str]) -> dict[str, float]:
    values: dict[str, float] = {}
    for given in assumed:
        name, _unused, text = given.partition("=")
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise InputError(f"--assume: {shown(given)} is not a name and a number (write workstation_gb=80)")
        values[name] = value
    return values


def _assumptions_text() -> str:
    return "\n".join(
        f"  {name:31} {one['default']:>4g} {one['unit']:7} {one['meaning']}"
        for name, one in planning.described().items()
    )
