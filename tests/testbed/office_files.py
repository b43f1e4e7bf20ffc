#!/usr/bin/env python3
# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fill a folder with files as a town hall has them, the same for the same seed, or change some of them.

Office documents hardly compress, text does; names have spaces, accents, quotes and newlines; there are empty,
sparse, read-only and hard-linked files, symbolic links (a broken one too), several owners, old and new times.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import stat
import sys
from pathlib import Path

SERVICES = (
    "Secrétariat",
    "État civil",
    "Urbanisme",
    "Comptabilité",
    "Écoles",
    "Salle des fêtes",
    "CCAS",
    "Élections",
)
WORDS = (
    "délibération",
    "arrêté",
    "budget",
    "permis",
    "facture",
    "convention",
    "plan",
    "courrier",
    "liste",
    "procès-verbal",
)
ENDINGS = {
    ".odt": 24_000,
    ".pdf": 120_000,
    ".xlsx": 30_000,
    ".jpg": 260_000,
    ".txt": 3_000,
    ".csv": 9_000,
    ".docx": 28_000,
}
# What an office document begins with: one that begins with noise looks like the work of ransomware.
BEGINNINGS = {
    ".odt": b"PK\x03\x04",
    ".pdf": b"%PDF-1.7\n",
    ".xlsx": b"PK\x03\x04",
    ".jpg": b"\xff\xd8\xff\xe0",
    ".docx": b"PK\x03\x04",
}
OWNERS = (1001, 1002, 1003)
NEWEST = 1_760_000_000  # 2025-10-09, so that nothing lies in the future
SPAN = 12 * 365 * 86_400

ODD_NAMES = (
    "facture n° 12 — été 2025.txt",
    "deux  espaces .txt",
    " espace devant.txt",
    "saut\nde ligne.txt",
    "tabulation\tici.txt",
    "-tiret devant.txt",
    "guillemets \"doubles\" et 'simples'.txt",
    "dollar $HOME `ls` ; & | * ?.txt",
    "barre\\oblique.txt",
    "%n%s {{ gabarit }}.txt",
    "œuvre ÀÉÎÕÜ ça.txt",
    "decompose\u0301.txt",
    "日本語.txt",
    "😀.txt",
    ".caché",
    "n" * 251 + ".txt",
)


def content(rng: random.Random, ending: str) -> bytes:
    size = max(1, int(rng.lognormvariate(0, 0.8) * ENDINGS[ending]))
    if ending in (".txt", ".csv"):
        line = ";".join(rng.choice(WORDS) for _word in range(8)).encode() + b"\r\n"
        return (line * (size // len(line) + 1))[:size]
    return (BEGINNINGS[ending] + rng.randbytes(size))[:size]


def finish(path: bytes | str, rng: random.Random, mode: int) -> None:
    """Owner, mode and time, last of all: each earlier step would change the time."""
    link = os.path.islink(path)
    if os.geteuid() == 0:
        owner = rng.choice(OWNERS)
        os.chown(path, owner, owner, follow_symlinks=False)
    if not link:
        os.chmod(path, mode)
    when = (NEWEST - rng.randrange(SPAN)) * 1_000_000_000 + rng.randrange(1_000_000_000)
    os.utime(path, ns=(when, when), follow_symlinks=False)


def write(path: Path, data: bytes, rng: random.Random, mode: int = 0o644) -> None:
    path.write_bytes(data)
    finish(str(path), rng, mode)


def ordinary(root: Path, files: int, rng: random.Random) -> None:
    for number in range(files):
        folder = root / rng.choice(SERVICES) / str(rng.randrange(2014, 2026))
        if rng.random() < 0.3:
            folder /= f"dossier {rng.randrange(12)}"
        folder.mkdir(parents=True, exist_ok=True)
        ending = rng.choice(list(ENDINGS))
        name = f"{rng.choice(WORDS)} {rng.randrange(1900, 2100)}-{number:05}{ending}"
        write(folder / name, content(rng, ending), rng, rng.choice((0o644, 0o644, 0o640, 0o600, 0o664)))


def odd(folder: Path, rng: random.Random) -> None:
    """What breaks careless programs."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ODD_NAMES:
        write(folder / name, name.encode(), rng)
    latin = os.path.join(os.fsencode(folder), b"latin-1 \xe9t\xe9.txt")  # no UTF-8: files of old systems
    with open(latin, "wb") as stream:
        stream.write(b"\xe9")
    finish(latin, rng, 0o644)
    write(folder / "vide.txt", b"", rng)
    write(folder / "lecture seule.txt", b"x", rng, 0o444)
    write(folder / "aucun droit.txt", b"y", rng, 0o000)
    write(folder / "setgid.sh", b"#!/bin/sh\n", rng, stat.S_ISGID | 0o755)
    with open(folder / "creux.img", "wb") as stream:
        stream.truncate(64 * 1024 * 1024)
        stream.seek(10 * 1024 * 1024)
        stream.write(b"au milieu")
    finish(str(folder / "creux.img"), rng, 0o600)
    write(folder / "zéros.bin", bytes(3 * 1024 * 1024), rng)
    write(folder / "un.odt", rng.randbytes(5000), rng)
    os.link(folder / "un.odt", folder / "le même.odt")
    os.symlink("un.odt", folder / "lien relatif")
    os.symlink("/etc/hostname", folder / "lien absolu")
    os.symlink("n'existe pas", folder / "lien cassé")
    os.symlink("..", folder / "lien vers le haut")
    os.mkfifo(folder / "tube")
    for name in ("lien relatif", "lien absolu", "lien cassé", "lien vers le haut", "tube"):
        finish(str(folder / name), rng, 0o600)
    (folder / "dossier vide").mkdir()
    deep = folder
    for level in range(30):
        deep = deep / f"niveau {level}"
    deep.mkdir(parents=True)
    write(deep / "au fond.txt", b"fond", rng)


def folders_last(root: Path, rng: random.Random) -> None:
    for folder, _folders, _files in sorted(os.walk(root), reverse=True):
        finish(folder, rng, rng.choice((0o755, 0o750, 0o2775)))


def create(root: Path, files: int, seed: int) -> None:
    rng = random.Random(seed)
    ordinary(root, files, rng)
    odd(root / "Drôles de noms", rng)
    folders_last(root, rng)


def change(root: Path, seed: int) -> None:
    """A day's work: some files rewritten, some longer, some renamed, some gone, some new."""
    rng = random.Random(seed)
    everything = sorted(path for path in root.rglob("* *-*.*") if path.is_file() and not path.is_symlink())
    chosen = rng.sample(everything, min(len(everything), max(5, len(everything) // 25)))
    for number, path in enumerate(chosen):
        what = number % 5
        if what == 0:
            write(path, content(rng, path.suffix), rng)
        elif what == 1:
            write(path, path.read_bytes() + rng.randbytes(700), rng)
        elif what == 2:
            path.rename(path.with_name(f"renommé {path.name}"))
        elif what == 3:
            path.unlink()
        else:
            write(path.with_name(f"nouveau {number}{path.suffix}"), content(rng, path.suffix), rng)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "verb", choices=("create", "change"), help="fill the folder afresh, or change some of its files"
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=1500, help="ordinary files to create (1500)")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if args.verb == "create":
        shutil.rmtree(args.folder, ignore_errors=True)
        args.folder.mkdir(parents=True)
        create(args.folder, args.files, args.seed)
    else:
        change(args.folder, args.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
