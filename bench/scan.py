# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Throughput of a scan, and what it costs as a share of the backup that it follows.

`python bench/scan.py [MEGABYTES [FILES]]`, on a machine with restic and clamd (as that of make integration).
Makes files, backs them up, scans the full; changes one in twenty, backs up, scans what changed. Floors of the
same run: clamd alone over the same files, and restic's check that reads all data. clamd knows two signatures
here; ClamAV's own eight million make it slower, so that its share is a lower bound.
"""

from __future__ import annotations

import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "plugins/module_utils"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/integration"))

from antivirus import Antivirus

from backup_core.antivirus import content
from backup_core.antivirus.changes import changed_in, files_in, portions
from backup_core.antivirus.clamd import Clamd, scan_files
from backup_core.antivirus.settings import Settings
from backup_core.commands import Repository
from backup_core.config import RepositoryAccess


def timed(name: str, size: float, work: object) -> float:
    began = time.monotonic()
    assert callable(work)
    work()
    seconds = time.monotonic() - began
    print(f"{name:34}{seconds:8.2f} s{size / seconds:9.1f} MB/s")
    return seconds


def main() -> int:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory(dir="/dev/shm") as scratch:
        base = pathlib.Path(name)
        data, password = base / "data", base / "password"
        data.mkdir()
        password.write_text("bench", encoding="ascii")
        for number in range(count):
            (data / f"{number:06}").write_bytes(chance.randbytes(megabytes * 1_000_000 // count))
        environment = {
            **os.environ,
            "RESTIC_REPOSITORY": str(base / "r"),
            "RESTIC_PASSWORD_FILE": str(password),
        }
        environment["RESTIC_CACHE_DIR"] = str(base / "cache")

        def restic(*arguments: str) -> str:
            done = subprocess.run(
                ["restic", "--quiet", *arguments], env=environment, check=True, capture_output=True, text=True
            )
            return done.stdout

        def snapshot() -> str:
            import json

            listed = json.loads(restic("snapshots", "--json"))
            return str(max(listed, key=lambda one: one["time"])["id"])

        antivirus = Antivirus(base / "antivirus")
        antivirus.start()
        values = antivirus.settings(pathlib.Path(scratch), room=128 * 1024 * 1024)
        settings = Settings(**{**values, "databases": tuple(values["databases"])})
        clamd = Clamd(settings)
        access = RepositoryAccess(location=str(base / "r"), password_file=str(password))
        repository = Repository(access, str(base / "cache"))

        def scan(after: str, before: str | None = None) -> int:
            files = list(files_in(content.messages(repository.ls(after), "listing", ())))
            if before is not None:
                told = content.messages(repository.diff(before, after), "comparing", ())
                changed = set(changed_in(told))
                files = [file for file in files if file.path in changed]
            for portion in portions(files, settings.room, settings.largest_file):
                clamd.check()
                verdicts = content.scan_portion(repository, after, portion, settings, clamd, ())
                assert all(one.kind == "clean" for one in verdicts.values())
            return len(files)

        try:
            print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {megabytes} MB in {count} files")
            restic("init")
            full = timed("backup, full", megabytes, lambda: restic("backup", str(data)))
            first = snapshot()
            paths = [str(path) for path in data.iterdir()]
            floor = timed("floor: clamd alone", megabytes, lambda: scan_files(clamd, paths, settings.threads))
            timed("floor: restic check --read-data", megabytes, lambda: restic("check", "--read-data"))
            whole = timed("scan of the full", megabytes, lambda: scan(first))
            for number in range(0, count, 20):
                (data / f"{number:06}").write_bytes(chance.randbytes(megabytes * 1_000_000 // count))
            daily = timed("backup, 5 % changed", megabytes / 20, lambda: restic("backup", str(data)))
            second = snapshot()
            changed = timed("scan of what changed", megabytes / 20, lambda: scan(second, first))
            print(f"scan of the full / its backup         {whole / full:8.2f}")
            print(f"scan of what changed / its backup     {changed / daily:8.2f}")
            print(f"scan of the full / clamd alone        {whole / floor:8.2f}")
        finally:
            antivirus.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
