# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a backup looks like the work of ransomware, against its own source's history (R12). Pure.

What an encryption cannot hide is its content: a file whose name says what it is and whose first bytes no
longer do, or text that became noise. A sample of what changed is looked at for that; how many files it stands
for is compared with what is usual for the source. Counts alone tell little, since an update, a move or a new
year's archive touches as many files as an attack; they raise suspicion only where no content was looked at,
or where files went away without others in their place.
"""

from __future__ import annotations

import math
import os.path
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

Level = Literal["clean", "suspect", "attacked"]

# Bytes of a file's beginning that are looked at, and the fewest that say something.
HEAD = 4096
SHORTEST_HEAD = 512
# Of 8 bits a byte: 4 KiB of noise has 7.95, compressed text at most 7.9, everything else far less.
NOISE_BITS = 7.6

# First bytes by file type. What is compressed is noise in its middle: only its beginning tells it from noise.
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OLE = (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",)
MAGIC: dict[str, tuple[bytes, ...]] = {
    **dict.fromkeys(("docx", "xlsx", "pptx", "odt", "ods", "odp", "zip", "jar", "epub"), _ZIP),
    # Password-protected documents of these types are in an OLE container.
    **dict.fromkeys(("doc", "xls", "ppt", "msg", "msi"), (*_OLE, *_ZIP)),
    "pdf": (b"%PDF",),
    "jpg": (b"\xff\xd8\xff",),
    "jpeg": (b"\xff\xd8\xff",),
    "png": (b"\x89PNG",),
    "gif": (b"GIF8",),
    "gz": (b"\x1f\x8b",),
    "tgz": (b"\x1f\x8b",),
    "xz": (b"\xfd7zXZ",),
    "bz2": (b"BZh",),
    "zst": (b"\x28\xb5\x2f\xfd",),
    "7z": (b"7z\xbc\xaf\x27\x1c",),
    "rar": (b"Rar!",),
    "exe": (b"MZ",),
    "dll": (b"MZ",),
    "mp3": (b"ID3", b"\xff\xfb", b"\xff\xf3"),
    "cab": (b"MSCF",),
    "sqlite": (b"SQLite format 3",),
}
_OFFICE_IN_OLE = frozenset({"docx", "xlsx", "pptx"})
# Noise by nature, without a beginning that always is the same.
NOISE_BY_NATURE = frozenset({"gpg", "pgp", "kdbx", "p12", "pfx", "p7m", "mp4", "mov", "m4a", "vhdx"})
_COMPRESSED = tuple(sorted({start for starts in MAGIC.values() for start in starts} - {b"MZ"}))

# What the groups of recent years append, and how they name their letters.
RANSOM_EXTENSION = re.compile(
    r"\.(locked|encrypted|crypt(ed)?|enc(rypt)?|lockbit|ryuk|conti|blackcat|akira|play|phobos|dharma|djvu|makop"
    r"|medusa|rhysida|8base|wncry|cerber|locky|zepto)$",
    re.IGNORECASE,
)
RANSOM_NOTE = re.compile(
    r"(how[ _-]?to[ _-]?(decrypt|restore|recover)|(decrypt|restore|recover)[ _-]?(your|my)?[ _-]?files"
    r"|read[ _-]?me[ _-]?(to|for)?[ _-]?(decrypt|restore|recover)|your[ _-]?files[ _-]?are[ _-]?encrypted"
    r"|ransom[ _-]?note|_readme\.txt$|comment[ _-]?(restaurer|decrypter))",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Thresholds:
    """What an ordinary day is not. Shares are of the source's files."""

    scrambled_share: float = 0.03
    scrambled_files: int = 8
    first_share: float = 0.1
    deviations: float = 8.0
    """Median absolute deviations above the source's own median, for what is usual to count as unusual."""
    lost_share: float = 0.25
    touched_share: float = 0.25
    smaller: float = 0.5
    ransom_names: int = 10
    history: int = 60
    """Backups of the same kind that are compared with, and those without which there is no usual yet."""
    least_history: int = 5


DEFAULTS = Thresholds()


@dataclass(frozen=True)
class Observation:
    """What a backup did to a source. `files` and `size` are those after it; counts are of files.

    `sampled` of the new and changed files were looked at, `scrambled` of them look scrambled. `ransom_names`:
    new files with an extension of ransomware; `notes`: new files named like its letters; `canaries`: planted
    files that changed or went away; `infected`: files in which the antivirus found something.
    """

    snapshot: str
    kind: str
    files: int
    size: int
    new: int
    changed: int
    deleted: int
    sampled: int = 0
    scrambled: int = 0
    ransom_names: int = 0
    notes: tuple[str, ...] = ()
    canaries: tuple[str, ...] = ()
    infected: tuple[str, ...] = ()

    @property
    def before(self) -> int:
        return max(1, self.files - self.new + self.deleted)

    @property
    def scrambled_files(self) -> float:
        """How many of all new and changed files the sample stands for."""
        return self.scrambled / self.sampled * (self.new + self.changed) if self.sampled else 0.0

    @property
    def lost(self) -> int:
        """Files that went away without new ones in their place."""
        return max(0, self.deleted - self.new)


@dataclass(frozen=True)
class Verdict:
    """`level`, all the reasons for it, and the newest earlier backup that was clean, if there is one."""

    level: Level
    reasons: tuple[str, ...] = field(default=())
    last_clean: str | None = None


def extension(name: str) -> str:
    """In small letters, without the dot; empty where there is none."""
    return os.path.splitext(name)[1][1:].lower()


def entropy(data: bytes) -> float:
    """Bits a byte, from 0 (always the same) to 8 (noise)."""
    total = len(data)
    return (
        -sum(count / total * math.log2(count / total) for count in Counter(data).values()) if total else 0.0
    )


def looks_scrambled(name: str, head: bytes) -> bool:
    """Whether a file that begins with `head` is noise where its name promises something else.

    A file encrypted but for its beginning is not seen; names and counts have to tell of it.
    """
    kind = extension(name)
    if len(head) < SHORTEST_HEAD or kind in NOISE_BY_NATURE:
        return False
    # A document under a password keeps its name and moves into an OLE container.
    expected = MAGIC.get(kind, _COMPRESSED) + (_OLE if kind in _OFFICE_IN_OLE else ())
    return not head.startswith(expected) and entropy(head[:HEAD]) > NOISE_BITS


def limit(values: Sequence[float], deviations: float) -> float:
    """The most that is usual: the median and so many median absolute deviations from it."""
    if not values:
        return 0.0
    middle = median(values)
    return middle + deviations * median(abs(value - middle) for value in values)


def judge(
    history: Sequence[tuple[Observation, Level]], now: Observation, thresholds: Thresholds = DEFAULTS
) -> Verdict:
    """The verdict on a backup. `history`: earlier ones of the same source with theirs, the oldest first.

    Those that were not clean do not count as usual; fulls and incrementals are compared each with their own.
    """
    clean = [one for one, level in history if level == "clean"]
    usual = [one for one in clean if one.kind == now.kind][-thresholds.history :]
    attacked = [*_by_name(now, thresholds), *_by_content(usual, now, thresholds)]
    suspect = [*_suspicious_names(now), *_by_count(usual, clean, now, thresholds)]
    level: Level = "attacked" if attacked else "suspect" if suspect else "clean"
    return Verdict(level, (*attacked, *suspect), clean[-1].snapshot if clean else None)


def _by_name(now: Observation, thresholds: Thresholds) -> list[str]:
    reasons = []
    if now.canaries:
        reasons.append(f"planted files were changed or removed: {_some(now.canaries)}")
    if now.ransom_names >= thresholds.ransom_names:
        reasons.append(f"{now.ransom_names} new files have an extension that ransomware appends")
    folders = {os.path.dirname(note.replace("\\", "/")) for note in now.notes}
    if len(folders) >= 3:
        reasons.append(f"letters as ransomware leaves them, in {len(folders)} folders: {_some(now.notes)}")
    return reasons


def _by_content(usual: Sequence[Observation], now: Observation, thresholds: Thresholds) -> list[str]:
    found = now.scrambled_files
    most = max(
        thresholds.scrambled_files,
        # A first backup has nothing before it, and brings all the noise that a source has by nature.
        thresholds.scrambled_share * now.before if usual else thresholds.first_share * now.files,
        limit([one.scrambled_files for one in usual], thresholds.deviations),
    )
    if found <= most:
        return []
    return [
        f"about {found:.0f} files became noise ({now.scrambled} of {now.sampled} that were looked at);"
        f" usual are at most {most:.0f}"
    ]


def _suspicious_names(now: Observation) -> list[str]:
    reasons = []
    if now.notes:
        reasons.append(f"a file is named like a letter of ransomware: {_some(now.notes)}")
    if now.infected:
        reasons.append(f"the antivirus found something: {_some(now.infected)}")
    return reasons


def _by_count(
    usual: Sequence[Observation], clean: Sequence[Observation], now: Observation, thresholds: Thresholds
) -> list[str]:
    if len(usual) < thresholds.least_history:
        return []
    reasons = []
    lost = now.lost / now.before
    if lost > max(thresholds.lost_share, limit([o.lost / o.before for o in usual], thresholds.deviations)):
        reasons.append(f"{now.lost} of {now.before} files went away without others in their place")
    touched = (now.changed + now.deleted) / now.before
    if not now.sampled and touched > max(
        thresholds.touched_share,
        limit([(o.changed + o.deleted) / o.before for o in usual], thresholds.deviations),
    ):
        reasons.append(f"{touched * 100:.0f} % of the files were touched, and none of them was looked at")
    middle = median(one.size for one in clean[-thresholds.history :])
    if now.size < thresholds.smaller * middle:
        reasons.append(f"{now.size} bytes, where {middle:.0f} are usual")
    return reasons


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(sorted(names)[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
