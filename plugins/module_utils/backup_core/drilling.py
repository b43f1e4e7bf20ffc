# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drills: a restore into a scratch folder that is timed, compared, scanned, and signed into the ledger.

A drill that fails is recorded too: it is what drills are for. What is restored goes away afterwards.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import in_place, locking, restic, restore, serialise, signing, tree_comparison
from .antivirus import changes as scans
from .antivirus import content, release
from .antivirus import settings as antivirus_settings
from .drill_plan import PROMISE, Measured
from .errors import BackupError, InputError, one_line
from .files import give_to_folder_owner, make_folder
from .in_place import Node
from .ledger import Entry, Ledger
from .owed import DRILL_ACT
from .restore import Candidate
from .workplace import Workplace

NAMESPACE = "drill@ccpp-backup"
# A sample: so many files at most, and bytes.
SAMPLE = 500
ROOM = 512 * 1024 * 1024
MOST_NAMED = 20
_UNSIGNED = ("signature", "signer")


@dataclass
class Drilled:
    """What one drill found. problem: why it could not be brought to its end."""

    snapshot: str
    day: str
    full: bool
    measured: Measured = field(default_factory=lambda: Measured(0, 0, 0.0))
    total_files: int = 0
    total_size: int = 0
    compared: int = 0
    differences: list[str] = field(default_factory=list)
    differing: int = 0
    infected: int | None = None
    not_scanned: int | None = None
    problem: str | None = None

    @property
    def sound(self) -> bool:
        return self.problem is None and not self.differing and self.compared > 0

    def as_json(self) -> dict[str, Any]:
        whole = self.measured.extrapolated(self.total_files, self.total_size)
        return {
            "snapshot": self.snapshot,
            "day": self.day,
            "full": self.full,
            "files": self.measured.files,
            "size": self.measured.size,
            "seconds": round(self.measured.seconds, 3),
            "rate": round(self.measured.rate),
            "total_files": self.total_files,
            "total_size": self.total_size,
            "extrapolated": None if whole is None else round(whole, 1),
            "within_24_h": None if whole is None else whole <= PROMISE,
            "compared": self.compared,
            "differing": self.differing,
            "differences": self.differences[:MOST_NAMED],
            "infected": self.infected,
            "not_scanned": self.not_scanned,
            "sound": self.sound,
            "problem": self.problem,
        }


def drill(
    place: Workplace, full: bool, patience: float = 0.0, progress: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """Restore a sample, or all, of the last clean snapshot; returns what went into the ledger, signed."""
    chosen = restore.choose(restore.candidates(place), None, None)
    with (
        locking.drilling(place.config, patience),
        locking.against_prune(place.config, place.source, max(patience, 30.0)) as lock,
    ):
        work = _Work(place, chosen, full, progress, lock.inherited)
        try:
            work.run()
        except (BackupError, OSError) as error:
            work.done.problem = one_line(str(error), 300)
        finally:
            work.clear()
    fields = signed(place, {**work.done.as_json(), "server": place.config.server})
    place.append([place.draft(DRILL_ACT, fields, work.done.problem)])
    return fields


class _Work:
    """One drill in its scratch folder."""

    def __init__(
        self,
        place: Workplace,
        chosen: Candidate,
        full: bool,
        progress: Callable[[str], None] | None,
        keep_open: tuple[int, ...],
    ) -> None:
        self.done = Drilled(chosen.id, str(chosen.day), full)
        self._place = place
        self._chosen = chosen
        self._progress = progress
        self._keep_open = keep_open
        self._repository = place.repository(place.ledger())
        self._base = place.config.drill_directory
        self._folder = os.path.join(self._base, "restored")
        self._what = f"{place.source.series}: drill on {chosen.id[:8]}"

    def run(self) -> None:
        make_folder(self._base)
        self.clear()
        os.mkdir(self._folder, 0o700)
        files = self._listed()
        idle = self._timed_opening()
        wanted = files if self.done.full else sample(files)
        if not wanted:
            raise BackupError(f"{self._what}: there is no file in it")
        restore.check_space(self._folder, sum(node.size for node in wanted))
        self._tell(f"restoring {len(wanted)} of {len(files)} files")
        began = time.monotonic()
        calls = self._restored(wanted)
        seconds = time.monotonic() - began
        self.done.measured = Measured(len(wanted), sum(n.size for n in wanted), seconds, idle * calls)
        self._tell("comparing")
        if self.done.full:
            self._compare_all()
        else:
            self._compare(wanted)
        self._scan()

    def clear(self) -> None:
        """What a drill restored, also one that was killed: folders perhaps without the right to look in."""
        if os.path.lexists(self._folder):
            for path, folders, _files in os.walk(self._folder):
                for name in folders:
                    below = os.path.join(path, name)
                    if not os.path.islink(below):
                        os.chmod(below, 0o700)
            shutil.rmtree(self._folder)

    def _tell(self, text: str) -> None:
        if self._progress is not None:
            self._progress(f"{self._what}: {text}")

    def _listed(self) -> list[Node]:
        messages = content.messages(self._repository.ls(self._chosen.id), self._what, self._keep_open)
        files = list(in_place.nodes(messages))
        self.done.total_files, self.done.total_size = len(files), sum(node.size for node in files)
        return files

    def _timed_opening(self) -> float:
        """Seconds that restic takes to open the repository, whatever it does then."""
        began = time.monotonic()
        restic.checked(restic.run(self._repository.cat_config(), 600, keep_open=self._keep_open), self._what)
        return time.monotonic() - began

    def _restored(self, wanted: list[Node]) -> int:
        """Have restic restore and read back; returns how often it was called."""
        files = [scans.File(node.path, node.size) for node in wanted]
        calls: list[list[str]] = [[]]
        if not self.done.full:
            portions = scans.portions(files, ROOM, ROOM)
            calls = [[scans.pattern_of(file.path) for file in portion] for portion in portions]
        for patterns in calls:
            command = self._repository.restore_contents(self._chosen.id, self._folder, patterns, verify=True)
            result = restic.run(command, restore.TIMEOUT, keep_open=self._keep_open)
            restic.checked(result, self._what)
        for _path in content.regular_files(self._folder, own=True):
            # Each becomes readable, whatever mode it had where it came from.
            continue
        return len(calls)

    def _compare(self, wanted: list[Node]) -> None:
        """Each file of the sample is there, as large as the snapshot says; restic has read it back."""
        for node in wanted:
            self.done.compared += 1
            if scans.NO_UTF8 in node.path:
                continue
            try:
                size = os.lstat(self._folder + node.path).st_size
            except OSError as error:
                self._differs(node.path, error.strerror or "unreadable")
                continue
            if size != node.size:
                self._differs(node.path, f"{size} bytes, not {node.size}")

    def _differs(self, path: str, how: str) -> None:
        self.done.differing += 1
        self.done.differences.append(f"{one_line(path, 200)}: {how}")

    def _compare_all(self) -> None:
        """Everything against a second reading of the snapshot."""
        with open(os.devnull, "wb") as listing:
            found = tree_comparison.compare(
                self._repository, self._chosen.id, self._folder, listing, "", self._progress, self._keep_open
            )
        self.done.compared, self.done.differing = found.files, found.differing
        self.done.differences = found.differences

    def _scan(self) -> None:
        settings = antivirus_settings.load()
        if settings is None:
            return
        screen = release.Screen(settings)
        screen.check()
        tally = screen.scan(self._folder)
        self.done.infected, self.done.not_scanned = len(tally.infected), len(tally.not_scanned)


def sample(files: list[Node], chance: random.Random | None = None) -> list[Node]:
    """Files drawn at random, as many as there is room for."""
    drawn = (chance or random.SystemRandom()).sample(files, min(SAMPLE, len(files)))
    room, taken = ROOM, []
    for node in drawn:
        if node.size <= room:
            room -= node.size
            taken.append(node)
    return taken


def signed(place: Workplace, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with this server's signature over them."""
    key = _key(place)
    signature = signing.sign(serialise.encode(fields), key, NAMESPACE).decode("ascii")
    return {**fields, "signature": signature, "signer": signing.public_key(key)}


def check_proof(entry: Entry) -> None:
    """SignatureError unless the entry is as the server that it names signed it."""
    fields = {name: value for name, value in entry.fields.items() if name not in _UNSIGNED}
    signature, signer = (str(entry.fields.get(name) or "") for name in _UNSIGNED)
    with tempfile.NamedTemporaryFile("w", prefix="ccpp-backup-signers-", encoding="ascii") as signers:
        signers.write(signing.signer_line(signer, [NAMESPACE]))
        signers.flush()
        signing.verify(serialise.encode(fields), signature.encode(), signers.name, NAMESPACE)


def last(ledger: Ledger) -> Entry:
    """The last drill. InputError where there was none."""
    found = next((entry for entry in reversed(ledger.entries) if entry.act == DRILL_ACT), None)
    if found is None:
        raise InputError("there was no drill yet (ccpp-backup drill makes one)")
    return found


def _key(place: Workplace) -> str:
    """This server's own key, made when it is wanted first."""
    path = os.path.join(place.config.state_directory, "drill.key")
    if not os.path.exists(path):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", place.config.server, "-f", path]
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
            )
        except FileNotFoundError:
            raise BackupError("ssh-keygen: no such command (install the package openssh-client)") from None
        if done.returncode != 0:
            raise BackupError(f"{path}: {one_line(done.stderr, 200)}")
        for made in (path, f"{path}.pub"):
            give_to_folder_owner(made)
    with open(path, encoding="ascii") as file:
        return file.read()
