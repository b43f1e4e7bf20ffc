# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same 5 000 snapshots through `ccpp-backup plan` and through `restic forget --dry-run`, side by side.

`python bench/forget.py [--restic PATH] [--snapshots N]`. Taking 5 000 backups would need an hour, so one is
taken and its record written again under other times, sealed with the repository's own key as restic does it
(AES-256 in counter mode, Poly1305-AES); restic then lists, checks and plans them like any others.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from _history import NOW, Cost, history, measured, write_question
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.poly1305 import Poly1305

# As near as restic's own rules come to "the first of a month 12 months, the others 14 days" (restic#2747).
RULES = ["--keep-monthly", "12", "--keep-within", "14d"]


def sealed(plain: bytes, key: dict[str, bytes]) -> bytes:
    """What restic writes for `plain` (its design document, "Keys, Encryption and MAC")."""
    nonce = os.urandom(16)
    counter = Cipher(algorithms.AES(key["encrypt"]), modes.CTR(nonce)).encryptor()
    cipher = counter.update(plain) + counter.finalize()
    # Poly1305-AES is defined over one AES block: there is no second block for a mode to protect.
    block = Cipher(algorithms.AES(key["k"]), modes.ECB()).encryptor()
    one_time = key["r"] + block.update(nonce) + block.finalize()
    return nonce + cipher + Poly1305.generate_tag(one_time, cipher)


def fill(repository: pathlib.Path, restic: list[str], env: dict[str, str], count: int) -> None:
    """A repository with `count` snapshots of one series, on as many open days."""

    def output(*arguments: str) -> bytes:
        return subprocess.run([*restic, *arguments], env=env, check=True, stdout=subprocess.PIPE).stdout

    output("init")
    source = repository.with_name("source")
    source.mkdir()
    (source / "file").write_text("content\n", encoding="ascii")
    output("backup", str(source))
    (first,) = (repository / "snapshots").iterdir()
    record = json.loads(output("cat", "snapshot", first.name))
    master = json.loads(output("cat", "masterkey"))
    key = {name: base64.b64decode(value) for name, value in (master["mac"] | master).items() if name != "mac"}
    first.unlink()
    for taken in history(count, series=1):
        content = sealed(json.dumps({**record, "time": taken.at.isoformat()}).encode(), key)
        (repository / "snapshots" / hashlib.sha256(content).hexdigest()).write_bytes(content)
    listed = len(json.loads(output("snapshots", "--json")))
    if listed != count:
        sys.exit(f"restic lists {listed} snapshots instead of {count}: has its format changed?")


def line(name: str, cost: Cost, count: int, kept: int) -> str:
    took = f"{cost.seconds:>8.2f} {cost.processor:>8.2f} {cost.megabytes:>8.0f}"
    return f"{name:<60} {took} {kept:>6} {count - kept:>8}"


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument(
        "--restic", default=shutil.which("restic"), help="the restic to measure (default: on PATH)"
    )
    parser.add_argument("--snapshots", type=int, default=5000)
    args = parser.parse_args()
    if args.restic is None:
        sys.exit("no restic on PATH: install it (apt install restic) or name one with --restic PATH")
    count = args.snapshots
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        repository = folder / "repository"
        env = {**os.environ, "RESTIC_PASSWORD": "bench", "RESTIC_REPOSITORY": str(repository)}
        restic = [args.restic, "--no-cache", "--quiet"]
        fill(repository, restic, env, count)
        print(f"{count} snapshots of one series, one on each open day, at {NOW}\n")
        print(f"{'':<60} {'seconds':>8} {'CPU s':>8} {'peak MB':>8} {'kept':>6} {'removed':>8}")

        cost = measured(write_question(folder, count, series=1), folder / "answer")
        answer = json.loads((folder / "answer").read_bytes())
        kept = [decision["action"] for decision in answer["decisions"]].count("keep")
        print(line("ccpp-backup plan", cost, count, kept))

        forget = [*restic, "forget", "--dry-run", "--json", "--group-by", "host", *RULES]
        cost = measured(forget, folder / "forgotten", env)
        (group,) = json.loads((folder / "forgotten").read_bytes())
        print(line(f"restic forget --dry-run {' '.join(RULES)}", cost, count, len(group["keep"])))
    print(
        "\nrestic keeps the last of each month, by the time a client claimed; plan keeps the first that the"
    )
    print("server received on an open day, and says why for each snapshot.")


if __name__ == "__main__":
    main()
