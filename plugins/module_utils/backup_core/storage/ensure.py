# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the store into the state wanted: what is quick at once, what is long by the machine itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..errors import BackupError
from . import probe, settings
from .carry_out import carry_out
from .commands import TooSlowError, run
from .model import Wanted
from .plan import Mount, Plan, plan, room_for
from .settings import Settings


@dataclass
class Ensured:
    """What was done, or in check mode would be done, one sentence each; notes are for a person."""

    actions: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    uuid: str | None = None


def ensure(
    wanted: Wanted,
    wipe: Iterable[str] = (),
    promised: int = 0,
    patience: float = 0.0,
    check: bool = False,
) -> Ensured:
    """Make it so; with `check` only say what would be done.

    `promised` is how many bytes of quota the disks have to hold, `patience` how many seconds to wait for the
    long steps; what takes longer goes on without us.
    """
    before = settings.load()
    known = before.uuid if before is not None else None
    done = Ensured(uuid=known)
    wipe = frozenset(wipe)
    found = probe.look(wanted, known)
    steps = plan(wanted, found, wipe)
    if wanted.disks and promised:
        lacking = room_for(wanted, found, promised)
        if lacking is not None:
            raise BackupError(lacking)
    if found.store is None and wanted.disks:
        _quickly(steps, wanted, known, done, check)
        if check:
            done.actions += [str(step) for step in steps.long]
            return _noted(done, before, wanted, check)
        found = probe.look(wanted, known)
        steps = plan(wanted, found)
    _quickly(steps, wanted, known, done, check)
    done.notes += steps.notes
    done.actions += [str(step) for step in steps.long]
    done.uuid = found.store.uuid if found.store is not None else None
    _noted(done, before, wanted, check)
    if steps.long and not check:
        _mend(patience, done)
    return done


def _quickly(steps: Plan, wanted: Wanted, known: str | None, done: Ensured, check: bool) -> None:
    for step in steps.quick:
        done.actions.append(str(step))
        if not check:
            carry_out(step, wanted, None if not isinstance(step, Mount) else known)


def _noted(done: Ensured, before: Settings | None, wanted: Wanted, check: bool) -> Ensured:
    """Tell the units that look after the store what it is."""
    now = Settings(wanted, done.uuid)
    if before is None or before.text() != now.text():
        done.actions.append(f"note the store in {settings.path()}")
        if not check:
            settings.save(now)
    return done


def _mend(patience: float, done: Ensured) -> None:
    """Start the service that does the long steps, and wait for it as long as there is patience."""
    run("systemctl", "reset-failed", probe.MEND_UNIT, allowed=(0, 1))
    try:
        run("systemctl", "start", probe.MEND_UNIT, timeout=max(patience, 1.0))
    except TooSlowError:
        done.notes.append("the machine goes on with it by itself: ccpp-backup store shows how far it is")
    except BackupError:
        raise BackupError(f"the repair failed: journalctl -u {probe.MEND_UNIT} says why") from None


def is_pending() -> bool:
    """Whether there are long steps that nobody does: a run was cut off, or a disk that is named has come."""
    found = settings.load()
    if found is None or not found.wanted.disks:
        return False
    try:
        return bool(plan(found.wanted, probe.look(found.wanted, found.uuid)).long)
    except BackupError:
        return False


def mend(wanted: Wanted, uuid: str | None) -> Iterator[str]:
    """Do the long steps one after the other, each planned anew from what is found then; names each before."""
    before: str | None = None
    while True:
        found = probe.look(wanted, uuid, count_mending=False)
        steps = plan(wanted, found)
        for quick in steps.quick:
            carry_out(quick, wanted, uuid)
        if not steps.long:
            return
        step = steps.long[0]
        if str(step) == before:
            raise BackupError(f"{step}: was done, and is still to be done")
        before = str(step)
        yield before
        carry_out(step, wanted, uuid)
