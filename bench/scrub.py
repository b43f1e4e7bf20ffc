# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keyless scrub against `restic check --read-data` and against sha256sum on all cores, on one repository.

`python bench/scrub.py [MEGABYTES]`, on a machine with restic (as that of make integration). The repository
lies in memory, so that the programs are compared and not this machine's disk; on a disk that is slower than
the processors all of them take what the disk takes. Half of the files are text, half are as good as noise
(as documents of office suites, photographs and PDF are). Each program runs three times, in turn; the median
counts. Then bits are flipped, objects are cut and taken away, and it is asked who found what. Exit code 1
where ours is less than 4 times as fast as restic, less than 0.9 as fast as sha256sum, or missed something.
"""

from __future__ import annotations

import os
import pathlib
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "plugins/module_utils"))

from backup_core.reading import Reading, begin
from backup_core.scrub import Scrub, Scrubbed

ROUNDS, PLANTED = 3, 8
WORDS = ["mairie", "séance", "budget", "état", "délibération", "voirie", "14,50", "le", "la", "et", "arrêté"]


def fill(folder: pathlib.Path, megabytes: int, chance: random.Random) -> None:
    folder.mkdir()
    for number in range(megabytes):
        if number % 2:
            body = chance.randbytes(1_000_000)
        else:
            body = " ".join(chance.choices(WORDS, k=160_000)).encode()[:1_000_000]
        (folder / f"{number:06}").write_bytes(body)


def scrub(repository: pathlib.Path) -> Scrubbed:
    reading = Reading()
    begin(reading, None, now := datetime.now(UTC), everything=True)
    return Scrub(str(repository), reading, now).run()


def processor() -> float:
    """Seconds that this process and those it waited for have had of a core."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(use.ru_utime + use.ru_stime for use in map(resource.getrusage, kinds))


def sha256sum(repository: pathlib.Path) -> None:
    names = "find data index snapshots keys -type f -print0"
    command = f"{names} | xargs --null --max-procs={os.cpu_count()} --max-args=4 sha256sum"
    subprocess.run(["bash", "-c", command], cwd=repository, check=True, stdout=subprocess.DEVNULL)


def plant(repository: pathlib.Path, chance: random.Random) -> dict[str, list[pathlib.Path]]:
    packs = chance.sample(sorted(repository.glob("data/*/*")), 3 * PLANTED)
    flipped, cut, gone = (packs[number::3] for number in range(3))
    for path in packs:
        path.chmod(0o600)
    for path in flipped:
        body = bytearray(path.read_bytes())
        body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
        path.write_bytes(bytes(body))
    for path in cut:
        os.truncate(path, chance.randrange(path.stat().st_size))
    for path in gone:
        path.unlink()
    return {"flipped bits": flipped, "cut objects": cut, "missing objects": gone}


def main() -> int:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    chance = random.Random(1)
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=memory) as name:
        base = pathlib.Path(name)
        repository = base / "repository"
        (base / "password").write_text("bench", encoding="ascii")
        environment = {**os.environ, "RESTIC_REPOSITORY": str(repository)}
        environment |= {"RESTIC_PASSWORD_FILE": str(base / "password"), "RESTIC_CACHE_DIR": str(base / "c")}

        def restic(*arguments: str) -> str:
            command = [os.environ.get("RESTIC", "restic"), "--quiet", *arguments]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            return done.stdout + done.stderr

        fill(base / "files", megabytes, chance)
        restic("init")
        restic("backup", "--pack-size=4", str(base / "files"))
        size = sum(path.stat().st_size for path in repository.rglob("*") if path.is_file()) / 1e6
        print(f"{os.cpu_count()} cores; {megabytes} MB of files, {size:.0f} MB of repository in memory\n")

        contenders: dict[str, Callable[[], object]] = {
            "ccpp-backup verify --scrub-only": lambda: scrub(repository),
            "ccpp-backup verify (scrub, restic check)": lambda: (scrub(repository), restic("check")),
            "restic check --read-data": lambda: restic("check", "--read-data"),
            "sha256sum on all cores": lambda: sha256sum(repository),
        }
        taken: dict[str, list[tuple[float, float]]] = {one: [] for one in contenders}
        for _round in range(ROUNDS):
            for one, work in contenders.items():
                began, worked = time.perf_counter(), processor()
                work()
                taken[one].append((time.perf_counter() - began, processor() - worked))
        median = {
            one: [statistics.median(column) for column in zip(*times, strict=True)]
            for one, times in taken.items()
        }
        for one, (seconds, cpu) in median.items():
            print(f"{one:42}{seconds:8.2f} s{size / seconds:9.0f} MB/s{cpu:9.2f} s of a core")
        (ours, my_cpu), (whole, _), (read_data, its_cpu), (plain, sum_cpu) = median.values()
        print(f"\nscrub: {read_data / ours:.2f} times as fast as restic check --read-data (bar: 4)")
        print(f"scrub and check together: {read_data / whole:.2f} times as fast")
        print(f"scrub: {plain / ours:.2f} times as fast as sha256sum on all cores (bar: 0.9)")
        print(f"by the cores' time, whoever else works: {its_cpu / my_cpu:.2f} and {sum_cpu / my_cpu:.2f}\n")

        planted = plant(repository, chance)
        scrubbed, checked = " ".join(scrub(repository).damaged), restic("check")
        everything = restic("check", "--read-data")
        missed = 0
        for kind, paths in planted.items():
            found = [path for path in paths if path.name in scrubbed or path.name in checked]
            theirs = [path for path in paths if path.name in everything or path.name[:8] in everything]
            missed += len(paths) - len(found)
            print(f"{kind:16} planted {len(paths)}, found by verify {len(found)}, by restic {len(theirs)}")
    return 1 if missed or read_data / ours < 4 or plain / ours < 0.9 else 0


if __name__ == "__main__":
    sys.exit(main())
