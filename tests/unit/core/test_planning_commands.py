# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ccpp-backup capacity` and `ccpp-backup recovery` as a person at the CCPP uses them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import cli

ROOT = Path(__file__).parents[3]
COMMAND = ROOT / "roles/agent/files/ccpp-backup"
EXAMPLE = ROOT / "inventory/communes/saint-exemple.yml"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command in this process, in a folder with the example and the files given by name."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(EXAMPLE, tmp_path)

    def call(*argv: str, **files: str) -> tuple[int, str, str]:
        for name, content in files.items():
            (tmp_path / name).with_suffix(".yml").write_text(content, encoding="utf-8")
        code = cli.main(list(argv))
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def big() -> str:
    """The example with 2 TB of archives, behind the same lines."""
    return "archive_gb: 2000\n" + EXAMPLE.read_text(encoding="utf-8").replace("500", "100")


def test_the_example_fits_its_tier_and_the_working_is_shown(run):
    code, out, err = run("capacity", "--file", "saint-exemple.yml")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "Saint-Exemple-sur-Noye: 1 TB chosen, 1 TB needed: fits"
    assert lines[2].split() == ["step", "working", "result", "origin"]
    assert any(line.startswith("12 older fulls: what changed since each  12 × ") for line in lines)
    assert lines[-1] == "full: 2033-03-03, after the term"


def test_a_tier_that_is_too_small_needs_attention(run, big):
    code, out, _ = run("capacity", "--file", "grand.yml", grand=big)
    assert code == 3
    assert "4  2027-12-31" in out
    assert "full: 2024-01-01\nattention: the tier of 1 TB is too small: full already; until the end" in out


def test_an_assumption_can_be_given_instead(run):
    code, out, _ = run("capacity", "--file", "saint-exemple.yml", "--assume", "workstation_gb=500")
    assert code == 3
    assert "attention: the tier of 1 TB is too small: full already" in out


def test_several_communes_are_one_document(run, big):
    code, out, _ = run("capacity", "--file", "saint-exemple.yml", "grand.yml", "--json", grand=big)
    small, grand = json.loads(out)
    assert code == 3
    assert (small["verdict"], small["tier_tb"], grand["verdict"]) == ("fits", 1, "too small")
    assert [year["year"] for year in small["years"]] == [1, 2, 3, 4, 5]


def test_the_example_holds_its_promise_and_the_table_says_on_what_grounds(run):
    code, out, err = run("recovery", "--file", "saint-exemple.yml")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "Saint-Exemple-sur-Noye: 50 GB back within 24 h: holds"
    assert "line: fibre" in out
    assert "500 Mbit/s × 90 % / 8   56.25 MB/s  stated; 1368 of 1518 bytes of a frame" in out
    assert lines[-2:] == ["", "?: an assumed size"]


def test_a_commune_that_the_inventory_refuses_is_shown_with_its_table(run, big):
    code, out, _ = run("recovery", "--file", "grand.yml", grand=big)
    assert code == 3
    assert "refused" in out.splitlines()[0]
    assert "(archives in no source yet)  -" in out
    assert "\nattention: when LOCAL is lost, 2.05 TB (some sizes are assumed) take 51.6 h from REMOTE" in out
    assert "in time" in out
    assert " NO " in out


def test_two_plans_are_told_apart(run, big):
    _, out, _ = run("recovery", "--file", "saint-exemple.yml", "grand.yml", grand=big)
    assert out.count("back within 24 h") == 2


def test_rates_beside_the_communes_files_are_taken_without_being_named(run, tmp_path):
    for folder in ("inventory/communes", "inventory/measured"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(EXAMPLE, tmp_path / "inventory/communes")
    for host, rate in (("saint-exemple-local", 40), ("remote", 70)):
        document = {"disk_read_mb_s": rate, "measured_at": "2026-03-01T08:00:00Z"}
        (tmp_path / f"inventory/measured/{host}.json").write_text(json.dumps(document))
    code, out, _ = run("recovery", "--file", "inventory/communes/saint-exemple.yml", "--json")
    assert code == 0
    steps = {step["label"]: (step["value"], step["note"]) for step in json.loads(out)[0]["steps"]}
    assert steps["disk of LOCAL, reading"] == (40, "measured 2026-03-01")
    assert steps["disk of REMOTE, reading"] == (70, "measured 2026-03-01")


def test_rates_that_were_measured_take_the_place_of_assumed_ones(run, tmp_path):
    measured = {"disk_read_mb_s": 40, "restic_restore_mb_s": 90, "measured_at": "2026-03-01T08:00:00Z"}
    (tmp_path / "measured.json").write_text(json.dumps(measured))
    code, out, _ = run(
        *("recovery", "--file", "saint-exemple.yml", "--json"), *("--measured-local", "measured.json")
    )
    (plan,) = json.loads(out)
    local, remote = plan["paths"][:2]
    assert code == 0
    assert (local["rate_mb_s"], local["limited_by"]) == (40, "disk of LOCAL")
    assert remote["limited_by"] == "line"
    notes = {step["label"]: step["note"] for step in plan["steps"]}
    assert notes["disk of LOCAL, reading"] == "measured 2026-03-01"
    assert notes["disk of REMOTE, reading"] == "assumption: one hard disk, in sequence"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--file", "gone.yml"), "gone.yml: cannot be read (No such file or directory); it must be a file"),
        (
            ("--file", "bad.yml"),
            "bad.yml: tier: 2 is not known here; choose 1, 4 or 10 (terabytes) (and 1 more",
        ),
        ((), "the following arguments are required: --file (see ccpp-backup recovery --help)"),
        (
            ("--file", "saint-exemple.yml", "--assume", "x=1"),
            "--assume: 'x' is not an assumption (use growth_",
        ),
        (
            ("--file", "saint-exemple.yml", "--assume", "lan_mbit"),
            "--assume: 'lan_mbit' is not a name and a number (write workstation_gb=80)",
        ),
        (
            ("--file", "saint-exemple.yml", "--assume", "lan_mbit=inf"),
            "--assume: 'lan_mbit=inf' is not a name and a number",
        ),
        (
            ("--file", "saint-exemple.yml", "--assume", "lan_mbit=0"),
            "--assume.lan_mbit: 0.0 is not a number from 0.1 to 400000 (network of the town hall, in Mbit/s)",
        ),
        (
            ("--file", "saint-exemple.yml", "--measured-remote", "saint-exemple.yml"),
            "saint-exemple.yml: not JSON",
        ),
        (
            ("--file", "saint-exemple.yml", "--measured-remote", "none.yml"),
            "--measured-remote: none.yml: a mapping of 0 is no measurement (give a JSON object with disk_",
        ),
        (
            ("--file", "saint-exemple.yml", "--measured-local", "wrong.yml"),
            "--measured-local: wrong.yml.disk_read_mb_s: 'fast' is not a number from 0.1 to 100000",
        ),
    ],
)
def test_a_mistake_is_one_line(run, argv, said):
    broken = EXAMPLE.read_text(encoding="utf-8").replace("tier: 1", "tier: 2").replace("tue", "sonday")
    code, out, err = run("recovery", *argv, bad=broken, none="{}", wrong='{"disk_read_mb_s": "fast"}')
    assert (code, out) == (2, "")
    assert err.startswith(f"ccpp-backup: {said}")
    assert err.count("\n") == 1


def test_the_help_names_every_assumption(run, capsys):
    assert cli.main(["capacity", "--help"]) == 0
    out = capsys.readouterr().out
    assert "growth_percent_per_year           20 %       growth of the data in a year, compounded" in out
    assert "exit codes:" in out


def _command(*argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(COMMAND), *argv],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_of_a_checkout_reads_communes_files():
    done = _command("capacity", "--file", str(EXAMPLE))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Saint-Exemple-sur-Noye: 1 TB chosen")


def test_the_command_of_a_server_says_where_communes_files_are_read(tmp_path):
    shutil.copytree(ROOT / "plugins/module_utils/backup_core", tmp_path / "backup_core")
    done = _command("capacity", "--file", str(EXAMPLE), CCPP_BACKUP_LIB=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "ccpp-backup: communes' files are read on the administrator's machine: "
        "run this command from the collection\n"
    )
