# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real clamd for a world, with a small database of its own, and files that it must or cannot judge.

No file of this repository holds the EICAR test string as it is: an antivirus would take the repository away.
"""

from __future__ import annotations

import binascii
import contextlib
import hashlib
import io
import json
import os
import shutil
import struct
import subprocess
import tarfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LARGEST = 4 * 1024 * 1024
DATABASES = ("eicar.hdb", "eicar.ndb")


def eicar() -> bytes:
    return b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD" + b"-ANTIVIRUS-TEST-FILE!$H+H*"


def in_zip(content: bytes, name: str = "facture.com") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return stream.getvalue()


def in_tar(content: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        member = tarfile.TarInfo("facture.com")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def in_zip_with_password(content: bytes, password: bytes) -> bytes:
    """A stored ZIP entry under the traditional encryption (APPNOTE.TXT 6.1)."""
    keys = [0x12345678, 0x23456789, 0x34567890]

    def crc(value: int, byte: int) -> int:
        return binascii.crc32(bytes([byte]), value ^ 0xFFFFFFFF) ^ 0xFFFFFFFF

    def stir(byte: int) -> None:
        keys[0] = crc(keys[0], byte)
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = crc(keys[2], keys[1] >> 24)

    for byte in password:
        stir(byte)
    check = binascii.crc32(content)
    encrypted = bytearray()
    for byte in os.urandom(11) + bytes([check >> 24]) + content:
        value = (keys[2] | 2) & 0xFFFF
        encrypted.append(byte ^ (((value * (value ^ 1)) >> 8) & 0xFF))
        stir(byte)
    name = b"secret.com"
    common = struct.pack("<HHHHHIIIHH", 20, 1, 0, 0, 33, check, len(encrypted), len(content), len(name), 0)
    local = b"PK\x03\x04" + common + name + encrypted
    central = b"PK\x01\x02" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    return local + central + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)


class Antivirus:
    """clamd as the role antivirus sets it up, as a process of the test."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.databases = base / "databases"
        self.socket = base / "clamd.ctl"
        self._process: subprocess.Popen[bytes] | None = None
        self.databases.mkdir(parents=True)
        self.write_databases()
        (base / "clamd.conf").write_text(
            f"LocalSocket {self.socket}\nDatabaseDirectory {self.databases}\nForeground yes\n"
            f"TemporaryDirectory {base}\nStreamMaxLength {LARGEST + 1}\nMaxFileSize {LARGEST}\n"
            f"MaxScanSize {LARGEST}\nMaxFiles 1000\nMaxRecursion 10\nMaxScanTime 60000\n"
            "AlertExceedsMax yes\nAlertEncrypted yes\nConcurrentDatabaseReload yes\nFixStaleSocket yes\n",
            encoding="ascii",
        )

    def write_databases(self) -> None:
        (self.databases / "eicar.hdb").write_text(
            f"{hashlib.md5(eicar()).hexdigest()}:{len(eicar())}:Eicar-Test-Signature\n", encoding="ascii"
        )
        (self.databases / "eicar.ndb").write_text(f"Eicar-Test:0:*:{eicar().hex()}\n", encoding="ascii")

    def write_foreign_databases(self) -> None:
        """Well-formed ones that know something else: what an emptied mirror could hand out."""
        for name in DATABASES:
            (self.databases / name).unlink()
        (self.databases / "eicar.hdb").write_text(f"{'0' * 32}:68:Something-Else\n", encoding="ascii")
        (self.databases / "eicar.ndb").write_text(f"Something-Else:0:*:{'ab' * 30}\n", encoding="ascii")

    def settings(self, scratch: Path, **changed: Any) -> dict[str, Any]:
        return {
            "socket": str(self.socket),
            "scratch": str(scratch),
            "largest_file": LARGEST,
            "room": 8 * 1024 * 1024,
            "threads": 2,
            "database_directory": str(self.databases),
            "databases": list(DATABASES),
            "on_detection": "hold",
            "old_after_days": 3,
            "stale_after_days": 14,
            **changed,
        }

    def start(self, wait: bool = True) -> None:
        log = open(self.base / "log", "ab")  # noqa: SIM115 - the process keeps it
        with log:
            self._process = subprocess.Popen(
                ["clamd", f"--config-file={self.base / 'clamd.conf'}"], stdout=log, stderr=log
            )
        for _attempt in range(600):
            if not wait or self._answers() or self._process.poll() is not None:
                return
            time.sleep(0.05)
        raise AssertionError("clamd does not come up")

    def _answers(self) -> bool:
        from backup_core.antivirus.clamd import Clamd, ScannerError
        from backup_core.antivirus.settings import Settings

        values = self.settings(self.base)
        try:
            Clamd(Settings(**{**values, "databases": tuple(values["databases"])})).check()
        except ScannerError as error:
            return "does not find" in str(error)
        return True

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def guarded(world: Any, **changed: Any) -> Iterator[Antivirus]:
    """The world's servers with an antivirus at work."""
    antivirus = Antivirus(world.base / "antivirus")
    for site in ("local", "remote"):
        scratch = world.base / site / "scratch"
        scratch.mkdir()
        text = json.dumps(antivirus.settings(scratch, **changed))
        (world.base / site / "etc" / "antivirus.json").write_text(text, encoding="ascii")
    antivirus.start()
    try:
        yield antivirus
    finally:
        antivirus.kill()
        shutil.rmtree(antivirus.base)
