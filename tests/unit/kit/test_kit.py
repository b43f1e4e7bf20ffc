# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a recovery kit says."""

from __future__ import annotations

import copy
import dataclasses
import re
import subprocess

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.commune import kit, paper
from ansible_collections.ccpp.backup.plugins.module_utils.commune.kit import Passwords, Site


def blocks(made: kit.Kit, title: str) -> list[kit.Block]:
    return [block for block in made.blocks if re.search(title, block.title)]


def test_each_source_has_both_its_repositories_with_path_key_and_commands(given):
    made = kit.kit(**given)
    for name, secret in given["passwords"].items():
        local, remote = blocks(made, f"^{name} : cas")
        assert local.key == paper.lines(secret.local)
        assert remote.key == paper.lines(secret.remote)
        assert f"/srv/backup/repositories/{name}" in local.text[0]
        assert f"/srv/backup/noeux-exemple/{name}" in remote.text[0]
        assert f"export RESTIC_REPOSITORY=repositories/{name}" in local.commands
        assert f"export RESTIC_REPOSITORY=noeux-exemple/{name}" in remote.commands


def test_what_is_restored_first_stands_first_and_what_was_removed_last(given):
    titles = [block.title for block in kit.kit(**given).blocks if block.new_page]
    assert titles == [f"Source {name}" for name in ("compta", "partage", "accueil", "serveur", "urbanisme")]


def test_it_says_whom_to_call_and_when(given):
    (contacts,) = blocks(kit.kit(**given), "Qui appeler")
    assert contacts.text == (
        "Sauvegarde des communes (CCPP) : 01 99 00 00 00, support@ccpp.example.org,"
        " du lundi au vendredi de 9h00 à 17h00.",
        "Nœux-l’Exemple : mairie, 01 99 00 00 02, mairie@noeux.example.org.",
    )


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (("wed",), "le mercredi de 9h00 à 12h30"),
        (("mon", "thu"), "le lundi et le jeudi de 9h00 à 12h30"),
        (("sat", "fri", "thu", "thu"), "du jeudi au samedi de 9h00 à 12h30"),
    ],
)
def test_support_hours_are_said_as_people_say_them(days, said):
    assert kit.support(days, ("09:00", "12:30")) == said


def test_without_hours_none_are_promised(given):
    given["service"] = dataclasses.replace(given["service"], hours=None)
    assert kit.kit(**given).contacts[0].endswith("support@ccpp.example.org.")


def test_the_fingerprint_changes_with_any_secret_path_or_contact_and_with_nothing_else(given):
    prints = {kit.kit(**given).fingerprint}
    assert kit.kit(**copy.deepcopy(given)).fingerprint in prints
    changed = []
    for change in (
        {"passwords": {**given["passwords"], "compta": Passwords("X" * 60, "C" * 60)}},
        {"local": Site(False, "/srv/backup/repositories")},
        {"service": dataclasses.replace(given["service"], phone="01 99 00 00 09")},
        {"commune": {**given["commune"], "name": "Nœux"}},
    ):
        changed.append(kit.kit(**{**given, **change}).fingerprint)
    assert len({*changed, *prints}) == 5
    assert all(re.fullmatch(r"[0-9A-F]{4}( [0-9A-F]{4}){3}", one) for one in changed)


def test_one_disk_of_a_mirror_is_mounted_though_the_other_is_missing(given):
    made = kit.kit(**given)
    ((local,), (remote,)) = (blocks(made, f"^Cas {case}") for case in "AB")
    assert 'mount -o ro,degraded "$DISQUE" /mnt/disque' in local.commands
    assert local.commands[-1] == "cd /mnt/disque"
    assert 'mount -o ro "$DISQUE" /mnt/disque' in remote.commands
    assert remote.commands[-1] == "cd /mnt/disque/srv/backup"


def test_the_longest_names_leave_every_command_whole_on_its_line(given):
    longest = "a" * 31
    given["commune"] = {**given["commune"], "slug": longest}
    given["passwords"] = {**given["passwords"], longest: Passwords("é" * 72, "C" * 60)}
    given["remote"] = Site(True, f"/srv/backup/{longest}")
    commands = [line for block in kit.kit(**given).blocks for line in block.commands]
    # At that width the letters are 7 points high.
    assert max(map(len, commands)) <= 99


def test_every_command_is_one_that_a_shell_understands(given):
    for block in kit.kit(**given).blocks:
        text = "\n".join(block.commands)
        done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), text


def test_nothing_typed_needs_another_keyboard_than_the_plain_one(given):
    for block in kit.kit(**given).blocks:
        assert all(line.isascii() for line in (*block.commands, *block.key))
