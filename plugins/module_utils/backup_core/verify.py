# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verification: the objects of a repository hashed against their names, then its structure checked by restic.

The scrub (scrub.py) needs no key and sees every flipped bit; restic's own check sees what no hash can: an
index that names objects that are gone, trees that lead nowhere.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from . import locking, reading, restic
from .errors import one_line
from .ledger import Ledger
from .receive import intended_removals, missing_ids
from .scrub import Records, Scrub
from .snapshots import on_disk
from .times import utc_text
from .workplace import Workplace

CHECK_TIMEOUT = 6 * 24 * 3600.0
MOST_NAMED = 100
# While a backup works, objects come under the check; a second look tells damage from that.
LOOKS = 2
_SUBSET = re.compile(r"[1-9]\d{0,3}/[1-9]\d{0,3}|\d{1,3}(\.\d+)?%|\d+[kKmMgGtT]?")


@dataclass(frozen=True)
class How:
    """What to look at. due: read what is due, instead of everything. structure: also let restic check, and
    decrypt `subset` of the data. patience: seconds to wait for a removal that is at work."""

    due: bool = False
    structure: bool = True
    subset: str | None = None
    patience: float = 0.0


@dataclass
class Verified:
    """What was looked at, and what is not as it should be. `snapshots` is how many there are to restore:
    where there is none, there was nothing to verify. `missing` are in the ledger, not in the repository.

    total: bytes of all objects; since: when the part of them that was read longest ago was read, None where
    some never was.
    """

    snapshots: int = 0
    missing: list[str] = field(default_factory=list)
    objects: int = 0
    size: int = 0
    total: int = 0
    since: datetime | None = None
    seconds: float = 0.0
    damaged: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    structure: str | None = None

    @property
    def sound(self) -> bool:
        return not self.damaged and not self.missing and self.structure is None


def valid_subset(text: str) -> bool:
    """Whether restic would take it as --read-data-subset (n/t, x% or a size)."""
    return _SUBSET.fullmatch(text) is not None


def verify(place: Workplace, how: How, progress: Callable[[str], None] | None = None) -> Verified:
    """Scrub and check one repository, and put the result into its ledger.

    A repository without any snapshot can be damaged, but it cannot be sound: nothing is recorded of it then.
    """
    with locking.verifying(place.config, place.source, how.patience):
        # Not held while objects are read, which may take days: removals need not wait for that.
        with locking.against_prune(place.config, place.source, how.patience):
            ledger = place.ledger()
            disk = on_disk(place.location)
            gone = missing_ids(disk, ledger)
            intended = intended_removals(ledger)
        result = Verified(len(disk), [one for one in gone if one not in intended])
        known, records = _scrub(place, how, ledger, result, progress)
        if how.structure:
            _check(place, how, result, progress)
        if not disk and result.sound:
            return result
        place.append([place.draft("verified", _fields(how, ledger, result, known))])
        known.objects, known.size, known.seconds = 0, 0, 0.0
        records.write(known)
    return result


def _scrub(
    place: Workplace, how: How, ledger: Ledger, result: Verified, progress: Callable[[str], None] | None
) -> tuple[reading.Reading, Records]:
    records = Records(place.config, place.source)
    known = records.read()
    now = place.clock.now()
    reading.begin(known, reading.month_full(ledger), now, everything=not how.due)
    scrubbed = Scrub(place.location, known, now, records.write, progress).run()
    result.objects, result.size, result.total = scrubbed.objects, scrubbed.size, scrubbed.total
    result.seconds, result.since = scrubbed.seconds, known.since
    result.damaged, result.foreign = scrubbed.damaged, scrubbed.foreign
    return known, records


def _fields(how: How, ledger: Ledger, result: Verified, known: reading.Reading) -> dict[str, object]:
    return {
        # What came later was perhaps not looked at any more.
        "entries": len(ledger.entries),
        "snapshots": result.snapshots,
        "missing": result.missing[:MOST_NAMED],
        # With what an earlier run read that did not live to say so.
        "objects": known.objects,
        "size": known.size,
        "total": result.total,
        "read_since": None if result.since is None else utc_text(result.since),
        "seconds": round(known.seconds, 3),
        "sound": result.sound,
        "damaged": result.damaged[:MOST_NAMED],
        "damaged_count": len(result.damaged),
        "structure": result.structure,
        "checked": how.structure,
        "subset": how.subset,
    }


def _check(place: Workplace, how: How, result: Verified, progress: Callable[[str], None] | None) -> None:
    """Let restic check. What it finds wrong, or that it cannot look at all, becomes result.structure."""
    if progress is not None:
        progress(f"{place.source.series}: restic check")
    began = time.monotonic()
    # Of a repository without data restic reads no part.
    subset = how.subset if result.total and result.snapshots else None
    with locking.against_prune(place.config, place.source, how.patience) as lock:
        for _unused in range(LOOKS):
            command = place.repository(place.ledger()).check(subset)
            try:
                done = restic.run(command, CHECK_TIMEOUT, keep_open=lock.inherited)
                if done.code == restic.OK:
                    result.structure = None
                    break
                if done.code != 1:
                    restic.checked(done, "restic check")
                result.structure = one_line(done.stderr or "restic check found errors", 300)
            except restic.ResticError as error:
                result.structure = one_line(str(error), 300)
    result.seconds += time.monotonic() - began
