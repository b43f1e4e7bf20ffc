# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to disks, and above all what is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import (
    BackupError,
    InputError,
    RefusedError,
)
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.storage import carry_out
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.storage.model import (
    Disk,
    Member,
    Store,
    Wanted,
)
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.storage.plan import (
    Found,
    Plan,
    Wipe,
    plan,
    room_for,
)

TB = 10**12
NAMES = tuple(f"/dev/disk/by-id/disk-{letter}" for letter in "abcdef")
A, B, C, D = NAMES[:4]
UUID = "2ee22a8f-2d22-4406-9754-c63f9985713b"
LABEL = "ccpp-backup:test"


def disk(name: str, **changes: Any) -> Disk:
    return replace(Disk(name, f"/dev/{name[-1]}", size=4 * TB), **changes)


def of_store(name: str, **changes: Any) -> Disk:
    return disk(name, signatures=("btrfs",), uuid=UUID, label=LABEL, **changes)


def member(name: str, devid: int, **changes: Any) -> Member:
    return replace(Member(devid, f"/dev/{name[-1]}", 4 * TB, TB, 4 * TB), **changes)


def store(*members: Member, **changes: Any) -> Store:
    profiles = {"Data": {"raid1": TB}, "Metadata": {"raid1": 10**9}, "System": {"raid1": 10**7}}
    return replace(Store(UUID, LABEL, members, profiles, quota="squota"), **changes)


def wanted(*names: str, **changes: Any) -> Wanted:
    return replace(Wanted(names, label=LABEL), **changes)


def found(*disks: Disk, **changes: Any) -> Found:
    return replace(Found(disks), **changes)


def healthy(*disks: Disk, **changes: Any) -> Found:
    return found(*disks, store=store(member(A, 1), member(B, 2)), known=UUID, **changes)


def sentences(planned: Plan) -> list[str]:
    return planned.sentences


def test_two_empty_disks_become_a_mirror_with_quotas() -> None:
    assert sentences(plan(wanted(A, B), found(disk(A), disk(B)))) == [
        f"make the store, a mirror of {A} and {B}",
        "mount the store",
        "turn simple quotas on",
    ]


def test_a_store_that_is_as_wanted_needs_nothing() -> None:
    planned = plan(wanted(A, B), healthy(of_store(A), of_store(B)))
    assert (planned.sentences, planned.notes) == ([], [])


def test_without_disks_there_is_nothing_to_do() -> None:
    assert sentences(plan(wanted(), found())) == []


def test_disks_that_vanish_from_the_file_are_not_abandoned() -> None:
    with pytest.raises(InputError, match="name them again"):
        plan(wanted(), found(known=UUID))


@pytest.mark.parametrize("signature", ["ext4", "gpt", "LVM2_member", "btrfs", "swap", "crypto_LUKS"])
def test_a_disk_with_any_signature_is_refused(signature: str) -> None:
    with pytest.raises(RefusedError, match=rf"{B}: holds {signature}; to lose that"):
        plan(wanted(A, B), found(disk(A), disk(B, signatures=(signature,))))


def test_a_disk_named_for_wiping_is_wiped_and_no_other() -> None:
    disks = found(disk(A), disk(B, signatures=("ext4 'photos'",)))
    assert sentences(plan(wanted(A, B), disks, wipe=[B]))[0] == f"wipe {B} (ext4 'photos')"
    with pytest.raises(RefusedError):
        plan(wanted(A, B), disks, wipe=[A])


def test_wiping_a_disk_that_is_none_of_the_stores_is_a_mistake() -> None:
    with pytest.raises(InputError, match=f"wipe: {C} is none of the disks"):
        plan(wanted(A, B), found(disk(A), disk(B)), wipe=[C])


def test_a_disk_of_the_store_is_never_wiped_even_when_named() -> None:
    assert sentences(plan(wanted(A, B), healthy(of_store(A), of_store(B)), wipe=[A, B])) == []
    unmounted = found(of_store(A), of_store(B), known=UUID)
    assert sentences(plan(wanted(A, B), unmounted, wipe=[A, B])) == ["mount the store"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"used_by": ("/",)}, "is in use"),
        ({"used_by": ("/dev/md0",), "signatures": ("linux_raid_member",)}, "is in use"),
        ({"read_only": True}, "can only be read"),
        ({"kind": "lvm"}, "is not a disk"),
    ],
)
def test_a_disk_that_somebody_uses_is_refused_even_when_named_for_wiping(
    changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(RefusedError, match=reason):
        plan(wanted(A, B), found(disk(A), disk(B, **changes)), wipe=[B])


def test_a_disk_that_is_not_there_is_said_so() -> None:
    with pytest.raises(BackupError, match=f"{B}: there is no such disk"):
        plan(wanted(A, B), found(disk(A), Disk(B, None)))


def test_a_folder_with_something_in_it_is_not_mounted_over() -> None:
    with pytest.raises(RefusedError, match="holds repositories, which a mount would hide"):
        plan(wanted(A, B), found(disk(A), disk(B), kept="repositories"))


def test_a_machine_set_up_anew_finds_its_store_by_the_label() -> None:
    assert sentences(plan(wanted(A, B), found(of_store(A), of_store(B)))) == ["mount the store"]


def test_a_store_of_another_machine_is_not_taken_for_ones_own() -> None:
    other = {"signatures": ("btrfs 'ccpp-backup:other'",), "uuid": "other", "label": "ccpp-backup:other"}
    with pytest.raises(RefusedError, match="holds btrfs 'ccpp-backup:other'"):
        plan(wanted(A, B), found(disk(A, **other), disk(B, **other)))


def test_an_empty_store_does_not_quietly_take_the_place_of_a_lost_one() -> None:
    with pytest.raises(RefusedError, match="none of the disks holds the store"):
        plan(wanted(A, B), found(disk(A), disk(B), known=UUID))


def test_disks_of_two_stores_are_refused() -> None:
    other = replace(of_store(B), uuid="other")
    with pytest.raises(RefusedError, match="two different stores"):
        plan(wanted(A, B), found(of_store(A), other))


def test_something_else_on_the_mount_point_is_refused() -> None:
    stranger = store(member(A, 1), member(B, 2), uuid="other", label="other")
    with pytest.raises(RefusedError, match="another file system is mounted"):
        plan(wanted(A, B), found(disk(A), disk(B), store=stranger))


def test_an_old_kernel_is_told_in_one_line() -> None:
    with pytest.raises(BackupError, match=r"the kernel is 6\.1: simple quotas need Linux 6\.7"):
        plan(wanted(A, B), found(disk(A), disk(B), kernel=(6, 1)))


def degraded(*disks: Disk, size: int = 4 * TB, **changes: Any) -> Found:
    gone = Member(2, None, size, TB)
    return found(*disks, store=store(member(A, 1), gone, **changes), known=UUID)


def test_a_degraded_mirror_without_a_new_disk_is_a_note_and_no_failure() -> None:
    planned = plan(wanted(A, B), degraded(of_store(A), Disk(B, None)))
    assert planned.sentences == []
    assert "backups go on with one copy of each byte" in planned.notes[0]


def test_a_disk_that_died_in_use_is_no_new_disk() -> None:
    dead = store(member(A, 1), member(B, 2, device_size=0))
    planned = plan(wanted(A, B), found(of_store(A), Disk(B, "/dev/b", size=0), store=dead, known=UUID))
    assert (planned.sentences, len(planned.notes)) == ([], 1)


def test_a_failed_disk_is_replaced_by_the_one_named_in_its_stead() -> None:
    planned = plan(wanted(A, C), degraded(of_store(A), disk(C)))
    assert planned.sentences == [f"replace the failed disk 2 by {C}"]


def test_chunks_written_while_degraded_get_their_second_copy() -> None:
    profiles = {"Data": {"raid1": TB, "single": 3 * 10**9}, "Metadata": {"raid1": 10**9}}
    planned = plan(wanted(A, C), degraded(of_store(A), disk(C), profiles=profiles))
    assert planned.sentences[1:] == ["bring 3.00 GB that are on one disk alone onto two"]


def test_a_new_disk_with_a_signature_is_refused_also_in_a_degraded_mirror() -> None:
    with pytest.raises(RefusedError, match="holds ext4"):
        plan(wanted(A, C), degraded(of_store(A), disk(C, signatures=("ext4",))))
    planned = plan(wanted(A, C), degraded(of_store(A), disk(C, signatures=("ext4",))), wipe=[C])
    assert planned.sentences == [f"wipe {C} (ext4)", f"replace the failed disk 2 by {C}"]


def test_a_smaller_disk_that_suffices_is_added_and_the_missing_one_taken_out() -> None:
    planned = plan(wanted(A, C), degraded(of_store(A), disk(C, size=2 * TB)))
    assert planned.sentences == [f"add {C}", "take the missing disk out of the store"]


def test_a_disk_too_small_for_what_is_stored_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"too small \(500\.00 GB\) for what the store holds"):
        plan(wanted(A, C), degraded(of_store(A), disk(C, size=TB // 2)))


def test_a_mirror_of_three_goes_on_as_one_of_two_when_the_file_says_so() -> None:
    three = store(member(A, 1), member(B, 2), Member(3, None, 4 * TB, TB))
    disks = found(of_store(A), of_store(B), store=three, known=UUID)
    assert sentences(plan(wanted(A, B), disks)) == ["take the missing disk out of the store"]


def test_a_healthy_disk_is_replaced_when_a_new_one_takes_its_name_in_the_file() -> None:
    assert sentences(plan(wanted(A, C), healthy(of_store(A), disk(C)))) == [f"replace /dev/b by {C}"]


def test_a_disk_of_the_store_is_not_dropped_for_nothing() -> None:
    three = store(member(A, 1), member(B, 2), member(C, 3))
    with pytest.raises(RefusedError, match="/dev/c: is a disk of the store, but not named"):
        plan(wanted(A, B), found(of_store(A), of_store(B), store=three, known=UUID))


def test_a_pair_of_disks_more_grows_the_store_online() -> None:
    disks = healthy(of_store(A), of_store(B), disk(C), disk(D))
    assert sentences(plan(wanted(A, B, C, D), disks)) == [f"add {C}", f"add {D}"]


def test_one_disk_more_needs_what_is_there_to_be_spread() -> None:
    full = store(member(A, 1, allocated=39 * TB // 10), member(B, 2, allocated=39 * TB // 10))
    disks = found(of_store(A), of_store(B), disk(C), store=full, known=UUID)
    assert sentences(plan(wanted(A, B, C), disks)) == [f"add {C}", "spread what is there over all disks"]


def test_a_single_disk_becomes_a_mirror_when_a_second_one_is_named() -> None:
    profiles = {"Data": {"single": TB}, "Metadata": {"dup": 10**9}, "System": {"dup": 10**7}}
    alone = found(of_store(A), disk(B), store=store(member(A, 1), profiles=profiles), known=UUID)
    assert sentences(plan(wanted(A, B), alone)) == [
        f"add {B}",
        "bring 1.00 TB that are on one disk alone onto two",
    ]


def test_a_mirror_does_not_become_a_single_disk() -> None:
    with pytest.raises(RefusedError, match="the store is a mirror and stays one"):
        plan(wanted(A, single=True), degraded(of_store(A)))


def test_a_disk_that_has_grown_is_used_whole() -> None:
    grown = store(member(A, 1, device_size=5 * TB), member(B, 2))
    disks = found(of_store(A), of_store(B), store=grown, known=UUID)
    assert sentences(plan(wanted(A, B), disks)) == ["use all of /dev/a, which has grown"]


def test_nothing_long_is_begun_while_something_is_under_way() -> None:
    planned = plan(wanted(A, C), replace(degraded(of_store(A), disk(C)), busy="device replace"))
    assert (planned.sentences, planned.notes) == ([], ["under way: device replace"])


def test_full_quotas_are_refused() -> None:
    full = store(member(A, 1), member(B, 2), quota="qgroup")
    with pytest.raises(RefusedError, match="btrfs quota disable"):
        plan(wanted(A, B), found(of_store(A), of_store(B), store=full, known=UUID))


@pytest.mark.parametrize(
    ("names", "single", "complaint"),
    [
        (("/dev/sdb", A), False, "not a stable name"),
        (("/dev/disk/by-id/../../sda", A), False, "not a stable name"),
        ((A, A), False, "is there twice"),
        ((A,), False, "no mirror"),
        ((A, B), True, "several disks"),
    ],
)
def test_disks_that_cannot_be_meant_are_refused(names: tuple[str, ...], single: bool, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        plan(wanted(*names, single=single), found())


def test_disks_too_small_for_what_is_promised_are_refused_before_they_are_touched() -> None:
    assert room_for(wanted(A, B), found(disk(A), disk(B)), 4 * TB) is None
    said = room_for(wanted(A, B), found(disk(A), disk(B, size=2 * TB)), 4 * TB)
    assert said == "the disks hold 2.00 TB, and 4.00 TB are promised: add disks, or larger ones"


def test_a_degraded_mirror_still_holds_what_was_promised() -> None:
    assert room_for(wanted(A, B), degraded(of_store(A), Disk(B, None)), 4 * TB) is None
    assert room_for(wanted(A, C), degraded(of_store(A), disk(C)), 4 * TB) is None


SIGNATURES = st.lists(st.sampled_from(["ext4", "gpt", "btrfs", "swap"]), max_size=2).map(tuple)
ANY_DISK = st.builds(
    lambda name, size, signatures, uuid, used: disk(
        name, size=size, signatures=signatures, uuid=uuid if "btrfs" in signatures else None, used_by=used
    ),
    st.sampled_from(NAMES),
    st.sampled_from([0, TB, 4 * TB]),
    SIGNATURES,
    st.sampled_from([UUID, "other"]),
    st.sampled_from([(), ("/mnt",)]),
)


@given(
    st.lists(ANY_DISK, min_size=2, max_size=5, unique_by=lambda one: one.name),
    st.sets(st.sampled_from(NAMES)),
    st.booleans(),
    st.lists(st.tuples(st.sampled_from(NAMES), st.booleans()), max_size=3, unique_by=lambda one: one[0]),
)
def test_whatever_is_there_no_plan_writes_over_a_disk_that_holds_something(
    disks: list[Disk], wipe: set[str], mounted: bool, members: list[tuple[str, bool]]
) -> None:
    names = tuple(one.name for one in disks)
    there = tuple(
        member(name, number, path=f"/dev/{name[-1]}" if alive else None)
        for number, (name, alive) in enumerate(members, 1)
    )
    facts = found(*disks, store=store(*there) if mounted else None, known=UUID if mounted else None)
    allowed = wipe & set(names)
    try:
        planned = plan(wanted(*names), facts, allowed)
    except BackupError:
        return
    members_paths = {one.path for one in there} if mounted else set()
    wiped = {step.disk.name for step in planned.quick if isinstance(step, Wipe)}
    by_path = {one.path: one for one in disks}
    assert wiped <= allowed
    for step in (*planned.quick, *planned.long):
        for command in carry_out.commands(step, "/srv/backup"):
            for word in command:
                target = by_path.get(word)
                if target is not None:
                    assert target.name in wiped or not target.signatures
                    assert not target.used_by
                    assert target.path not in members_paths
