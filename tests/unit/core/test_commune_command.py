# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ccpp-backup commune`, which `make commune` runs: options for a script, questions on a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.commune import folder

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, str(ROOT / "roles/agent/files/ccpp-backup"), "commune"]
OPTIONS = {
    "--name": "Rozoy-l'Exemple",
    "--insee": "99002",
    "--start": "2026-01-01",
    "--phone": "01 99 00 00 02",
    "--mail": "mairie@rozoy.example.org",
    "--server": "192.0.2.40",
    "--line": "fibre 500 200",
    "--source": "accueil linux 192.0.2.41 /home",
}


@pytest.fixture
def communes(tmp_path: Path) -> Path:
    """A folder with the example's file, which a checkout has."""
    path = tmp_path / "inventory/communes"
    path.mkdir(parents=True)
    shutil.copy(ROOT / "inventory/communes/saint-exemple.yml", path)
    return path


def run(communes: Path, *more: str, **changed: str | None) -> subprocess.CompletedProcess[str]:
    options = {**OPTIONS, **{f"--{name.replace('_', '-')}": value for name, value in changed.items()}}
    given = [word for name, value in options.items() if value is not None for word in (name, value)]
    return subprocess.run(
        [*COMMAND, *given, *more],
        cwd=communes.parent.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _sit_at_the_terminal() -> None:
    """Have ^C, typed there, interrupt: in the background of a shell it is ignored, also by children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def talk(communes: Path, answers: Sequence[tuple[str, str]], *options: str) -> tuple[int, str]:
    """Types each answer once its question is the last thing on the screen; exit code and screen."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *options],
        cwd=communes.parent.parent,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "dumb"},
        start_new_session=True,
        preexec_fn=_sit_at_the_terminal,
    )
    os.close(slave)
    screen, left, deadline, typed = "", list(answers), time.monotonic() + 60, b""
    while time.monotonic() < deadline:
        if left and screen.rstrip().endswith(":") and left[0][0] in screen.splitlines()[-1]:
            typed = left.pop(0)[1].encode()
            os.write(master, typed)
            screen += "\n"
        if not select.select([master], [], [], 0.2)[0]:
            if typed == b"\x03":
                # Faster than a person: it came between the question and the wait for its answer.
                os.write(master, typed)
            continue
        try:
            screen += os.read(master, 4096).decode()
        except OSError:
            break
    process.kill() if time.monotonic() >= deadline else None
    os.close(master)
    assert left == [], screen
    return process.wait(), screen.replace("\r\n", "\n")


def names(communes: Path) -> list[str]:
    return sorted(path.name for path in communes.iterdir())


def test_a_script_gives_everything_as_options_and_learns_what_comes_next(communes):
    done = run(communes)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "inventory/communes/rozoy-l-exemple.yml: written, 15 lines. Next:\n"
        "  make allocate\n"
        "  ansible-playbook ccpp.backup.onboard -e commune=rozoy-l-exemple\n"
    )
    found = folder.validate(folder.read((path.name, path) for path in folder.files(communes)))
    assert found.lines == []
    commune = found.communes["rozoy-l-exemple"]
    assert commune["opening"] == {"weekdays": ["mon", "tue", "wed", "thu", "fri"]}
    assert commune["tier"] == 1


def test_it_is_one_json_document_for_a_script_that_asks(communes):
    done = run(communes, "--json", slug="rozoy")
    assert json.loads(done.stdout) == {
        "path": "inventory/communes/rozoy.yml",
        "commands": ["make allocate", "ansible-playbook ccpp.backup.onboard -e commune=rozoy"],
    }


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": None, "line": None}, "--name, --line: missing (there is no terminal to ask for it)"),
        ({"insee": "9"}, "insee: '9' has the wrong form; write the five characters of the INSEE code"),
        ({"insee": "99001"}, "insee: '99001' is also that of inventory/communes/saint-exemple.yml"),
        ({"name": "SAINT EXEMPLE sur Noyé"}, "is also that of inventory/communes/saint-exemple.yml"),
        ({"slug": "saint-exemple"}, "inventory/communes/saint-exemple.yml: is there already, and is not"),
        ({"slug": "remote"}, "--slug: the file's name 'remote' is reserved by the service; use another"),
        ({"slug": "../x"}, "--slug: the file's name '"),
        ({"workstations": "0"}, "rozoy-l-exemple.yml: workstations: 0 is less than the 1 under sources"),
        ({"archive_gb": "3000", "line": "adsl 8 1"}, "rozoy-l-exemple.yml: recovery: when LOCAL is lost"),
        ({"tier": "3"}, "tier: 3 is not known here; choose 1, 4 or 10 (terabytes)"),
        ({"folder": "nowhere"}, "nowhere: No such file or directory; `communes` names"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(communes, changed, said):
    done = run(communes, **changed)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("ccpp-backup: ")
    assert said in line
    assert names(communes) == ["saint-exemple.yml"]


def test_it_overwrites_nothing(communes):
    before = (communes / "saint-exemple.yml").read_bytes()
    (communes / "rozoy.yml").symlink_to("saint-exemple.yml")
    assert run(communes, slug="rozoy").returncode == 2
    assert (communes / "saint-exemple.yml").read_bytes() == before


def test_a_courier_can_be_accepted_where_no_line_is_fast_enough(communes):
    done = run(communes, "--accept-courier", archive_gb="1000", line="adsl 8 1")
    assert done.returncode == 0, done.stderr
    assert "recovery: {accept: courier} #" in (communes / "rozoy-l-exemple.yml").read_text()


def test_on_a_terminal_it_asks_again_what_cannot_be(communes):
    code, screen = talk(
        communes,
        [
            ("Name of the commune", "Saint-Exemple-sur-Noye\n"),
            ("Name of the commune", "Rozoy-l'Exemple\n"),
            ("INSEE", "9\n"),
            ("INSEE", "99002\n"),
            ("First day", "2026-01-01\n"),
            ("Phone", "01 99 00 00 02\n"),
            ("Mail", "\n"),
            ("Mail", "mairie@rozoy.example.org\n"),
            ("Person or office", "\n"),
            ("Weekdays", "\n"),
            ("LOCAL server", "192.0.2.40\n"),
            ("two disks", "\n"),
            ("line to the outside", "\n"),
            ("line to the outside", "adsl 8 1\n"),
            ("Another one", "4g 50\n"),
            ("Another one", "4g 50 10\n"),
            ("Another one", "\n"),
            ("A source", "accueil windows 192.0.2.41 C:\\Users\n"),
            ("Another one", "archives path /srv/archives\n"),
            ("Another one", "\n"),
            ("Workstations", "6\n"),
            ("archives", "1000\n"),
            ("Short name", "saint-exemple\n"),
            ("Short name", "rozoy\n"),
            ("Tier in TB: 1, 4 or 10 [10]", "4\n"),
            ("accept a courier's disk", "oui\n"),
        ],
    )
    assert code == 0, screen
    for said in (
        "  name: 'Saint-Exemple-sur-Noye' is also that of inventory/communes/saint-exemple.yml",
        "  insee: '9' has the wrong form",
        "  contacts.mail: '' ",
        "  uplinks: write kind, download and upload",
        "  inventory/communes/saint-exemple.yml: is there already",
        "  until 2030-12-31, ",
        "  recovery: when LOCAL is lost, ",
        "inventory/communes/rozoy.yml: written, 20 lines. Next:\n  make allocate\n",
    ):
        assert said in screen
    assert "Traceback" not in screen


@pytest.mark.parametrize(
    ("key", "code", "said"),
    [("\x04", 1, "no more answers: nothing was written"), ("\x03", 130, "interrupted")],
)
def test_it_can_be_left_at_any_question(communes, key, code, said):
    left, screen = talk(communes, [("Name of the commune", "Rozoy\n"), ("INSEE", key)])
    assert (left, screen.rstrip().splitlines()[-1].endswith(f"ccpp-backup: {said}")) == (code, True)
    assert names(communes) == ["saint-exemple.yml"]


def test_a_terminal_is_asked_for_nothing_that_options_say(communes):
    given = [word for pair in OPTIONS.items() for word in pair]
    more = [
        "--contact=",
        "--open=mon",
        "--disks=",
        "--workstations=",
        "--archive-gb=",
        "--slug=rozoy",
        "--tier=4",
    ]
    code, screen = talk(communes, [], *given, *more)
    assert code == 0, screen
    assert names(communes) == ["rozoy.yml", "saint-exemple.yml"]


def test_on_a_server_it_says_where_it_works(tmp_path, communes):
    library = tmp_path / "lib"
    shutil.copytree(ROOT / "plugins/module_utils/backup_core", library / "backup_core")
    done = subprocess.run(
        COMMAND,
        env={**os.environ, "CCPP_BACKUP_LIB": str(library)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "run this command from the collection" in done.stderr
