# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The units that roles render: an error in one of them fails the run, and loses no unit silently."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import cli

ROOT = Path(__file__).parents[3]
# Of each role, what its units need beside its defaults, and one thing without which some cannot be written.
NEEDED: dict[str, tuple[dict[str, Any], str]] = {
    "agent": ({"agent_site": "local"}, "agent_retain_at"),
    "repository_server": (
        {"repository_server_part": {"users": {"accueil": "x"}}},
        "repository_server_max_size",
    ),
    "shares": (
        {
            "shares_list": [
                {
                    "name": name,
                    "share": f"//nas.example.org/{name}",
                    "path": f"/srv/shares/{name}",
                    "credentials": f"/etc/ccpp-backup/secrets/saint-exemple/{name}.smb",
                }
                for name in ("compta", "etat-civil", "plans")
            ]
        },
        "shares_owner",
    ),
    "storage": ({}, "storage_balance_at"),
}
PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - name: Render
      ansible.builtin.copy:
        content: "{{ __%(role)s_units | to_json }}"
        dest: "%(answer)s"
"""


def rendered(
    folder: Path, role: str, without: str | None = None, **more: Any
) -> tuple[int, dict[str, str], str]:
    """The units of a role as a run would write them, with `more` variables: exit code, content by name, what
    the run said."""
    home = ROOT / "roles" / role
    values: dict[str, Any] = {
        "ansible_managed": "managed",
        "ansible_python_interpreter": sys.executable,
        "role_path": str(home),
    }
    for file in ("defaults", "vars"):
        values |= yaml.safe_load((home / file / "main.yml").read_text(encoding="utf-8"))
    values |= NEEDED[role][0] | more
    if without is not None:
        del values[without]
    answer = folder / "answer.json"
    (folder / "templates").symlink_to(home / "templates")
    (folder / "play.yml").write_text(PLAY % {"role": role, "answer": answer}, encoding="utf-8")
    (folder / "group_vars").mkdir()
    (folder / "group_vars" / "all.yml").write_text(yaml.safe_dump(values), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", "-c", "local", "play.yml"],
        cwd=folder,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    units = json.loads(answer.read_text(encoding="utf-8")) if answer.exists() else {}
    return done.returncode, units, done.stdout + done.stderr


@pytest.mark.parametrize("role", sorted(NEEDED))
def test_every_unit_is_rendered(tmp_path: Path, role: str) -> None:
    code, units, said = rendered(tmp_path, role)
    assert code == 0, said
    assert len(units) >= 6
    assert all(text.startswith("# managed") and "[" in text for text in units.values())


@pytest.mark.parametrize("role", sorted(NEEDED))
def test_a_unit_that_cannot_be_rendered_fails_the_run(tmp_path: Path, role: str) -> None:
    missing = NEEDED[role][1]
    code, units, said = rendered(tmp_path, role, without=missing)
    assert (code, units) == (2, {})
    assert f"'{missing}' is undefined" in said


@pytest.mark.parametrize("site", ["local", "remote", "workstation"])
def test_the_command_knows_every_argument_that_a_unit_gives_it(tmp_path: Path, site: str) -> None:
    code, units, said = rendered(tmp_path, "agent", agent_site=site)
    assert code == 0, said
    started = [line for text in units.values() for line in text.splitlines() if line.startswith("ExecStart=")]
    assert started
    for line in started:
        program, verb, *arguments = shlex.split(line.partition("=")[2])
        assert program == "/usr/local/bin/ccpp-backup"
        # Raises InputError, as the command would refuse to start.
        assert cli._parser([verb]).parse_args([verb, *arguments]).verb == verb


def test_the_pull_comes_back_to_the_others_and_outlives_one_that_takes_all_memory(tmp_path: Path) -> None:
    _code, units, said = rendered(tmp_path, "agent", agent_site="remote")
    lines = units["ccpp-backup-replicate.service"].splitlines()
    assert "ExecStart=/usr/local/bin/ccpp-backup replicate --again 900" in lines, said
    assert "OOMPolicy=continue" in lines


def test_no_unit_waits_for_the_end_of_the_pull() -> None:
    """A commune's server can keep it at work for days (ADR 9)."""
    waiting = [
        f"{path.name}: {line}"
        for path in sorted((ROOT / "roles").glob("*/templates/*.j2"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("After=") and "ccpp-backup-replicate" in line
    ]
    assert waiting == []
