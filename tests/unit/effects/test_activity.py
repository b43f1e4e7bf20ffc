# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restart would cut off, found where it shows."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import activity, cli, locking, pausing
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.config import Config, load

# As Linux prints it: a listening socket, one that was accepted from it, and others that are not ours.
UNIX = """\
Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 21170 /run/ccpp-backup/writer.sock
0000000000000000: 00000003 00000000 00000000 0001 03 51234 /run/ccpp-backup/writer.sock
0000000000000000: 00000003 00000000 00000000 0001 03 51235
0000000000000000: 00000003 00000000 00000000 0001 03 51236 /run/systemd/journal/stdout
"""


@pytest.fixture
def config(write_config: Callable[..., Path]) -> Config:
    return load(str(write_config()))


@pytest.fixture
def sentences(config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], list[str]]:
    monkeypatch.setattr(activity, "PACKAGE_LOCK", str(tmp_path / "lock-frontend"))
    monkeypatch.setattr(activity, "SOCKETS", "/nowhere/")
    return lambda: activity.at_work(config)


def test_an_idle_server_has_nothing_at_work(sentences: Callable[[], list[str]]) -> None:
    assert sentences() == []


def test_a_request_in_progress_counts_and_a_listening_socket_does_not() -> None:
    assert activity.connections(UNIX) == 1


def test_work_of_the_agent_is_seen_however_its_lock_is_held(
    config: Config, sentences: Callable[[], list[str]]
) -> None:
    source = config.one(None, None)
    for lock in (locking.of_source(config, source), locking.against_prune(config, source)):
        with lock:
            assert sentences() == ["saint-exemple/accueil: ccpp-backup is at work on it"]
        assert sentences() == []


def test_a_client_that_renews_its_lock_is_at_work_and_one_that_stopped_is_not(
    config: Config, sentences: Callable[[], list[str]]
) -> None:
    source = config.one(None, None)
    locks = Path(source.repository.location or "") / "locks"
    locks.mkdir(parents=True)
    (locks / ("a" * 64)).write_text("x")
    assert sentences() == [
        "saint-exemple/accueil: a client is at work in the repository (its lock is 0 s old)"
    ]
    past = time.time() - activity.LOCK_RENEWED - 1
    os.utime(locks / ("a" * 64), (past, past))
    assert sentences() == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_what_cannot_be_looked_at_is_no_idle_server(
    config: Config, sentences: Callable[[], list[str]]
) -> None:
    locks = Path(config.state_directory) / "locks"
    locks.mkdir(parents=True, mode=0)
    with pytest.raises(PermissionError):
        sentences()


def test_a_timer_rests_while_the_server_is_paused_and_a_person_does_not(
    write_config: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_config()
    monkeypatch.setenv("CCPP_BACKUP_CONFIG", str(folder))
    config = load()
    pause = Path(pausing.folder_of(config.state_directory))
    pause.mkdir(parents=True)

    def of(until: str) -> str:
        return f'{{"who": "marie", "why": "patching", "until": "{until}", "boot": null}}'

    soon = datetime.fromtimestamp(time.time() + 60, UTC).isoformat(timespec="seconds")
    (pause / "pause.json").write_text(of(soon))
    monkeypatch.setenv(cli.UNATTENDED, "1")
    assert cli.main(["hold", "list"]) == 0
    assert capsys.readouterr().out.startswith("nothing done: paused by marie until ")
    (pause / "pause.json").write_text(of("2026-01-01T00:00:00Z"))
    assert cli.main(["hold", "list"]) == 0
    assert "paused" not in capsys.readouterr().out
    (pause / "pause.json").write_text(of(soon))
    monkeypatch.delenv(cli.UNATTENDED)
    assert cli.main(["hold", "list"]) == 0
    assert "paused" not in capsys.readouterr().out
