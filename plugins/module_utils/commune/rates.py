# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rates that the servers measured, beside the communes' files: measured/<host>.json, one for each server.

The playbook ccpp.backup.benchmark writes them; where there is none, the planners assume.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..backup_core import measurement
from ..backup_core.errors import InputError
from ..backup_core.planning import Assumptions

FOLDER = "measured"
REMOTE = "remote"
_MAX_BYTES = 64 * 1024


def host_of(slug: str) -> str:
    """The LOCAL server of a commune, as the inventory names it."""
    return f"{slug}-local"


def file_of(communes: pathlib.Path, host: str) -> pathlib.Path:
    """Where a server's rates are kept, for the communes' files in that folder."""
    return communes.parent / FOLDER / f"{host}.json"


@dataclass(frozen=True)
class Rates:
    """Of each file its content, by the name of the host and by the name that messages show."""

    contents: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)

    def applied(self, host: str, assumptions: Assumptions) -> Assumptions:
        """The assumptions as far as this server has not measured better. InputError names the file."""
        if host not in self.contents:
            return assumptions
        label, content = self.contents[host]
        try:
            document = json.loads(content)
        except ValueError:
            raise InputError(
                f"{label}: is not JSON; write it again with ansible-playbook ccpp.backup.benchmark"
            ) from None
        return measurement.applied(assumptions, document, label)


def read(folder: pathlib.Path, label: Callable[[pathlib.Path], str] = str) -> Rates:
    """All that is in the folder; none where there is no such folder."""
    contents = {}
    for path in sorted(folder.glob("*.json")):
        try:
            with path.open("rb") as stream:
                contents[path.stem] = (label(path), stream.read(_MAX_BYTES))
        except OSError as error:
            raise InputError(f"{label(path)}: cannot be read ({error.strerror}); it must be a file") from None
    return Rates(contents)
