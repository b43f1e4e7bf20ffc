# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Source by source: what one of them stumbles over does not cost the others their turn."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.cli.output import Output
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.cli.sources import Outcome, each_source
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import (
    BUG,
    DONE,
    FAILED,
    BackupError,
)
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.workplace import Workplace

Write = Callable[..., Path]


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (BackupError("the line is down"), FAILED, "the line is down"),
        (OSError(28, "No space left on device", "/srv/backup/x"), FAILED, "/srv/backup/x: No space left"),
        (RuntimeError("never thought of"), BUG, "this is a bug: RuntimeError: never thought of"),
    ],
)
def test_the_others_have_their_turn_and_the_failure_is_told(
    write_config: Write,
    commune_value: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: int,
    said: str,
) -> None:
    first = commune_value["sources"]["accueil"]
    commune_value["sources"]["zone"] = {**first, "priority": 2}
    monkeypatch.setenv("CCPP_BACKUP_CONFIG", str(write_config(commune_value=commune_value)))
    worked: list[str] = []

    def work(place: Workplace) -> Outcome:
        worked.append(place.source.name)
        if place.source.name == "accueil":
            raise error
        return Outcome({})

    args = argparse.Namespace(commune=None, source=None, json=False, now=None, verb="replicate")
    assert each_source(args, Output(), work, empty=DONE, as_service=False) == code
    assert worked == ["accueil", "zone"]
    assert said in capsys.readouterr().err
