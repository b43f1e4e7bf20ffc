# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lsblk, wipefs and btrfs said on a Debian 13 machine (btrfs-progs 6.14), as values."""

from __future__ import annotations

import json

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.storage import parse
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.storage.model import Member, Store

SHOW = """Label: 'ccpp-backup:local'  uuid: 2ee22a8f-2d22-4406-9754-c63f9985713b
\tTotal devices 2 FS bytes used 163840
\tdevid    1 size 1288490188800 used 2155872256 path /dev/loop0
\tdevid    2 size 1288490188800 used 2155872256 path /dev/loop1
"""
DEGRADED = SHOW.replace(
    "size 1288490188800 used 2155872256 path /dev/loop1", "size 0 used 0 path <missing disk> MISSING"
)
USAGE = """/dev/loop3, ID: 1
   Device size:          1073741824
   Device slack:                  0
   Data,RAID1:            543555584
   Metadata,RAID1:        107347968
   System,RAID1:            8388608
   Unallocated:           414449664

<missing disk>, ID: 2
   Device size:                   0
   Device slack:                  0
   Data,RAID1:            543555584
   Metadata,RAID1:        107347968
   System,RAID1:            8388608
   Unallocated:           414449664

"""
SCRUB = """UUID:             73b0ca14-53ac-4269-bec9-dc90e0674cc0
Scrub started:    Tue Nov 24 00:20:55 2026
Status:           finished
Duration:         0:00:01
\tdata_bytes_scrubbed: 83886080
\tcsum_errors: 10240
\tuncorrectable_errors: 0
\tcorrected_errors: 10280
"""


def test_the_disks_of_a_store_are_read() -> None:
    label, uuid, members = parse.members(SHOW)
    assert (label, uuid) == ("ccpp-backup:local", "2ee22a8f-2d22-4406-9754-c63f9985713b")
    assert members == [
        Member(1, "/dev/loop0", 1288490188800, 2155872256),
        Member(2, "/dev/loop1", 1288490188800, 2155872256),
    ]


def test_a_missing_disk_has_no_path_but_a_size() -> None:
    assert parse.members(DEGRADED)[2][1] == Member(2, None, 0, 0)
    assert parse.device_sizes(USAGE) == {1: 1073741824, 2: 1073741824}


def test_what_is_no_file_system_is_said_so() -> None:
    with pytest.raises(BackupError, match="is no file system"):
        parse.members("ERROR: not a btrfs filesystem: /srv\n")


def test_the_profiles_of_a_store_are_added_up_without_the_reserve() -> None:
    entries = [
        ("Data", "RAID1", 543555584),
        ("Data", "single", 1073741824),
        ("Metadata", "RAID1", 107347968),
        ("System", "RAID1", 8388608),
        ("GlobalReserve", "single", 5767168),
    ]
    listed = [{"bg-type": kind, "bg-profile": name, "total": size, "used": 0} for kind, name, size in entries]
    profiles = parse.profiles(json.dumps({"filesystem-df": listed}))
    assert profiles["Data"] == {"raid1": 543555584, "single": 1073741824}
    assert "GlobalReserve" not in profiles
    assert Store("u", "l", (), profiles).stray("mirror") == 1073741824
    assert Store("u", "l", (), {"Data": {"raid1": 1}, "Metadata": {"raid1": 1}}).stray("mirror") == 0


def test_errors_are_told_by_disk_and_kind_without_the_zeros() -> None:
    clean = dict.fromkeys(parse.ERRORS, 0)
    stats = [
        {"device": "/dev/loop0", "devid": 1, **clean},
        {"device": "<missing disk>", "devid": 2, **clean, "write_io_errs": 29, "corruption_errs": 3},
    ]
    assert parse.error_counts(json.dumps({"device-stats": stats})) == {
        1: {},
        2: {"write": 29, "corruption": 3},
    }


def test_a_group_of_a_place_has_the_path_of_its_subvolume() -> None:
    listed = [
        {
            "qgroupid": "0/256",
            "referenced": 16384,
            "max_referenced": "none",
            "path": "aa",
            "parents": ["1/256"],
        },
        {"qgroupid": "1/256", "referenced": 99, "max_referenced": 1000, "path": "", "parents": []},
    ]
    small, whole = parse.quota_groups(json.dumps({"qgroup-show": listed}))
    assert small == {"id": "0/256", "path": "aa", "used": 16384, "limit": None, "parents": ["1/256"]}
    assert whole == {"id": "1/256", "path": "aa", "used": 99, "limit": 1000, "parents": []}


def test_signatures_are_named_and_none_is_none() -> None:
    found = [{"device": "loop0", "offset": "0x10040", "type": "btrfs", "uuid": "u", "label": "l"}]
    assert parse.signatures(json.dumps({"signatures": found}))[0]["type"] == "btrfs"
    assert parse.signatures(json.dumps({"signatures": []})) == []
    assert parse.signatures("") == []


def test_a_disk_is_in_use_by_its_mounts_and_by_what_was_made_of_its_partitions() -> None:
    disk = {
        "path": "/dev/sda",
        "mountpoints": [None],
        "children": [
            {"path": "/dev/sda1", "mountpoints": ["/boot"]},
            {
                "path": "/dev/sda2",
                "mountpoints": [None],
                "children": [{"path": "/dev/md0", "mountpoints": []}],
            },
        ],
    }
    assert parse.used_by(disk) == ("/boot", "/dev/md0")
    assert parse.used_by({"path": "/dev/sdb", "mountpoints": []}) == ()


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        ({"path": "/dev/loop0", "type": "loop"}, "a virtual disk (loop)"),
        ({"path": "/dev/vda", "type": "disk"}, "a virtual disk (disk)"),
        (
            {"path": "/dev/sda", "type": "disk", "vendor": "QEMU", "model": "HARDDISK"},
            "a virtual disk (QEMU HARDDISK)",
        ),
        ({"path": "/dev/sda1", "type": "part"}, "a partition; SMART is that of its disk"),
        ({"path": "/dev/sda", "type": "disk", "vendor": "ATA", "model": "WDC WD40EFRX"}, None),
        ({"path": "/dev/nvme0n1", "type": "disk", "vendor": None, "model": "Samsung SSD 990"}, None),
    ],
)
def test_why_smart_cannot_know_a_disk(device: dict[str, str], reason: str | None) -> None:
    assert parse.virtual(device) == reason


def test_the_numbers_of_a_scrub_are_read() -> None:
    counts = parse.scrub_counts(SCRUB)
    assert counts["csum_errors"] == 10240
    assert counts["corrected_errors"] == 10280
    assert counts["uncorrectable_errors"] == 0


@pytest.mark.parametrize(
    ("release", "version"),
    [("6.12.43+deb13-amd64", (6, 12)), ("6.7", (6, 7)), ("5.10.0-1", (5, 10)), ("?", (0, 0))],
)
def test_a_kernels_release_is_its_first_two_numbers(release: str, version: tuple[int, int]) -> None:
    assert parse.kernel(release) == version


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "ERROR: no\n"])
def test_what_is_no_json_object_is_one_line(text: str) -> None:
    with pytest.raises(BackupError):
        parse.document(text, "btrfs")
