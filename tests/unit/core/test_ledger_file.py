# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger on disk: torn lines, locks, full disks, and what a kill leaves."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import ledger_file
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError, InputError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.ledger import Draft, LedgerBroken, parse
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.ledger_file import LedgerFile

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def entry(n: int = 1) -> Draft:
    return Draft("verified", "verify", NOON, None, {"n": n})


@pytest.fixture
def file(tmp_path: Path) -> LedgerFile:
    return LedgerFile(tmp_path / "accueil.jsonl", lock_timeout=0.2)


def content(file: LedgerFile) -> bytes:
    return Path(file.path).read_bytes()


def test_a_ledger_that_does_not_exist_yet_is_empty_and_reading_does_not_make_it(file: LedgerFile) -> None:
    assert file.read().entries == ()
    assert os.listdir(Path(file.path).parent) == []


def test_what_is_appended_is_read_back_in_order(file: LedgerFile) -> None:
    file.append([entry(1), entry(2)])
    ledger = file.append([entry(3)])
    assert [e.fields["n"] for e in ledger.entries] == [1, 2, 3]
    assert file.read() == ledger == parse(content(file))


def test_the_file_is_readable_for_its_group_only_whatever_the_umask(file: LedgerFile) -> None:
    before = os.umask(0o077)
    try:
        file.append([entry()])
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(file.path).st_mode) == 0o640


def test_appending_nothing_writes_nothing(file: LedgerFile) -> None:
    file.append([])
    assert not os.path.exists(file.path)


def test_a_torn_last_line_is_put_aside_and_the_recovery_recorded(file: LedgerFile) -> None:
    file.append([entry(1)])
    whole = content(file)
    Path(file.path).write_bytes(whole + b'{"seq":2,"at"')
    assert file.read().torn == b'{"seq":2,"at"'
    ledger = file.append([entry(2)])
    assert [e.act for e in ledger.entries] == ["verified", "recovered", "verified"]
    recovery = ledger.entries[1]
    assert recovery.who == "ccpp-backup"
    assert recovery.at == NOON
    kept = f"accueil.jsonl.torn-20260302T120000-{len(whole)}"
    assert recovery.fields == {"kept": kept, "bytes": 13, "begins": '{"seq":2,"at"'}
    aside = Path(file.path).with_name(kept)
    assert aside.read_bytes() == b'{"seq":2,"at"'
    assert stat.S_IMODE(aside.stat().st_mode) == 0o640
    assert content(file).startswith(whole)
    assert file.read() == ledger


def test_a_torn_line_of_nul_bytes_is_recovered_too(file: LedgerFile) -> None:
    file.append([entry(1)])
    Path(file.path).write_bytes(content(file) + b"\0" * 4096)
    assert [e.act for e in file.append([entry(2)]).entries] == ["verified", "recovered", "verified"]


def test_a_torn_line_stays_while_nothing_is_appended(file: LedgerFile) -> None:
    file.append([entry(1)])
    Path(file.path).write_bytes(content(file) + b"{")
    file.append([])
    assert content(file).endswith(b"\n{")


def test_a_broken_chain_is_never_added_to(file: LedgerFile) -> None:
    file.append([entry(1), entry(2)])
    broken = content(file).replace(b'"n":1', b'"n":7')
    Path(file.path).write_bytes(broken)
    with pytest.raises(LedgerBroken, match="line 2"):
        file.append([entry(3)])
    with pytest.raises(LedgerBroken):
        file.read()
    assert content(file) == broken


def test_an_entry_that_is_not_valid_leaves_the_file_as_it_was(file: LedgerFile) -> None:
    file.append([entry(1)])
    before = content(file)
    with pytest.raises(InputError):
        file.append([entry(2), Draft("removed", "retain", NOON, None, {})])
    assert content(file) == before


def test_a_disk_that_fills_in_mid_write_leaves_no_torn_line(
    file: LedgerFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.append([entry(1)])
    before = content(file)
    really = os.write
    monkeypatch.setattr(ledger_file.os, "write", lambda fd, data: really(fd, data[: len(data) // 2]))
    with pytest.raises(BackupError, match="cannot write the ledger: only"):
        file.append([entry(2)])
    assert content(file) == before
    monkeypatch.undo()
    assert len(file.append([entry(2)]).entries) == 2


def test_a_write_whose_fsync_fails_is_taken_back(file: LedgerFile, monkeypatch: pytest.MonkeyPatch) -> None:
    file.append([entry(1)])
    before = content(file)
    answers = iter([OSError(errno.EIO, "Input/output error"), None])

    def failing(_descriptor: int) -> None:
        answer = next(answers)
        if answer is not None:
            raise answer

    monkeypatch.setattr(ledger_file.os, "fsync", failing)
    with pytest.raises(BackupError, match="cannot write the ledger: Input/output error"):
        file.append([entry(2)])
    assert content(file) == before


def test_the_write_the_file_and_the_folder_are_synced_before_the_append_returns(
    file: LedgerFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    really = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        really(descriptor)

    monkeypatch.setattr(ledger_file.os, "fsync", noted)
    file.append([entry(1)])
    file.append([entry(2)])
    folder = str(Path(file.path).parent)
    assert synced == [file.path, folder, file.path]


def test_a_ledger_in_the_current_folder_needs_no_folder_in_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    LedgerFile("here.jsonl").append([entry(1)])
    assert (tmp_path / "here.jsonl").exists()


@pytest.mark.parametrize("name", ["accueil.jsonl", "accueil.jsonl.lock"])
def test_a_symbolic_link_in_the_place_of_the_ledger_or_its_lock_is_not_followed(
    file: LedgerFile, name: str, tmp_path: Path
) -> None:
    target = tmp_path / "elsewhere"
    (tmp_path / name).symlink_to(target)
    with pytest.raises(BackupError, match="cannot"):
        file.append([entry(1)])
    assert not target.exists()


def test_a_ledger_that_cannot_be_read_is_an_error_and_not_an_empty_one(file: LedgerFile) -> None:
    os.mkdir(file.path)
    with pytest.raises(BackupError, match="cannot read the ledger: Is a directory"):
        file.read()


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"none/x\.jsonl\.lock: cannot lock the ledger"):
        LedgerFile(tmp_path / "none" / "x.jsonl").append([entry(1)])


def test_two_writers_take_turns_and_lose_nothing(file: LedgerFile) -> None:
    patient = [LedgerFile(file.path, lock_timeout=30) for _ in range(4)]

    def work(own: LedgerFile, start: int) -> None:
        for n in range(10):
            own.append([entry(start + n)])

    threads = [threading.Thread(target=work, args=(own, 10 * n)) for n, own in enumerate(patient)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(e.fields["n"] for e in file.read().entries) == list(range(40))


def test_a_lock_that_another_holds_for_long_is_said_to_be_held(file: LedgerFile) -> None:
    other = LedgerFile(file.path)
    with other.transaction(), pytest.raises(BackupError, match=r"held the ledger for 0\.2 s"):
        file.append([entry(1)])
    file.append([entry(1)])


def test_a_transaction_reads_decides_and_appends_under_one_lock(file: LedgerFile) -> None:
    with file.transaction() as before:
        after = file.append([entry(1)])
        with pytest.raises(BackupError, match="held the ledger"):
            LedgerFile(file.path, lock_timeout=0).append([entry(2)])
        with file.transaction() as nested:
            assert nested == after
        file.append([entry(3)])
    assert before.entries == ()
    assert len(file.read().entries) == 2


def test_the_lock_is_free_after_an_error_inside_a_transaction(file: LedgerFile) -> None:
    with pytest.raises(ZeroDivisionError), file.transaction():
        raise ZeroDivisionError
    LedgerFile(file.path, lock_timeout=0).append([entry(1)])


WRITER = """
    import sys
    sys.path.insert(0, sys.argv[1])
    from datetime import UTC, datetime
    from backup_core.ledger import Draft
    from backup_core.ledger_file import LedgerFile
    file = LedgerFile(sys.argv[2], lock_timeout=30)
    n = 0
    while True:
        n += 1
        file.append([Draft("verified", "verify", datetime.now(UTC), None, {"n": n, "pad": "x" * 3000})])
        sys.stdout.write(f"{n}\\n")
        sys.stdout.flush()
"""


@pytest.mark.slow
def test_after_any_kill_every_acknowledged_entry_is_there_and_the_chain_holds(tmp_path: Path) -> None:
    package = str(Path(ledger_file.__file__).parent.parent)
    path = tmp_path / "accueil.jsonl"
    acknowledged = 0
    for turn in range(8):
        writer = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WRITER), package, str(path)], stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        seen = [writer.stdout.readline() for _ in range(3 + turn)]
        writer.send_signal(signal.SIGKILL)
        seen += writer.stdout.read().splitlines()
        writer.stdout.close()
        writer.wait()
        acknowledged += len([line for line in seen if line.strip()])
        present = [e for e in LedgerFile(path).read().entries if e.act == "verified"]
        assert len(present) >= acknowledged
        acknowledged = len(present)


def test_the_package_loads_where_there_is_no_flock(monkeypatch: pytest.MonkeyPatch, file: LedgerFile) -> None:
    # Windows workstations load the core for their own runs; they keep no ledger.
    monkeypatch.setitem(sys.modules, "fcntl", None)
    assert file.read().entries == ()


def test_the_open_file_is_closed_whatever_happens(file: LedgerFile, monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(os.listdir("/proc/self/fd"))
    file.append([entry(1)])

    def refused(*_args: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(ledger_file.os, "ftruncate", refused)
    monkeypatch.setattr(ledger_file.os, "write", refused)
    with pytest.raises(BackupError):
        file.append([entry(2)])
    assert set(os.listdir("/proc/self/fd")) == before
