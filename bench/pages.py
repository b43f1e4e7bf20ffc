# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the site of many communes takes, a year of ledger each. `python bench/pages.py [COUNT] [FOLDER]`

The floor is one `json.loads` of every line of the same ledgers: less cannot be done to know them.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "collections"))

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import ledger, opening, policy, status
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.page import frame, site, view

NOW = datetime(2026, 11, 27, 20, tzinfo=UTC)
SOURCES = ("accueil", "mairie", "partage")
CALENDAR = opening.OpeningCalendar.from_mapping(
    {"weekdays": ["mon", "tue", "thu", "fri"], "closures": ["2026-08-03..2026-08-16"]}
)
SERVICE = frame.Service(
    "Sauvegarde des communes", "01 99 00 00 00", "support@ccpp.example.org", "du lundi au vendredi"
)
MISSED = (date(2026, 11, 20), date(2026, 9, 15))


def entries(number: int) -> Iterator[ledger.Draft]:
    """A year of a source: a receipt on each open day, a verification each week, what retention removed."""
    kept: list[tuple[date, str]] = []
    yield ledger.Draft("key-registered", "bench", NOW - timedelta(days=366), None, {"key": "k", "name": "x"})
    months: set[tuple[int, int]] = set()
    for day in CALENDAR.iterate(NOW.date() - timedelta(days=365), NOW.date()):
        if number % 10 == 0 and day in MISSED:
            continue
        at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        name = f"{day.toordinal() * 10_000 + number:064x}"
        month = (day.year, day.month)
        fields = {
            "snapshot": name,
            "series": "c/s",
            "received_at": at.isoformat(),
            "claimed_at": at.isoformat(),
            "kind": "incremental" if month in months else "full",
            "outcome": "ok",
            "size": 48_000_000_000 + number,
            "files": 81_234,
            "added": 1000,
            "paths": ["/home"],
            "host": "accueil",
        }
        yield ledger.Draft("receipt", "bench", at, None, fields)
        if month in months:
            kept.append((day, name))
        months.add(month)
        gone = [one for one in kept if one[0] < day - timedelta(days=14)]
        if gone:
            kept = [one for one in kept if one not in gone]
            fields = {"snapshots": [name for _day, name in gone]}
            yield ledger.Draft("removed", "bench", at + timedelta(hours=8), "retention", fields)
        if day.weekday() == 4:
            fields = {"entries": 10**6, "sound": number % 50 != 7, "size": 50_000_000_000}
            yield ledger.Draft("verified", "bench", at + timedelta(hours=9), None, fields)
    fields = {"snapshot": "a" * 64, "seconds": 5400.0, "size": 48_000_000_000, "sound": True}
    yield ledger.Draft("drilled", "bench", NOW - timedelta(days=40), None, fields)


def commune(number: int, books: list[bytes]) -> view.CommuneView:
    slug = f"exemple-{number}"
    sources = []
    for name, body in zip(SOURCES, books, strict=True):
        book = ledger.parse(body)
        present = frozenset(one.snapshot for one in book.live())
        facts = status.Facts(f"{slug}/{name}", book, present, replica=True, size=10**12, free=4 * 10**11)
        found = status.assess(facts, CALENDAR, policy.Policy(), NOW)
        sources.append(view.source_view(name, facts, found, CALENDAR, policy.Policy(), NOW))
    contacts = {"phone": "01 99 00 00 01", "mail": f"mairie@{slug}.example.org"}
    links = [view.Link("fibre", True), view.Link("4g", number % 7 != 3)]
    return view.CommuneView(
        slug,
        f"Saint-Exemple n° {number}",
        contacts,
        sources,
        used=6 * 10**11,
        limit=10**12,
        full_on=date(2027, 9, 1),
        links=links,
        antivirus_at=NOW - timedelta(hours=5),
        term_end=date(2028, 12, 31),
        server_end=date(2028, 12, 31),
        tier=1,
    )


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    # Ten histories, used again and again: what is measured is reading and showing them, not making them up.
    histories = [ledger.Ledger().extended(entries(number))[1] for number in range(10)]
    chosen = [[histories[(number + part) % 10] for part in range(len(SOURCES))] for number in range(count)]
    begun = time.process_time()
    for books in chosen:
        for body in books:
            for line in body.splitlines():
                json.loads(line)
    floor = time.process_time() - begun
    with tempfile.TemporaryDirectory() as temporary:
        folder = sys.argv[2] if len(sys.argv) > 2 else temporary
        begun = time.process_time()
        communes = [commune(number, books) for number, books in enumerate(chosen)]
        pages = site.write(folder, communes, SERVICE, NOW)
        taken = time.process_time() - begun
        largest = max((path.stat().st_size, path.name) for path in Path(folder, "site").rglob("*.html"))
        fleet_size = Path(folder, "site", "index.html").stat().st_size
    print(f"{pages} pages of {count} communes with {len(SOURCES)} sources: {taken:.1f} s of one core")
    print(f"floor (json.loads of the same ledgers): {floor:.2f} s, {taken / floor:.1f} times that")
    print(f"largest page: {largest[1]}, {largest[0] / 1000:.0f} kB; all communes: {fleet_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
