# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret goes to paper and comes back through a real shell, or the mistyped line is named."""

from __future__ import annotations

import math
import random
import subprocess

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.commune import paper

LOOK_ALIKE = ("0OQDo", "1IlJi", "2Zz", "5Ss", "8B", "6Gb", "UVvu", "9gq", "CGc", "EF", "KX")
SECRETS = [
    paper.password(),
    "J7",
    "T_x-9lO0I1 and what a person chose: é'\"$(id)`\\",
    "tBdSYEbvbYlNhnMUCzxW2lVbdNk1Nf4gJmzvXWbcOQE",
]


def typed(command: str, *lines: str) -> subprocess.CompletedProcess[str]:
    """What a shell says when the printed function is typed in, then the command, then these lines."""
    text = "\n".join([*paper.READER, command, *lines, "", 'echo " then $?"'])
    return subprocess.run(["bash"], input=text, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("secret", SECRETS)
def test_the_printed_lines_give_the_secret_back(secret):
    done = typed(paper.reading(secret), *paper.lines(secret))
    assert (done.stdout, done.stderr) == (f"{secret} then 0\n", "")


def test_small_letters_and_blanks_do_not_matter():
    secret = paper.password()
    lines = [line.lower().replace(" ", "  ", 1).replace(" ", "   ") for line in paper.lines(secret)]
    assert typed("lire", *lines).stdout == f"{secret} then 0\n"


def test_a_mistyped_line_is_named_and_typed_again_alone():
    secret = paper.password()
    first, second, third = paper.lines(secret)
    wrong = second[:-1] + ("2" if second[-1] != "2" else "3")
    done = typed("lire", first, wrong, second, third)
    assert done.stdout == f"{secret} then 0\n"
    assert done.stderr == f"Erreur : retapez la ligne {second[:4]}\n"


def test_slips_of_a_typist_are_found():
    """One character wrong, two turned round, one left out, one twice: each is a line the shell refuses."""
    chance = random.Random(1)
    line = paper.lines(paper.password())[0]
    number, groups = line[:4], line[5:].replace(" ", "")
    slips = set()
    for place in range(len(groups)):
        other = chance.choice(paper.ALPHABET.replace(groups[place], ""))
        slips |= {groups[:place] + other + groups[place + 1 :], groups[:place] + groups[place + 1 :]}
        slips |= {groups[:place] + groups[place] + groups[place:]}
        slips |= {groups[:place] + groups[place : place + 2][::-1] + groups[place + 2 :]}
    slips.discard(groups)
    done = typed("lire", *(f"{number} {slip}" for slip in sorted(slips)))
    assert done.stdout == " then 0\n"
    assert done.stderr.count("Erreur") == len(slips) > 60


def test_no_two_characters_look_alike_and_a_password_is_hard_to_guess():
    assert [one for one in LOOK_ALIKE if len(set(one) & set(paper.ALPHABET)) > 1] == []
    passwords = {paper.password() for _number in range(100)}
    assert len(passwords) == 100
    assert all(map(paper.is_typeable, passwords))
    assert paper.LENGTH * math.log2(len(paper.ALPHABET)) > 250
    assert {len(paper.lines(one)) for one in passwords} == {3}
