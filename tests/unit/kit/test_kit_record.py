# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of the kits that were made."""

from __future__ import annotations

from datetime import date

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.module_utils.commune import kit_record
from ansible_collections.ccpp.backup.plugins.module_utils.commune.kit_record import Made

OLD, NEW = "D179 DFB9 EE12 3765", "0000 1111 2222 3333"
RECORD = (
    Made(OLD, "Mairie, « coffre » n° 2", date(2026, 3, 1)),
    Made(OLD, 'CCPP: "safe"', date(2026, 3, 2)),
    Made(NEW, "Mairie, « coffre » n° 2", date(2027, 3, 1)),
)


def test_what_is_written_is_read_again():
    assert kit_record.load(kit_record.text(RECORD).encode()) == RECORD
    assert kit_record.load(None) == ()


@pytest.mark.parametrize(
    ("recipient", "fingerprint", "current"),
    [
        ("Mairie, « coffre » n° 2", NEW, True),
        ("Mairie, « coffre » n° 2", OLD, False),
        ('CCPP: "safe"', OLD, True),
        ('CCPP: "safe"', NEW, False),
        ("Notaire", NEW, False),
    ],
)
def test_a_kit_is_current_when_it_is_the_last_one_of_its_recipient(recipient, fingerprint, current):
    assert kit_record.is_current(RECORD, recipient, fingerprint) is current


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: 1", "does not hold a list of kits; restore"),
        ("- {}", "[0]: must have fingerprint, for, on; restore"),
        (f'- {{fingerprint: {NEW}, for: x, "on": 1}}', "[0].on: 1 is not a day; restore"),
        (f'- {{fingerprint: {NEW}, for: x, "on": 2026-02-30}}', "[0].on: '2026-02-30' is not a day"),
        ('- {fingerprint: 1, for: x, "on": 2026-01-01}', "[0].fingerprint: 1 is not a fingerprint"),
        (f'- {{fingerprint: {NEW}, for: 7, "on": 2026-01-01}}', "for: 7 is not a name; say for whom"),
    ],
)
def test_a_damaged_record_is_refused(content, said):
    with pytest.raises(InputError) as raised:
        kit_record.load(content.encode())
    assert said in str(raised.value)


@pytest.mark.parametrize("name", ["", "   ", "two\nlines", "x" * 81, None, "\x1b[2J"])
def test_a_recipient_that_does_not_fit_on_a_line_is_refused(name):
    with pytest.raises(InputError, match=r"^for: "):
        kit_record.checked_recipient(name)
