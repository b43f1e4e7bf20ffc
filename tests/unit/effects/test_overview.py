# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verb `status` as its timer calls it: what Prometheus reads, and what must not be asked for."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import cli, storage_health, usage
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.cli.output import Output

from .conftest import Bench

NOW = "2026-03-03T12:00:00+01:00"
FACTS = {
    "kind": "btrfs",
    "at": "2026-03-03T10:55:00Z",
    "since": "2026-03-01T00:00:00Z",
    "places": [{"path": "/srv/backup/repositories", "group": "0/256", "limit": 1000, "used": 100}],
}


@pytest.fixture(autouse=True)
def configured(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCPP_BACKUP_CONFIG", str(bench.etc))


def call(*arguments: str) -> int:
    return cli.main(["status", *arguments, "--now", NOW])


def test_the_timer_writes_metrics_and_remembers_what_was_used(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = bench.place.config
    store = Path(storage_health.folder_of(config.state_directory))
    store.mkdir()
    (store / storage_health.NAME).write_text(json.dumps(FACTS))
    path = tmp_path / "ccpp-backup.prom"
    assert call("--metrics", str(path), "--json") == 3
    text = path.read_text()
    assert (
        'ccpp_backup_place_used_bytes{commune="saint-exemple",path="/srv/backup/repositories"} 100.0' in text
    )
    assert 'ccpp_backup_ledger_chain_intact{commune="saint-exemple"' in text
    assert usage.read(config.state_directory) == {"/srv/backup/repositories": {"2026-03-03": 100}}
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert said["communes"][0]["commune"] == "saint-exemple"


@pytest.mark.parametrize("choice", [("--commune", "saint-exemple"), ("--source", "accueil")])
def test_metrics_of_a_part_are_refused_since_the_rest_would_look_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], choice: tuple[str, str]
) -> None:
    assert call("--metrics", str(tmp_path / "x.prom"), *choice) == 2
    assert "leave those options out" in capsys.readouterr().err
    assert not (tmp_path / "x.prom").exists()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_levels_are_coloured_on_a_terminal_alone_and_not_where_no_color_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        Output(stream).line("ALARM x", "red")
    assert (terminal.getvalue(), file.getvalue()) == ("\x1b[31mALARM x\x1b[0m\n", "ALARM x\n")
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Terminal()
    Output(plain).line("ALARM x", "red")
    assert plain.getvalue() == "ALARM x\n"
