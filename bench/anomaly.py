# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attacks found and false alarms raised over two years of ordinary life of 50 sources.

`python bench/anomaly.py [SEED]`. Life: daily work, holidays, monthly updates, a new year's archive, spring
cleaning, a mass rename, archives under a password. What is looked at of a file is real: first bytes of
documents, texts, photographs and noise, judged by the code itself. Then, on each tenth day of each source,
encryptions of 1 to 100 % of its files are tried, in place and renamed, also on days of an update. Exit code
1 where one of 5 % or more stays unseen at the first backup, or a source has more than one false alarm a year.
"""

from __future__ import annotations

import io
import pathlib
import random
import sys
import zipfile
from dataclasses import dataclass, replace

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "plugins/module_utils"))

from backup_core.anomaly import HEAD, Level, Observation, judge, looks_scrambled
from backup_core.detection import SAMPLE

SOURCES, YEARS, DAYS_A_YEAR, POOL = 50, 2, 250, 400
SHARES = (0.01, 0.02, 0.05, 0.1, 0.5, 1.0)
MUST = 0.05


@dataclass
class Source:
    chance: random.Random
    files: int
    daily: float
    natural: float
    """Share of its files that are noise by nature and have no type that says so."""


def zipped(chance: random.Random) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("content.xml", chance.randbytes(2 * HEAD))
    return stream.getvalue()[:HEAD]


def text(chance: random.Random) -> bytes:
    words = [
        "mairie",
        "séance",
        "budget",
        "état",
        "délibération",
        "14,50",
        "le",
        "la",
        "et",
        "voirie",
        "école",
    ]
    return " ".join(chance.choices(words, k=HEAD)).encode()[:HEAD]


def pools(chance: random.Random) -> dict[str, list[bool]]:
    """What the code says of POOL files of each sort."""
    ordinary = [
        looks_scrambled(name, make(chance))
        for name, make in (
            [("acte.docx", zipped)] * (POOL // 4)
            + [("budget.xlsx", zipped)] * (POOL // 4)
            + [("notes.txt", text)] * (POOL // 4)
            + [("photo.jpg", lambda c: b"\xff\xd8\xff\xe0" + c.randbytes(HEAD - 4))] * (POOL // 4)
        )
    ]
    noise = [looks_scrambled("archive", chance.randbytes(HEAD)) for _unused in range(POOL)]
    encrypted = [
        looks_scrambled(name, chance.randbytes(HEAD))
        for name in ("acte.docx", "budget.xlsx", "notes.txt", "photo.jpg.k7x") * (POOL // 4)
    ]
    return {"ordinary": ordinary, "noise": noise, "encrypted": encrypted}


def ordinary_day(source: Source, day: int, number: int) -> Observation:
    """A day's backup of a source; its events come on their own days."""
    chance = source.chance
    work = source.daily * chance.lognormvariate(0, 0.6)
    changed, new, deleted = (int(source.files * share) for share in (work, work / 3, work / 6))
    in_year = day % DAYS_A_YEAR
    if in_year % 60 < 5 and chance.random() < 0.7:  # holidays
        changed = new = deleted = 0
    if in_year % 21 == 10:  # monthly update of the system
        changed += int(source.files * chance.uniform(0.05, 0.35))
        new += int(source.files * 0.02)
    if in_year == 3:  # last year's files move into an archive
        deleted += int(source.files * 0.12)
        new += int(source.files * 0.12)
    if in_year == 120:  # spring cleaning
        deleted += int(source.files * chance.uniform(0.05, 0.2))
    if in_year == 180 and number % 3 == 0:  # a mass rename
        deleted += int(source.files * 0.4)
        new += int(source.files * 0.4)
    deleted = min(deleted, source.files // 2)
    after = source.files + new - deleted
    kind = "full" if in_year % 21 == 0 else "incremental"
    return Observation(f"{day:064x}", kind, after, after * 10**6, new, changed, deleted)


def looked_at(
    one: Observation, source: Source, encrypted: int, pool: dict[str, list[bool]], chance: random.Random
) -> Observation:
    """The observation with a sample of its new and changed files, `encrypted` of which are."""
    touched = one.new + one.changed
    sampled = min(SAMPLE, touched)
    if not touched:
        return one
    sorts = chance.choices(
        ("encrypted", "noise", "ordinary"),
        (encrypted, (touched - encrypted) * source.natural, (touched - encrypted) * (1 - source.natural)),
        k=sampled,
    )
    return replace(one, sampled=sampled, scrambled=sum(chance.choice(pool[sort]) for sort in sorts))


def attacked(one: Observation, count: int, renamed: bool) -> Observation:
    if renamed:
        return replace(one, new=one.new + count, deleted=one.deleted + count)
    return replace(one, changed=one.changed + count)


def main(seed: int) -> int:
    chance = random.Random(seed)
    pool = pools(chance)
    alarms: list[int] = []
    tried = dict.fromkeys(SHARES, 0)
    found = dict.fromkeys(SHARES, 0)
    for number in range(SOURCES):
        own = random.Random(chance.random())
        files = int(own.lognormvariate(8.5, 1.4)) + 200
        source = Source(own, files, own.uniform(0.001, 0.02), own.choice([0.0, 0.01, 0.05]))
        history: list[tuple[Observation, Level]] = []
        raised = 0
        for day in range(YEARS * DAYS_A_YEAR):
            plain = ordinary_day(source, day, number)
            seen = looked_at(plain, source, 0, pool, own)
            level = judge(history, seen).level
            raised += level != "clean"
            if day >= 10 and day % 10 == number % 10:
                for share in SHARES:
                    for renamed in (False, True):
                        count = max(1, int(source.files * share))
                        wounded = looked_at(attacked(plain, count, renamed), source, count, pool, own)
                        tried[share] += 1
                        found[share] += judge(history, wounded).level != "clean"
            # A person looks at what was raised, and says that it was nothing.
            history.append((seen, "clean"))
            source.files = plain.files
        alarms.append(raised)
    return report(alarms, tried, found)


def report(alarms: list[int], tried: dict[float, int], found: dict[float, int]) -> int:
    print(f"{SOURCES} sources, {YEARS} years of {DAYS_A_YEAR} open days, {SAMPLE} files looked at a day\n")
    print(f"{'encrypted':>9} {'tried':>6} {'found at the first backup':>26}")
    for share in SHARES:
        print(f"{share:>9.0%} {tried[share]:>6} {found[share]:>18} {found[share] / tried[share]:>7.2%}")
    worst = max(alarms) / YEARS
    mean = sum(alarms) / SOURCES / YEARS
    print(f"\nfalse alarms a source and year: {mean:.3f} on average, {worst:.1f} of the worst")
    missed = sum(tried[share] - found[share] for share in SHARES if share >= MUST)
    return 1 if missed or worst > 1 else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1))
