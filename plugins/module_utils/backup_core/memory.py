# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a workstation remembers between its runs."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from . import report, restic
from .files import make_folder
from .workplace import Workplace


class Memory:
    """Outcomes of the latest runs, and the reports still to be delivered."""

    KEPT = 40

    def __init__(self, place: Workplace) -> None:
        source = place.source
        self._path = os.path.join(
            place.config.state_directory, "runs", f"{source.commune}.{source.name}.json"
        )
        self._runs: list[dict[str, Any]] = self._read()

    def _read(self) -> list[dict[str, Any]]:
        try:
            with open(self._path, "rb") as file:
                value = json.load(file)
        except (OSError, ValueError, RecursionError):
            # Only a convenience: without it the server's ledger still has the last word.
            return []
        well_formed = isinstance(value, list) and all(
            isinstance(one, dict)
            and restic.is_snapshot_id(one.get("snapshot"))
            and isinstance(one.get("outcome"), str)
            and (one.get("report") is None or isinstance(one.get("report"), str))
            for one in value
        )
        return value if well_formed else []

    def _write(self) -> None:
        make_folder(os.path.dirname(self._path))
        temporary = f"{self._path}.new"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(self._runs[-self.KEPT :], file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self._path)

    def outcomes(self) -> dict[str, str]:
        return {one["snapshot"]: one["outcome"] for one in self._runs}

    def undelivered(self) -> dict[str, str]:
        return {one["snapshot"]: one["report"] for one in self._runs if one.get("report")}

    def remember(self, snapshot: str, outcome: str, unreadable: Sequence[str]) -> None:
        body = report.written(snapshot, unreadable, restic.PARTIAL if unreadable else restic.OK).decode()
        self._runs.append({"snapshot": snapshot, "outcome": outcome, "report": body})
        self._write()

    def delivered(self, snapshot: str) -> None:
        for one in self._runs:
            if one["snapshot"] == snapshot:
                one["report"] = None
        self._write()
