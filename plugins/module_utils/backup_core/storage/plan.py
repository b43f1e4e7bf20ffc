# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do to a server's disks so that the store is as the commune's file wants it. Pure.

Nothing that holds anything is written over: a disk with any signature is refused unless it is named for
wiping in this very run, and a disk of the store never is. Quick steps are done at once; long ones (hours on
real disks) by the machine itself, one after the other, each planned anew from what is found then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..errors import BackupError, InputError, RefusedError
from .model import Disk, Member, Store, Wanted, validate
from .sizes import capacity, human, lopsided, mirror_capacity

# Simple quotas came with Linux 6.7.
KERNEL = (6, 7)
# Below this, a device that is larger than btrfs thinks is rounding.
WORTH_GROWING = 64 * 10**6
USABLE = ("disk", "part", "loop", "rom", "mpath")


@dataclass(frozen=True)
class Wipe:
    disk: Disk

    def __str__(self) -> str:
        return f"wipe {self.disk.name} ({', '.join(self.disk.signatures)})"


@dataclass(frozen=True)
class Make:
    disks: tuple[Disk, ...]
    wanted: Wanted

    def __str__(self) -> str:
        names = " and ".join(disk.name for disk in self.disks)
        return f"make the store, {'on the single disk' if self.wanted.single else 'a mirror of'} {names}"


@dataclass(frozen=True)
class Mount:
    def __str__(self) -> str:
        return "mount the store"


@dataclass(frozen=True)
class EnableQuotas:
    def __str__(self) -> str:
        return "turn simple quotas on"


@dataclass(frozen=True)
class Grow:
    member: Member

    def __str__(self) -> str:
        return f"use all of {self.member.path}, which has grown"


@dataclass(frozen=True)
class Replace:
    member: Member
    disk: Disk

    def __str__(self) -> str:
        old = self.member.path if self.member.present else f"the failed disk {self.member.devid}"
        return f"replace {old} by {self.disk.name}"


@dataclass(frozen=True)
class Add:
    disk: Disk

    def __str__(self) -> str:
        return f"add {self.disk.name}"


@dataclass(frozen=True)
class DropMissing:
    def __str__(self) -> str:
        return "take the missing disk out of the store"


@dataclass(frozen=True)
class Convert:
    wanted: Wanted
    stray: int

    def __str__(self) -> str:
        return f"bring {human(self.stray)} that are on one disk alone onto two"


@dataclass(frozen=True)
class Spread:
    def __str__(self) -> str:
        return "spread what is there over all disks"


Quick = Wipe | Make | Mount | EnableQuotas | Grow
Long = Replace | Add | DropMissing | Convert | Spread


@dataclass
class Plan:
    quick: list[Quick] = field(default_factory=list)
    long: list[Long] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def sentences(self) -> list[str]:
        return [str(step) for step in (*self.quick, *self.long)]


@dataclass(frozen=True)
class Found:
    """What this machine has. known is the UUID of the store it had the last time, kept is a name that lies in
    the folder where the store would be mounted, busy says what already works on the store."""

    disks: tuple[Disk, ...]
    store: Store | None = None
    known: str | None = None
    kept: str | None = None
    busy: str | None = None
    kernel: tuple[int, int] = KERNEL


def plan(wanted: Wanted, found: Found, wipe: Iterable[str] = ()) -> Plan:
    """The steps still to be done; empty when the store is as wanted.

    Raises InputError for a file that cannot be meant, RefusedError where a step would destroy something,
    BackupError where something is not there. Nothing was changed then.
    """
    validate(wanted)
    allowed = frozenset(wipe)
    for name in sorted(allowed - set(wanted.disks)):
        raise InputError(f"wipe: {name} is none of the disks ({', '.join(wanted.disks) or 'none are named'})")
    if not wanted.disks:
        if found.store is not None or found.known is not None:
            raise InputError("disks: none are named, but this machine has a store on disks: name them again")
        return Plan()
    if found.kernel < KERNEL:
        raise BackupError(
            f"the kernel is {found.kernel[0]}.{found.kernel[1]}: simple quotas need Linux"
            f" {KERNEL[0]}.{KERNEL[1]} or later (Debian 13 has it)"
        )
    if found.store is None:
        return _unmounted(wanted, found, allowed)
    return _mounted(wanted, found, found.store, allowed)


def _unmounted(wanted: Wanted, found: Found, allowed: frozenset[str]) -> Plan:
    if found.kept is not None:
        raise RefusedError(
            f"{wanted.mount_point} holds {found.kept}, which a mount would hide: move that aside first"
            " (docs/storage.md says how to move a store onto disks)"
        )
    ours = [disk for disk in found.disks if _is_ours(disk, wanted, found.known)]
    stores = {disk.uuid for disk in ours}
    if len(stores) > 1:
        names = ", ".join(f"{disk.name} ({disk.uuid})" for disk in ours)
        raise RefusedError(
            f"the disks hold two different stores: {names}; leave out the one that is not meant"
        )
    if ours:
        return Plan([Mount()])
    if found.known is not None:
        raise RefusedError(
            f"none of the disks holds the store that this machine had ({found.known}): plug its disks in; if"
            " it is lost for good, remove /etc/ccpp-backup/store.json and run again to begin an empty one"
        )
    wipes = [step for disk in found.disks for step in _made_free(disk, allowed)]
    return Plan([*wipes, Make(found.disks, wanted), Mount(), EnableQuotas()])


def _is_ours(disk: Disk, wanted: Wanted, known: str | None) -> bool:
    """A machine set up anew knows its store by the label alone."""
    return disk.uuid is not None and (disk.uuid == known if known else disk.label == wanted.label)


def _made_free(disk: Disk, allowed: frozenset[str]) -> list[Quick]:
    """The steps that make a disk free, none for an empty one; raises where it must not be touched."""
    if not disk.present:
        raise BackupError(f"{disk.name}: there is no such disk on this machine")
    if disk.kind not in USABLE:
        raise RefusedError(f"{disk.name}: is not a disk but {disk.kind}")
    if disk.used_by:
        raise RefusedError(f"{disk.name}: is in use ({', '.join(disk.used_by[:3])})")
    if disk.read_only:
        raise RefusedError(f"{disk.name}: can only be read")
    if not disk.signatures:
        return []
    if disk.name not in allowed:
        raise RefusedError(
            f"{disk.name}: holds {', '.join(disk.signatures)}; to lose that, name it for wiping in one run:"
            f""" -e '{{"storage_wipe": ["{disk.name}"]}}'"""
        )
    return [Wipe(disk)]


def _mounted(wanted: Wanted, found: Found, store: Store, allowed: frozenset[str]) -> Plan:
    if found.known not in (None, store.uuid) or (found.known is None and store.label != wanted.label):
        raise RefusedError(f"{wanted.mount_point}: another file system is mounted there ({store.uuid})")
    if wanted.single and "raid1" in store.profiles.get("Data", {}):
        raise RefusedError(
            "single_disk: the store is a mirror and stays one: name its disks, without single_disk"
        )
    result = Plan()
    if store.quota == "qgroup":
        raise RefusedError(
            f"full quotas are on, which are slow: btrfs quota disable {wanted.mount_point}, then run again"
        )
    if store.quota is None:
        result.quick.append(EnableQuotas())
    result.quick += [Grow(member) for member in store.members if _has_grown(member)]
    changes = _changes(wanted, found, store, allowed, result)
    if found.busy is not None:
        result.quick = [step for step in result.quick if not isinstance(step, Grow)]
        result.notes.append(f"under way: {found.busy}")
    else:
        result.long += changes
    return result


def _has_grown(member: Member) -> bool:
    return member.present and (member.device_size or 0) - member.size >= WORTH_GROWING


def _changes(wanted: Wanted, found: Found, store: Store, allowed: frozenset[str], result: Plan) -> list[Long]:
    """The long steps. Wipes that they need first, and notes, go into the result."""
    named = {disk.path for disk in found.disks if disk.present}
    taken = {member.path for member in store.members if member.present}
    new = [disk for disk in found.disks if disk.present and disk.path not in taken]
    absent = [disk for disk in found.disks if not disk.present]
    missing = [member for member in store.members if not member.present]
    retired = [member for member in store.members if member.present and member.path not in named]
    for disk in new:
        result.quick += _made_free(disk, allowed)
    if absent and not missing:
        raise BackupError(f"{absent[0].name}: there is no such disk on this machine")

    steps: list[Long] = []
    old = [*missing, *retired]
    while old and new:
        member = old.pop(0)
        disk = _successor(member, new)
        new.remove(disk)
        if disk.size >= member.size:
            steps.append(Replace(member, disk))
        elif member.present:
            raise RefusedError(
                f"{disk.name}: is smaller ({human(disk.size)}) than {member.path} ({human(member.size)})"
            )
        else:
            _check_room(store, disk)
            steps += [Add(disk), DropMissing()]
    steps += [Add(disk) for disk in new]
    _leftovers(wanted, old, named, absent, result, steps)
    still_missing = [member for member in old if not member.present]
    stray = store.stray(wanted.kind)
    if stray and not still_missing:
        steps.append(Convert(wanted, stray))
    if not still_missing and not wanted.single and _needs_spreading(store, steps):
        steps.append(Spread())
    return steps


def _successor(member: Member, new: Sequence[Disk]) -> Disk:
    """The smallest disk that can take the member's place as it is, else the largest."""
    large = [disk for disk in new if disk.size >= member.size]
    return min(large, key=_size) if large else max(new, key=_size)


def _size(disk: Disk) -> int:
    return disk.size


def _check_room(store: Store, disk: Disk) -> None:
    sizes = [member.size for member in store.members if member.present]
    needed = sum(size for by_profile in store.profiles.values() for size in by_profile.values())
    if mirror_capacity([*sizes, disk.size]) < needed:
        raise RefusedError(
            f"{disk.name}: is too small ({human(disk.size)}) for what the store holds ({human(needed)})"
        )


def _leftovers(
    wanted: Wanted,
    old: Sequence[Member],
    named: Iterable[str | None],
    absent: Sequence[Disk],
    result: Plan,
    steps: list[Long],
) -> None:
    """What becomes of disks of the store for which there is no new one."""
    for member in old:
        if member.present:
            raise RefusedError(
                f"{member.path}: is a disk of the store, but not named: name it, or a new disk in its stead"
            )
    if not old:
        return
    if (
        not absent
        and len(set(named)) >= 2
        and not wanted.single
        and not any(isinstance(s, Replace) for s in steps)
    ):
        steps.append(DropMissing())
        return
    waiting = f" ({', '.join(disk.name for disk in absent)} not found)" if absent else ""
    result.notes.append(f"a disk of the mirror is missing{waiting}: backups go on with one copy of each byte")


def _needs_spreading(store: Store, steps: Sequence[Long]) -> bool:
    added = [step.disk.size for step in steps if isinstance(step, Add)]
    present = [member for member in store.members if member.present]
    sizes = [*(member.size for member in present), *added]
    return lopsided(sizes, [*(member.allocated for member in present), *([0] * len(added))])


def room_for(wanted: Wanted, found: Found, promised: int) -> str | None:
    """Why the disks cannot hold what was promised, or None. A disk that is missing has its place kept."""
    if found.store is not None:
        sizes = [max(member.size, member.device_size or 0) for member in found.store.members]
        devices = {member.path for member in found.store.members}
        gone = sum(not member.present for member in found.store.members)
        sizes += sorted(disk.size for disk in found.disks if disk.path not in devices)[gone:]
    else:
        sizes = [disk.size for disk in found.disks]
    holds = capacity(sizes, mirror=not wanted.single)
    if holds >= promised:
        return None
    return f"the disks hold {human(holds)}, and {human(promised)} are promised: add disks, or larger ones"
