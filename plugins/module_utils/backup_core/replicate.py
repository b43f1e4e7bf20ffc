# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replication at REMOTE: pull LOCAL's ledger and the snapshots it has receipts for.

One snapshot a call, oldest first: a damaged pack at LOCAL aborts a whole `restic copy`, and must cost no
more than the snapshots that need it. Nothing is copied twice, and nothing comes back that REMOTE has removed.

LOCAL may be in anybody's hands: whatever it sends, and however slowly, costs a bounded time and a bounded
number of calls in each run, and at most the commune's own room.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from . import amending, local_ledger, locking, restic, snapshots, storage_health
from .budget import Budget
from .commands import Repository
from .config import RepositoryAccess
from .errors import BackupError, one_line
from .files import make_folder, write_durably
from .ledger import Draft, Ledger, Receipt
from .local_ledger import Shipped
from .shipping import ORDERLY
from .snapshots import READ_TIMEOUT, Snapshot, on_disk
from .workplace import Workplace

COPY_TIMEOUT = 6 * 24 * 3600.0
STALL = 3600.0
# Failures that the next snapshot would meet too.
HOPELESS = (restic.NO_REPOSITORY, restic.LOCKED, restic.WRONG_PASSWORD)
MOST_FAILURES = 3
# Snapshots taken from a source in one run. It has one or two a day; more come with the next run.
MOST = 50
# Copies at the same time. Most of their time they wait for the line of the commune they come from.
COPIES = max(8, 2 * (os.cpu_count() or 1))
# The share of the disk's size that copies leave free, for what gives space back.
LEFT_FREE = 0.03
_TORN = re.compile(r"[0-9a-f]{64}-tmp-\d+")


@dataclass(frozen=True)
class Limits:
    """What one run may take of one source: snapshots, and time. Those that `failed` the last time come last,
    so that what is damaged at LOCAL does not keep the others waiting. What `waits` says yes to is left for a
    run in which the way there is better."""

    most: int = MOST
    budget: Budget = field(default_factory=Budget)
    failed: Collection[str] = ()
    waits: Callable[[Receipt], bool] = lambda _receipt: False


@dataclass
class Replicated:
    """What one run did for one source. `pending` is all that REMOTE still lacks; of that, `absent` is in
    LOCAL's ledger but not in its repository, `waiting` is for a better way there, `left` for the next run."""

    ledger: str = "equal"
    ledger_sha256: str = ""
    copied: list[dict[str, object]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    pending: int = 0
    left: int = 0
    out_of_time: bool = False

    @property
    def attention(self) -> bool:
        wrong = self.failed or self.absent or self.unknown or self.lost or self.out_of_time
        return bool(wrong or self.ledger not in ORDERLY)


def to_copy(shipped: Ledger, own: Ledger) -> list[Receipt]:
    """What LOCAL has receipts for and REMOTE never had, in LOCAL's ledger order."""
    known = originals(own)
    set_aside = shipped.quarantined_ids()
    return [r for r in shipped.live() if r.snapshot not in known and r.snapshot not in set_aside]


def originals(own: Ledger) -> set[str]:
    """LOCAL's snapshots that REMOTE holds or has removed."""
    return {
        str(entry.fields["original"])
        for entry in own.entries
        if entry.act in ("receipt", "replicated") and "original" in entry.fields
    }


def chosen(todo: Sequence[Receipt], there: Collection[str], limits: Limits) -> list[Receipt]:
    """What one run takes of what is there: in ledger order, those that failed the last time at the end."""
    ready = [receipt for receipt in todo if receipt.snapshot in there]
    return sorted(ready, key=lambda receipt: receipt.snapshot in limits.failed)[: limits.most]


def replicate(
    place: Workplace,
    limits: Limits | None = None,
    progress: Callable[[str], None] | None = None,
    keep_open: Iterable[int] = (),
) -> Replicated:
    """Bring REMOTE's repository up to LOCAL's ledger. The caller holds the source's two locks."""
    upstream = local_ledger.upstream_of(place)
    limits = limits or Limits()
    own = place.ledger()
    shipped = local_ledger.fetch(place, upstream, limits.budget)
    result = Replicated(shipped.comparison, hashlib.sha256(shipped.body).hexdigest())
    own = local_ledger.keep(place, own, shipped)
    own = amending.take_over(
        place, own, shipped.ledger, lambda entry: local_ledger.in_window(entry, shipped, own)
    )
    disk = set(on_disk(place.location))
    live = {receipt.snapshot for receipt in own.live()}
    result.lost = sorted(live - disk)
    todo = to_copy(shipped.ledger, own)
    result.pending = len(todo)
    if not todo and disk <= live:
        return result
    access = replace(upstream.access, key_hint=shipped.pull_key)
    series = place.source.series
    on_text = (lambda text: progress(f"{series}: {text}")) if progress is not None else None
    with ExitStack() as turn:
        if todo:
            patience = limits.budget.left(locking.TURN_PATIENCE)
            turn.enter_context(locking.turn(place.config, "copy", COPIES, patience))
        copier = _Copier(place, access, shipped, own, limits, result, tuple(keep_open), on_text)
        copier.bring(todo)
    return result


@contextmanager
def _unfinished(place: Workplace) -> Iterator[bool]:
    """Remember that a copy has begun until it has come to its end; whether an earlier one did not."""
    mark = os.path.join(
        place.config.state_directory, "pulls", f"{place.source.commune}.{place.source.name}.copying"
    )
    cut_off = os.path.exists(mark)
    make_folder(os.path.dirname(mark))
    if not cut_off:
        write_durably(mark, b"")
    yield cut_off
    os.unlink(mark)


def _remove_torn(location: str) -> None:
    """Take away the packs that a restic was writing when it was killed: it begins them under such a name, and
    nobody else ever would. Both locks are held, so that none is being written now."""
    for path in glob.iglob(os.path.join(glob.escape(location), "data", "*", "*-tmp-*")):
        if _TORN.fullmatch(os.path.basename(path)):
            os.unlink(path)


class _Copier:
    """Copies snapshots one by one and records each as soon as it is here."""

    def __init__(
        self,
        place: Workplace,
        access: RepositoryAccess,
        shipped: Shipped,
        own: Ledger,
        limits: Limits,
        result: Replicated,
        keep_open: tuple[int, ...],
        on_text: Callable[[str], None] | None,
    ) -> None:
        self._place = place
        self._access = access
        self._shipped = shipped
        self._own = own
        self._limits = limits
        self._result = result
        self._keep_open = keep_open
        self._on_text = on_text
        self._store = storage_health.read(place.config.state_directory)
        self._here = snapshots.read_all(place.repository(own), keep_open)

    def bring(self, todo: Sequence[Receipt]) -> None:
        result = self._result
        live = {receipt.snapshot for receipt in self._own.live()}
        orphans = {one.id for one in self._here if one.id not in live}
        if todo:
            self._bring(todo)
        result.unknown = sorted(orphans - {str(one["snapshot"]) for one in result.copied})
        result.pending = len(todo) - len(result.copied)

    def _bring(self, todo: Sequence[Receipt]) -> None:
        result, limits = self._result, self._limits
        # Without a cache: restic would keep it where LOCAL's repository says.
        source = Repository(self._access, cache_directory=None)
        there = self._listed(source)
        result.absent = [receipt.snapshot for receipt in todo if receipt.snapshot not in there]
        result.waiting = [one.snapshot for one in todo if one.snapshot in there and limits.waits(one)]
        batch = chosen([one for one in todo if one.snapshot not in result.waiting], there, limits)
        result.left = len(todo) - len(result.absent) - len(result.waiting) - len(batch)
        patience = limits.budget.left(READ_TIMEOUT)
        found, unread = snapshots.read(source, [one.snapshot for one in batch], patience, patience)
        for receipt in batch:
            if limits.budget.spent:
                result.out_of_time = True
                return
            if len(result.failed) >= MOST_FAILURES and not result.copied:
                result.failed.setdefault(receipt.snapshot, "not tried: the ones before failed")
                continue
            original = found.get(receipt.snapshot)
            if original is None:
                result.failed[receipt.snapshot] = unread.get(receipt.snapshot, "not read: it took too long")
                continue
            full = storage_health.room(self._store, self._place.location, receipt.added)
            if full is not None:
                result.failed[receipt.snapshot] = full
                continue
            try:
                self._record(receipt, original, self._copied(original))
            except restic.ResticError as error:
                result.failed[receipt.snapshot] = one_line(str(error), 300)
                if error.code in HOPELESS:
                    break
        result.out_of_time = limits.budget.spent and len(result.copied) < len(batch)

    def _listed(self, source: Repository) -> set[str]:
        """What is in LOCAL's repository: one call, however much that is, which opens none of it."""
        done = restic.run(source.list_snapshots(), self._limits.budget.left(READ_TIMEOUT))
        restic.checked(done, "listing LOCAL's snapshots")
        return set(done.stdout.decode("ascii", "replace").split())

    def _copied(self, original: Snapshot) -> Snapshot:
        """The copy of one snapshot here, made now or by an earlier run that did not live to record it."""
        copies = [one for one in self._here if one.same_backup(original)]
        for one in copies:
            if one.original == original.id:
                return one
        before = set(on_disk(self._place.location))
        repository = self._place.repository(self._own)
        what = f"copying {original.id[:8]}"
        with _unfinished(self._place) as cut_off:
            if cut_off:
                _remove_torn(self._place.location)
                self._take_up(repository)
            self._run(repository, repository.copy(self._access, [original.id]), what)
        new = set(on_disk(self._place.location)) - before
        if len(new) == 1:
            return snapshots.read_one(repository, new.pop())
        if not new and copies:
            return copies[0]
        raise restic.ResticError(f"{what}: restic said it was done, but {len(new)} snapshots came", restic.OK)

    def _take_up(self, repository: Repository) -> None:
        """Put what an earlier copy brought into the index, which restic writes at the end of one."""
        try:
            self._run(repository, repository.repair_index(), "taking up what was copied in part")
        except restic.ResticError as error:
            # A dead process's lock counts as alive while another process has its number. What was brought
            # then comes again, which costs time and nothing else; a copy does not need to be alone.
            if error.code != restic.LOCKED:
                raise

    def _run(self, repository: Repository, command: restic.Command, what: str) -> None:
        result = self._ran(command)
        if result.code == restic.LOCKED:
            # Both our locks are held, and restic would have kept them: whoever left this lock is dead.
            unlocked = restic.run(repository.unlock(), 600, keep_open=self._keep_open)
            restic.checked(unlocked, "removing a stale lock")
            result = self._ran(command)
        restic.checked(result, what)

    def _ran(self, command: restic.Command) -> restic.Result:
        return restic.run(
            command,
            self._limits.budget.left(COPY_TIMEOUT),
            on_text=self._on_text,
            keep_open=self._keep_open,
            stall=STALL,
            doubt=self._too_full,
        )

    def _too_full(self) -> str | None:
        """Why no more should come, asked while it comes: the size in LOCAL's ledger is but a claim."""
        location = self._place.location
        full = storage_health.room(self._store, location)
        if full is None:
            disk = shutil.disk_usage(location)
            if disk.free < LEFT_FREE * disk.total:
                full = f"{location}: only {disk.free / 1e9:.1f} GB are left on the disk"
        return full

    def _record(self, receipt: Receipt, original: Snapshot, copy: Snapshot) -> None:
        if not copy.same_backup(original):
            raise BackupError(
                f"the copy {copy.id[:8]} of {original.id[:8]} is another backup than its original"
            )
        if copy not in self._here:
            self._here.append(copy)
        place = self._place
        link = {"original": original.id, "original_seq": receipt.seq}
        unreported = {} if receipt.reported else {"reported": False}
        drafts: list[Draft] = []
        if all(one.snapshot != copy.id for one in self._own.live()):
            arrived = local_ledger.received_at(receipt, self._shipped, self._own, place.clock.now())
            fields = snapshots.receipt_fields(
                copy, place.source.series, arrived, receipt.outcome, **link, **unreported
            )
            fields["kind"] = original.kind
            drafts.append(place.draft("receipt", fields, "pulled from LOCAL"))
        drafts.append(place.draft("replicated", {"snapshot": copy.id, **link}))
        self._result.copied.append({"original": original.id, "snapshot": copy.id, "size": copy.size})
        self._own = place.append(drafts)
