# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sweep where restic, the disk or a thief does something else than usual.

restic is played by a few lines that know which objects are authentic; tests/integration has the real one.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import (
    aside,
    quarantine,
    receive,
    restic,
    seal,
    seen,
)
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
K, R = b"k" * 16, b"r" * 16
HONEST_LOCK = {"time": "2026-03-02T12:00:00Z", "exclusive": False, "hostname": "accueil"}


class Yard:
    """A repository of sealed objects, and a restic that reads those whose seal holds."""

    def __init__(self, bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bench = bench
        self.place = bench.place
        self.seal = seal.Seal(K, R)
        self.bodies: dict[str, bytes] = {}
        self.calls: list[tuple[str, ...]] = []
        self.key_works = True
        (bench.repository / "config").write_bytes(self._sealed(b"config of the repository"))
        monkeypatch.setattr(restic, "run", self.run)

    def _sealed(self, body: bytes) -> bytes:
        nonce = hashlib.md5(body, usedforsecurity=False).digest()
        return nonce + body + self.seal.mac(nonce, body)

    def put(self, kind: str, body: bytes = b"{}") -> str:
        """An authentic object that says `body`."""
        name = str(self.bench.put(kind, self._sealed(body)))
        self.bodies[name] = body
        return name

    def lock(self, **changed: object) -> str:
        return self.put("locks", json.dumps({**HONEST_LOCK, **changed}).encode())

    def garbage(self, kind: str, count: int = 1, size: int = 100) -> list[str]:
        return [str(self.bench.put(kind, b"%s %d" % (kind.encode(), n) + bytes(size))) for n in range(count)]

    def run(self, command: restic.Command, *_: object, **__: object) -> restic.Result:
        self.calls.append(command.arguments)
        if not self.key_works:
            return restic.Result(restic.WRONG_PASSWORD, stderr="wrong")
        if command.arguments[1] == "masterkey":
            mac = {"k": base64.b64encode(K).decode(), "r": base64.b64encode(R).decode()}
            return restic.Result(0, json.dumps({"mac": mac}).encode())
        if command.name == "cat" and restic.is_snapshot_id(command.arguments[2]):
            body = self.bodies.get(command.arguments[2])
            return restic.Result(0, body) if body is not None else restic.Result(1, stderr="not authentic")
        return restic.Result(0)

    def reads(self) -> int:
        return sum(1 for arguments in self.calls if arguments[1] in ("lock", "index", "snapshot"))

    def left(self, kind: str) -> set[str]:
        return {path.name for path in (self.bench.repository / kind).iterdir()}

    def swept(self) -> list[dict[str, Any]]:
        return quarantine.sweep(self.place).batches


@pytest.fixture
def yard(bench: Any, monkeypatch: pytest.MonkeyPatch) -> Yard:
    return Yard(bench, monkeypatch)


def test_what_was_authenticated_is_not_read_again(yard: Yard) -> None:
    kept = {kind: {make() for make in makers} for kind, makers in _honest(yard).items()}
    assert yard.swept() == []
    assert yard.reads() == 4
    assert yard.swept() == []
    assert yard.reads() == 4
    assert {kind: yard.left(kind) for kind in kept} == kept


def _honest(yard: Yard) -> dict[str, list[Callable[[], str]]]:
    indexes = [lambda: yard.put("index", b'{"packs": []}'), lambda: yard.put("index", b'{"packs": null}')]
    return {"locks": [yard.lock, lambda: yard.lock(pid=2)], "index": indexes}


def test_a_flood_costs_a_handful_of_restics_and_one_line_of_the_ledger(yard: Yard) -> None:
    honest = {"locks": {yard.lock()}, "index": {yard.put("index")}, "snapshots": {yard.put("snapshots")}}
    for kind in honest:
        yard.garbage(kind, 300)
        yard.garbage(kind, 300, size=1)
    (batch,) = yard.swept()
    assert (batch["count"], len(yard.bench.acts("quarantined"))) == (1800, 1)
    assert {kind: yard.left(kind) for kind in honest} == honest
    # The key once, one look at what would be moved, and the two that may be honest.
    assert len(yard.calls) == 4
    assert batch["reasons"] == {
        f"{kind}: {why}": 300
        for kind in ("lock", "index", "snapshot")
        for why in (quarantine.FORGED, "too short to be an object")
    }
    assert len(Path(yard.place.source.ledger or "").read_bytes().splitlines()[-1]) < 5000
    assert len(list(aside.listed(yard.place))) == 1800
    assert yard.swept() == []
    assert len(yard.calls) == 4


def test_an_honest_flood_loses_nothing(yard: Yard) -> None:
    names = {yard.put("snapshots", b"snapshot %d" % n) for n in range(100)}
    names |= {yard.put("index", b'{"packs": [], "n": %d}' % n) for n in range(50)}
    assert yard.swept() == []
    assert yard.left("snapshots") | yard.left("index") == names


def test_a_flood_of_the_key_s_own_locks_is_read_as_far_as_there_is_time(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    locks = {yard.lock(pid=n) for n in range(30)}
    slow = yard.run

    def slowly(command: restic.Command, *_: object, **__: object) -> restic.Result:
        time.sleep(0.02)
        return slow(command)

    monkeypatch.setattr(restic, "run", slowly)
    begun = time.monotonic()
    quarantine.sweep(yard.place, longest=0.1)
    assert time.monotonic() - begun < 1
    first = yard.reads()
    assert 0 < first < 30
    for _ in range(10):
        quarantine.sweep(yard.place, longest=0.1)
    assert yard.reads() == 30
    assert yard.left("locks") == locks


def test_what_there_was_no_time_to_judge_gets_no_receipt_yet(yard: Yard) -> None:
    names = {yard.put("snapshots", b"snapshot %d" % n) for n in range(20)}
    assert quarantine.sweep(yard.place, longest=-1).unjudged == names
    assert quarantine.sweep(yard.place).unjudged == set()


def test_receipts_go_on_while_snapshots_are_unjudged(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [yard.put("snapshots", b"snapshot %d" % n) for n in range(20)]
    swept = quarantine.Swept([], set(names[:19]))
    monkeypatch.setattr(quarantine, "sweep", lambda place: swept)
    asked: list[str] = []
    monkeypatch.setattr(
        receive.snapshots, "read", lambda repository, ids, longest: (asked.extend(ids), ({}, {}))[1]
    )
    receive.receive(yard.place)
    assert asked == names[19:]


@pytest.mark.parametrize("count", [1, 20])
def test_nothing_is_swept_while_the_servers_own_key_does_not_work(yard: Yard, count: int) -> None:
    """A wrong password file must not empty the repository into quarantine."""
    honest = {yard.put("index", b'{"n": %d}' % n) for n in range(count)}
    yard.key_works = False
    with pytest.raises(BackupError, match="own key does not work"):
        yard.swept()
    assert yard.left("index") == honest
    assert yard.bench.acts("quarantined") == []


def test_what_is_garbage_by_its_size_goes_even_then(yard: Yard) -> None:
    yard.garbage("locks", size=1)
    yard.put("index")
    yard.key_works = False
    with pytest.raises(BackupError, match="own key does not work"):
        yard.swept()
    assert yard.left("locks") == set()
    assert len(yard.bench.acts("quarantined")) == 1


def test_a_format_that_only_restic_knows_moves_nothing(yard: Yard) -> None:
    """Where seals are made in another way, the objects look forged to us and are not."""
    honest = set(yard.garbage("index", 20))
    yard.bodies = dict.fromkeys(honest, b"{}")
    with pytest.raises(BackupError, match="whose seal does not hold: nothing is moved"):
        yard.swept()
    (yard.bench.repository / "config").write_bytes(b"sealed in another way" * 3)
    with pytest.raises(BackupError, match="restic opens it, but its seal does not hold"):
        yard.swept()
    assert yard.left("index") == honest
    assert yard.bench.acts("quarantined") == []


@pytest.mark.parametrize("others", [0, 20])
def test_a_failing_disk_empties_nothing_into_quarantine(yard: Yard, others: int) -> None:
    """The object is not what its name says any more: that is damage, and restic's word means nothing."""
    name = yard.put("index")
    (yard.bench.repository / "index" / name).write_bytes(b"bits have flipped in here, more than one" * 2)
    del yard.bodies[name]
    yard.garbage("locks", others)
    assert sum(batch["count"] for batch in yard.swept()) == others
    assert yard.left("index") == {name}
    assert quarantine.proven(yard.place, yard.place.ledger(), [aside.Foreign("index", name, "")]) == []


def test_an_index_that_says_nothing_is_moved_although_it_is_authentic(yard: Yard) -> None:
    """A thief with the repository's password can seal garbage, and every restic would fail on it."""
    honest = yard.put("index", b'{"packs": []}')
    for body in (b" ", b"[]", b"null", b"x" * 50, b"[" * 50_000):
        yard.put("index", body)
    (batch,) = yard.swept()
    assert batch["reasons"] == {"index: an index that says nothing": 5}
    assert yard.left("index") == {honest}


def test_an_object_too_large_to_be_sifted_is_left_to_restic(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "LARGE", 5000)
    honest = {yard.put("index", b'{"n": "%s"}' % (b"x" * 6000)), yard.put("snapshots", b"s" * 6000)}
    yard.garbage("index", 1, size=6000)
    yard.garbage("snapshots", 1, size=6000)
    yard.garbage("locks", 20)
    (batch,) = yard.swept()
    assert batch["count"] == 22
    assert yard.left("index") | yard.left("snapshots") == honest


def test_huge_garbage_does_not_keep_the_small_from_going(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "MOST_BYTES", 10_000)
    yard.garbage("locks", 20)
    yard.garbage("index", 3, size=6000)
    counts = [sum(batch["count"] for batch in yard.swept()) for _ in range(4)]
    assert counts == [21, 1, 1, 0]


def test_a_damaged_snapshot_with_a_receipt_stays_where_it_is(yard: Yard) -> None:
    name = yard.bench.snapshot(NOON)
    path = yard.bench.repository / "snapshots" / name
    path.write_bytes(b"short")
    yard.garbage("locks", 20)
    yard.swept()
    assert path.exists()


@pytest.mark.parametrize("copied", [False, True])
@pytest.mark.parametrize("count", [3, 30])
def test_a_batch_is_whole_also_where_it_has_to_be_copied(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, copied: bool, count: int
) -> None:
    if copied:

        def across(source: str, target: str) -> None:
            raise OSError(18, "Invalid cross-device link")

        monkeypatch.setattr(os, "rename", across)
    names = yard.garbage("locks", count)
    bodies = {name: (yard.bench.repository / "locks" / name).read_bytes() for name in names}
    (batch,) = yard.swept()
    assert yard.left("locks") == set()
    folder = Path(aside.folder_of(yard.place)) / batch["batch"]
    assert {p.name[5:]: p.read_bytes() for p in folder.iterdir() if p.name != aside.LIST} == bodies
    assert batch["bytes"] == sum(map(len, bodies.values()))
    listed = hashlib.sha256((folder / aside.LIST).read_bytes()).hexdigest()
    assert batch["list_sha256"] == listed


def test_a_full_disk_leaves_the_object_where_it_was(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: str, target: str) -> None:
        Path(target).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    def across(source: str, target: str) -> None:
        raise OSError(18, "Invalid cross-device link")

    (name,) = yard.garbage("locks")
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", across)
        patch.setattr(shutil, "copyfile", full)
        with pytest.raises(OSError, match="No space"):
            yard.swept()
    assert yard.left("locks") == {name}
    (batch,) = yard.swept()
    assert batch["count"] == 1
    assert os.listdir(aside.folder_of(yard.place)) == [batch["batch"]]


@pytest.mark.parametrize("after", ["list", "moved some", "moved all"])
def test_a_sweep_that_was_killed_is_recorded_by_the_next(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    names = yard.garbage("locks", 5)
    moves = {"list": 0, "moved some": 2, "moved all": 5}[after]
    rename = os.rename

    def killed(source: str, target: str) -> None:
        nonlocal moves
        if "/quarantine/" in target and not target.endswith(aside.LIST):
            moves -= 1
            if moves < 0:
                raise KeyboardInterrupt
        rename(source, target)

    def unrecorded(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", killed)
        patch.setattr(aside, "_record", unrecorded)
        with pytest.raises(KeyboardInterrupt):
            yard.swept()
    assert yard.bench.acts("quarantined") == []
    batches = yard.swept()
    assert sum(batch["count"] for batch in batches) == 5
    assert len(yard.bench.acts("quarantined")) == len(batches)
    assert {row["name"] for row in aside.listed(yard.place)} == set(names)
    assert yard.swept() == []


def test_an_object_put_back_stays_back(yard: Yard) -> None:
    (short,) = yard.garbage("locks", size=1)
    yard.swept()
    (row,) = aside.listed(yard.place)
    target = aside.put_back(yard.place, row["kept"], "admin")
    assert target.endswith(f"/locks/{short}")
    assert yard.swept() == []
    assert list(aside.listed(yard.place)) == []
    with pytest.raises(BackupError, match="no such object"):
        aside.put_back(yard.place, row["kept"], "admin")


def test_an_object_that_came_again_meanwhile_is_not_overwritten(yard: Yard) -> None:
    yard.garbage("locks", size=1)
    yard.swept()
    (row,) = aside.listed(yard.place)
    yard.garbage("locks", size=1)
    with pytest.raises(BackupError, match="is there already"):
        aside.put_back(yard.place, row["kept"], "admin")


@pytest.mark.parametrize(
    "kept", ["../../etc/passwd", "", "list.jsonl", "2026-03-02T12-00-00Z/list.jsonl", f"x/lock-{'a' * 64}"]
)
def test_only_objects_are_put_back(yard: Yard, kept: str) -> None:
    with pytest.raises(BackupError, match="no such object"):
        aside.put_back(yard.place, kept, "admin")


@pytest.mark.parametrize(
    "body", ["", "[]", '{"lock": 1}', '{"lock": {"x": null}, "index": [1]}', "[" * 50_000]
)
def test_a_memory_that_is_damaged_is_begun_anew(yard: Yard, body: str) -> None:
    yard.lock()
    yard.swept()
    (path,) = (yard.bench.base / "state" / "authentic").iterdir()
    path.write_text(body, encoding="utf-8")
    assert yard.swept() == []
    assert yard.reads() == 2
    assert yard.swept() == []
    assert yard.reads() == 2


def test_a_lock_that_stayed_too_long_is_moved_without_another_look(yard: Yard) -> None:
    name = yard.lock(time="2027-03-02T11:00:00Z")
    assert yard.swept() == []
    path = yard.bench.repository / "locks" / name
    os.utime(path, (time.time() - 3600,) * 2)
    (batch,) = yard.swept()
    assert batch["reasons"] == {"lock: a lock dated in the future": 1}
    assert yard.reads() == 1


@pytest.mark.parametrize(
    ("lock", "why"),
    [
        ('{"time": "2026-03-02T12:00:00Z", "exclusive": false, "hostname": "pc"}', None),
        ('{"time": "2026-03-02T11:00:00Z", "exclusive": true, "hostname": "server"}', None),
        (
            '{"time": "2026-03-02T11:00:00Z", "exclusive": true, "hostname": "pc"}',
            "an exclusive lock of pc, which may only add",
        ),
        ('{"time": "never"}', "a lock that says nothing"),
        ("{}", "a lock that says nothing"),
        ("[]", "a lock that says nothing"),
        ("", "a lock that says nothing"),
    ],
)
def test_locks_that_no_honest_client_makes(lock: str, why: str | None) -> None:
    assert quarantine.dishonest_lock(lock.encode(), "server")[1] == why


@pytest.mark.parametrize(
    ("made", "age", "late"),
    [
        (NOON, 3600.0, False),
        (NOON + timedelta(minutes=15), 3600.0, False),
        (NOON + timedelta(minutes=16), 1800.0, False),
        (NOON + timedelta(minutes=16), 1801.0, True),
        (NOON + timedelta(days=365), 3600.0, True),
        (None, 3600.0, False),
    ],
)
def test_a_lock_of_the_future_has_half_an_hour(made: datetime | None, age: float, late: bool) -> None:
    assert seen.overdue(made, NOON, age) is late
