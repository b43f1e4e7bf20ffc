# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make setup` on a machine that lacks something says what, in one line, and installs nothing by halves.

The machine is this one with fewer commands in its path. Faked are only id (nobody is root), sudo and apt-get.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
COMMANDS = ("bash", "cat", "dirname", "env", "cut", "sha256sum", "rm", "sh")
AGAIN = "as root, then this again"

Setup = Callable[..., tuple[int, str]]


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    """Runs setup where there are these commands only, those given by name as scripts; code and last line."""
    checkout = tmp_path / "checkout"
    for name in ("tests/tooling", "tests/testbed"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    path = tmp_path / "bin"
    path.mkdir()
    for name in COMMANDS:
        (path / name).symlink_to(str(shutil.which(name)))
    (path / "python3").symlink_to(sys.executable)

    def run(**scripts: str) -> tuple[int, str]:
        for name, script in {"id": "echo 1000", **scripts}.items():
            file = path / name.replace("_", "-")
            file.unlink(missing_ok=True)
            file.write_text(f"#!/bin/sh\n{script}\n")
            file.chmod(0o755)
        done = subprocess.run(
            [str(path / "bash"), "tests/tooling/setup"],
            cwd=checkout,
            env={"PATH": str(path), "HOME": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert not (checkout / ".venv").exists()
        return done.returncode, done.stderr.splitlines()[-1]

    return run


def names_what_is_missing(line: str) -> bool:
    # The machine's own /usr/sbin is always looked into, so that not all of them need be missing.
    return line.startswith("setup: missing ") and {"podman", "mmdebstrap"} <= set(line.split(",")[0].split())


def test_without_root_and_sudo_it_says_what_to_install(setup: Setup) -> None:
    code, line = setup(apt_get="exit 1")
    assert code == 1
    assert names_what_is_missing(line)
    assert "neither root nor sudo is here: run 'apt-get install " in line
    assert line.endswith(AGAIN)


def test_where_sudo_asks_for_a_password_and_nobody_is_there_it_says_what_to_run(setup: Setup) -> None:
    code, line = setup(apt_get="exit 1", sudo="exit 1")
    assert code == 1
    assert names_what_is_missing(line)
    assert "sudo asks for a password: run 'sudo apt-get install " in line


def test_on_another_system_it_says_what_is_missing(setup: Setup) -> None:
    code, line = setup()
    assert code == 1
    assert names_what_is_missing(line)
    assert "this is not Debian or Ubuntu: install them" in line


def test_an_unreachable_mirror_is_told_after_one_retry(setup: Setup, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    code, line = setup(id="echo 0", apt_get=f'echo "$1" >> {calls}; echo "E: no network" >&2; exit 100')
    assert code == 1
    assert line == "setup: apt-get update failed (its own words are above): is the Debian mirror reachable?"
    assert calls.read_text().split() == ["install", "update"]


def test_an_interpreter_that_is_too_old_is_named(setup: Setup) -> None:
    code, line = setup(python3='test "$1" = --version && echo Python 3.9.2; exit 1')
    assert (code, line) == (
        1,
        "setup: Python 3.9.2 is too old, 3.11 or later is needed: name one with PYTHON=python3.13",
    )
