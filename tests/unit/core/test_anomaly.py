# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What looks like the work of ransomware, and what does not."""

from __future__ import annotations

import io
import random
import zipfile
import zlib
from dataclasses import replace

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.anomaly import (
    RANSOM_EXTENSION,
    RANSOM_NOTE,
    Level,
    Observation,
    entropy,
    judge,
    looks_scrambled,
)

NOISE = random.Random(1).randbytes(4096)
TEXT = ("Délibération du conseil municipal, séance du 14 mars. " * 100).encode()[:4096]


def document(name: str = "word/document.xml") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, random.Random(2).randbytes(8192))
    return stream.getvalue()[:4096]


def day(number: int = 0, **changes: object) -> Observation:
    ordinary = Observation(f"{number:064x}", "incremental", 10_000, 10**10, 20, 80, 10, 100, 0)
    return replace(ordinary, **changes)  # type: ignore[arg-type]


def history(days: int = 30) -> list[tuple[Observation, Level]]:
    return [(day(number, changed=60 + number % 40), "clean") for number in range(days)]


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("budget.xlsx", document("xl/workbook.xml")),
        ("rapport.docx", document()),
        ("photo.JPG", b"\xff\xd8\xff\xe0" + NOISE),
        ("note.txt", TEXT),
        ("page.html", TEXT),
        ("sans-extension", TEXT),
        ("sauvegarde", b"\x1f\x8b\x08" + NOISE),
        ("protege.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + NOISE),
        ("secret.gpg", NOISE),
        ("court.txt", NOISE[:511]),
        ("vide.docx", b""),
        ("journal.log", zlib.compress(TEXT) * 200),
    ],
)
def test_a_file_that_is_what_its_name_says_is_not_scrambled(name: str, head: bytes) -> None:
    assert not looks_scrambled(name, head)


@pytest.mark.parametrize(
    "name",
    [
        "budget.xlsx",
        "rapport.docx",
        "photo.JPG",
        "acte.pdf",
        "note.txt",
        "registre",
        "budget.xlsx.locked",
        "a.odt.k7x",
    ],
)
def test_noise_under_the_name_of_a_document_is_scrambled(name: str) -> None:
    assert looks_scrambled(name, NOISE)


@pytest.mark.parametrize(
    ("data", "bits"), [(b"", 0.0), (b"aaaa", 0.0), (b"ab", 1.0), (bytes(range(256)), 8.0)]
)
def test_entropy_counts_bits_a_byte(data: bytes, bits: float) -> None:
    assert entropy(data) == pytest.approx(bits)


def test_an_ordinary_day_is_clean() -> None:
    assert judge(history(), day(99)).level == "clean"


@pytest.mark.parametrize("share", [0.05, 0.2, 1.0])
@pytest.mark.parametrize("renamed", [False, True])
def test_an_encryption_of_five_percent_or_more_is_an_attack(share: float, renamed: bool) -> None:
    count = int(10_000 * share)
    encrypted = {"new": 20 + count, "deleted": 10 + count} if renamed else {"changed": 80 + count}
    sampled = 200
    scrambled = int(sampled * count / (count + 100))
    verdict = judge(history(), day(99, sampled=sampled, scrambled=scrambled, **encrypted))
    assert verdict.level == "attacked"
    assert "became noise" in verdict.reasons[0]
    assert verdict.last_clean == f"{29:064x}"


def test_an_update_that_touches_a_third_of_the_files_is_clean_when_their_content_is_healthy() -> None:
    assert judge(history(), day(99, changed=3500, sampled=200)).level == "clean"


def test_a_mass_rename_is_clean() -> None:
    assert judge(history(), day(99, new=4000, deleted=4000, sampled=200)).level == "clean"


def test_many_touched_files_are_suspicious_where_none_was_looked_at() -> None:
    verdict = judge(history(), day(99, changed=3500, sampled=0))
    assert (verdict.level, verdict.reasons) == (
        "suspect",
        ("35 % of the files were touched, and none of them was looked at",),
    )


def test_files_that_go_away_without_others_in_their_place_are_suspicious() -> None:
    verdict = judge(history(), day(99, files=6000, deleted=4000, new=0))
    assert (verdict.level, verdict.reasons) == (
        "suspect",
        ("4000 of 10000 files went away without others in their place",),
    )


def test_a_backup_far_smaller_than_usual_is_suspicious() -> None:
    assert judge(history(), day(99, size=4 * 10**9)).level == "suspect"


@pytest.mark.parametrize(
    ("sign", "level"),
    [
        ({"canaries": ("C:/Users/Public/0-canary.docx",)}, "attacked"),
        ({"ransom_names": 10}, "attacked"),
        ({"ransom_names": 9}, "clean"),
        (
            {"notes": ("/a/HOW_TO_DECRYPT.txt", "/b/HOW_TO_DECRYPT.txt", "C:\\c\\HOW_TO_DECRYPT.txt")},
            "attacked",
        ),
        ({"notes": ("/a/HOW_TO_DECRYPT.txt", "/a/x/HOW_TO_DECRYPT.txt")}, "suspect"),
        ({"infected": ("/a/facture.exe",)}, "suspect"),
    ],
)
def test_each_sign_by_name_has_its_weight(sign: dict[str, object], level: Level) -> None:
    verdict = judge(history(), day(99, **sign))
    assert verdict.level == level
    assert bool(verdict.reasons) is (level != "clean")


def test_signs_by_name_need_no_history() -> None:
    assert judge([], day(canaries=("x",))).level == "attacked"
    assert judge([], day(canaries=("x",))).last_clean is None


def test_counts_say_nothing_before_there_is_a_history() -> None:
    assert judge(history(4), day(99, files=6000, deleted=4000, new=0)).level == "clean"
    assert judge(history(5), day(99, files=6000, deleted=4000, new=0)).level == "suspect"


def test_a_first_backup_may_bring_the_noise_that_a_source_has_by_nature() -> None:
    first = Observation("a" * 64, "full", 10_000, 10**10, 10_000, 0, 0, 200, 18)
    assert judge([], first).level == "clean"
    assert judge([], replace(first, scrambled=22)).level == "attacked"


def test_what_was_not_clean_does_not_become_usual() -> None:
    attacks: list[tuple[Observation, Level]] = [
        (day(50 + number, changed=900, sampled=200, scrambled=180), "attacked") for number in range(40)
    ]
    assert judge([*history(), *attacks], day(99, changed=900, sampled=200, scrambled=180)).level == "attacked"


def test_a_source_that_is_noisy_by_nature_has_its_own_measure() -> None:
    noisy: list[tuple[Observation, Level]] = [
        (day(number, changed=1000, sampled=200, scrambled=60 + number % 9), "clean") for number in range(30)
    ]
    assert judge(noisy, day(99, changed=1000, sampled=200, scrambled=66)).level == "clean"
    assert judge(noisy, day(99, changed=1600, sampled=200, scrambled=140)).level == "attacked"


def test_all_reasons_are_given_and_long_lists_are_cut() -> None:
    names = tuple(f"/f{number}/0-canary.docx" for number in range(5))
    verdict = judge(
        history(), day(99, canaries=names, infected=("/x",), changed=900, sampled=200, scrambled=180)
    )
    assert len(verdict.reasons) == 3
    assert "/f0/0-canary.docx, /f1/0-canary.docx, /f2/0-canary.docx and 2 more" in verdict.reasons[0]


@pytest.mark.parametrize("name", ["a.docx.locked", "A.PDF.LockBit", "x.encrypted", "b.djvu.akira"])
def test_extensions_of_ransomware_are_known(name: str) -> None:
    assert RANSOM_EXTENSION.search(name)


@pytest.mark.parametrize(
    "name",
    [
        "HOW_TO_DECRYPT.txt",
        "how to restore files.html",
        "_readme.txt",
        "RESTORE-MY-FILES.txt",
        "Recover files.hta",
    ],
)
def test_letters_of_ransomware_are_known_by_their_names(name: str) -> None:
    assert RANSOM_NOTE.search(name)


@pytest.mark.parametrize(
    "name", ["readme.txt", "README.md", "compte-rendu.docx", "restauration du lavoir.odt"]
)
def test_ordinary_names_are_no_letters(name: str) -> None:
    assert not RANSOM_NOTE.search(name)
    assert not RANSOM_EXTENSION.search(name)
