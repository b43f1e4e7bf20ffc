# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ccpp-backup benchmark`. A stand-in answers for restic in most tests: its rates mean nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import benchmark, cli

SNAPSHOT = "5" * 64
STAND_IN = f"""\
#!/bin/sh
case "$*" in
*snapshots*) printf '[{{"id": "{SNAPSHOT}"}}]' ;;
*init*) mkdir -p "$RESTIC_REPOSITORY/data" && echo x >"$RESTIC_REPOSITORY/data/pack" ;;
*restore*) exit ${{RESTORE_ENDS:-0}} ;;
esac
"""


@pytest.fixture
def stand_in(tmp_path, monkeypatch) -> Path:
    program = tmp_path / "stand-in"
    program.write_text(STAND_IN)
    program.chmod(0o755)
    monkeypatch.setenv("RESTIC", str(program))
    return program


@pytest.fixture
def run(tmp_path, capsys):
    (tmp_path / "disk").mkdir()

    def call(*more: str):
        where = ("--directory", str(tmp_path / "disk"), "--output", str(tmp_path / "rates.json"))
        code = cli.main(["benchmark", *where, "--megabytes", "64", *more])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_the_rates_are_kept_for_the_recovery_planner_and_the_sample_is_gone(run, stand_in, tmp_path):
    code, out, err = run("--json", "--now", "2026-03-01T08:00:00+01:00")
    assert (code, err) == (0, "")
    kept = json.loads((tmp_path / "rates.json").read_text())
    assert kept == json.loads(out)
    assert (kept["measured_at"], kept["sample_mb"]) == ("2026-03-01T07:00:00Z", 64)
    for name in ("disk_read_mb_s", "sha256_mb_s", "restic_backup_mb_s", "restic_restore_mb_s"):
        assert kept[name] > 0
    assert list((tmp_path / "disk").iterdir()) == []

    _, out, _ = run()
    assert out.splitlines()[-1] == f"kept in {tmp_path}/rates.json"


def test_without_folders_the_state_of_the_server_is_used(stand_in, tmp_path, monkeypatch, capsys):
    (tmp_path / "state").mkdir()
    agent = {"site": "local", "server": "x-local", "service_user": "ccpp-backup"}
    folders = {"state_directory": f"{tmp_path}/state", "cache_directory": f"{tmp_path}/cache"}
    (tmp_path / "agent.json").write_text(json.dumps({**agent, **folders}))
    monkeypatch.setenv("CCPP_BACKUP_CONFIG", str(tmp_path))
    assert cli.main(["benchmark", "--megabytes", "64"]) == 0
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["benchmark.json"]
    assert f"kept in {tmp_path}/state/benchmark.json" in capsys.readouterr().out


def test_a_restic_that_fails_leaves_nothing_behind(run, stand_in, tmp_path):
    stand_in.write_text(STAND_IN.replace("${RESTORE_ENDS:-0}", "1"))
    code, _, err = run()
    assert (code, err) == (1, "ccpp-backup: benchmark: restore: restic failed\n")
    assert list((tmp_path / "disk").iterdir()) == []
    assert not (tmp_path / "rates.json").exists()


@pytest.mark.parametrize("size", ["0", "63", "1000000"])
def test_a_sample_of_no_use_is_refused(run, size):
    code, _, err = run("--megabytes", size)
    assert (code, err) == (
        2,
        f"ccpp-backup: --megabytes: {size} is not a size from 64 to 100000 (1024 is a good one)\n",
    )


def test_a_disk_without_room_is_refused_before_anything_is_written(run, monkeypatch, tmp_path):
    free = shutil.disk_usage(tmp_path)._replace(free=200_000_000)
    monkeypatch.setattr(benchmark.shutil, "disk_usage", lambda path: free)
    code, _, err = run()
    assert code == 2
    assert err.endswith("disk: 200 MB are free, 224 are needed (take a smaller sample with --megabytes)\n")


def test_a_folder_that_is_not_there_is_refused(run, tmp_path):
    code, _, err = run("--directory", str(tmp_path / "gone"))
    assert code == 2
    assert err.endswith("gone: No such file or directory (name a folder of the disk)\n")


@pytest.mark.restic
@pytest.mark.skipif(shutil.which("restic") is None, reason="restic is not installed")
def test_real_rates_are_measured_with_the_real_restic(run, tmp_path, monkeypatch):
    monkeypatch.delenv("RESTIC", raising=False)
    code, out, err = run("--json")
    assert (code, err) == (0, "")
    assert 1 < json.loads(out)["restic_restore_mb_s"] < 10_000
