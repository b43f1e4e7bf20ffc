# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a repository's keys quick to open, for tests that call restic hundreds of times.

restic takes half a second to derive a key from a password, on purpose. Here the same password opens the
same master key with the least work that scrypt allows. Format: restic's design document, "Keys, Encryption
and MAC": data is nonce, AES-256-CTR ciphertext, and Poly1305-AES MAC; the derived 64 bytes are the
encryption key, then k and r of the MAC.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from pathlib import Path


def _s_box() -> list[int]:
    """The S-box of FIPS 197, from its definition: inverse in GF(2^8), then the affine map."""
    box = [0x63] * 256
    p = q = 1
    while True:
        p = p ^ (p << 1) & 0xFF ^ (0x1B if p & 0x80 else 0)
        q ^= q << 1
        q ^= q << 2
        q ^= q << 4
        q &= 0xFF
        if q & 0x80:
            q ^= 0x09
        spread = q
        for turn in (1, 2, 3, 4):
            spread ^= (q << turn | q >> (8 - turn)) & 0xFF
        box[p] = spread ^ 0x63
        if p == 1:
            return box


S_BOX = _s_box()


def _double(value: int) -> int:
    return (value << 1) & 0xFF ^ (0x1B if value & 0x80 else 0)


def _round_keys(key: bytes) -> list[list[int]]:
    words = [list(key[i : i + 4]) for i in range(0, len(key), 4)]
    count = len(words)
    constant = 1
    while len(words) < 4 * (count + 7):
        word = list(words[-1])
        if len(words) % count == 0:
            word = [S_BOX[value] for value in word[1:] + word[:1]]
            word[0] ^= constant
            constant = _double(constant)
        elif count > 6 and len(words) % count == 4:
            word = [S_BOX[value] for value in word]
        words.append([a ^ b for a, b in zip(word, words[-count], strict=True)])
    return [[value for word in words[i : i + 4] for value in word] for i in range(0, len(words), 4)]


def aes(key: bytes, block: bytes) -> bytes:
    """One block, encrypted."""
    first, *middle, last = _round_keys(key)
    state = _mixed_with(list(block), first)
    for round_key in middle:
        state = _mixed_with(_mix_columns(_shift_rows(state)), round_key)
    return bytes(_mixed_with(_shift_rows(state), last))


def _mixed_with(state: list[int], round_key: list[int]) -> list[int]:
    return [a ^ b for a, b in zip(state, round_key, strict=True)]


def _shift_rows(state: list[int]) -> list[int]:
    """SubBytes and ShiftRows."""
    return [S_BOX[state[(4 * (column + row) + row) % 16]] for column in range(4) for row in range(4)]


def _mix_columns(state: list[int]) -> list[int]:
    mixed = []
    for column in range(0, 16, 4):
        a, b, c, d = state[column : column + 4]
        for one, two, three, four in ((a, b, c, d), (b, c, d, a), (c, d, a, b), (d, a, b, c)):
            mixed.append(_double(one) ^ _double(two) ^ two ^ three ^ four)
    return mixed


def counter_mode(key: bytes, nonce: bytes, data: bytes) -> bytes:
    start = int.from_bytes(nonce, "big")
    out = bytearray()
    for number, offset in enumerate(range(0, len(data), 16)):
        stream = aes(key, ((start + number) % 2**128).to_bytes(16, "big"))
        out += bytes(a ^ b for a, b in zip(data[offset : offset + 16], stream, strict=False))
    return bytes(out)


def poly1305_aes(k: bytes, r: bytes, nonce: bytes, message: bytes) -> bytes:
    clamped = int.from_bytes(r, "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for offset in range(0, len(message), 16):
        part = message[offset : offset + 16] + b"\x01"
        total = (total + int.from_bytes(part, "little")) * clamped % (2**130 - 5)
    return ((total + int.from_bytes(aes(k, nonce), "little")) % 2**128).to_bytes(16, "little")


def raw_keys(master: bytes | str) -> dict[str, bytes]:
    """encrypt, k and r of a master key's JSON."""
    value = json.loads(master)
    keys = {"encrypt": value["encrypt"], **value["mac"]}
    return {name: base64.b64decode(keys[name]) for name in ("encrypt", "k", "r")}


def sealed(master: dict[str, bytes], body: bytes) -> bytes:
    """An object that says `body`, as whoever has the master key (encrypt, k and r) can make it."""
    nonce = os.urandom(16)
    ciphertext = counter_mode(master["encrypt"], nonce, body)
    return nonce + ciphertext + poly1305_aes(master["k"], master["r"], nonce, ciphertext)


def _derived(password: bytes, key: dict[str, object]) -> bytes:
    n, r, p = (int(str(key[name])) for name in ("N", "r", "p"))
    salt = base64.b64decode(str(key["salt"]))
    return hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=2**28, dklen=64)


def master_key(key: dict[str, object], password: bytes) -> bytes:
    """The JSON of the master key that this key object keeps."""
    data = base64.b64decode(str(key["data"]))
    nonce, ciphertext, mac = data[:16], data[16:-16], data[-16:]
    secret = _derived(password, key)
    assert poly1305_aes(secret[32:48], secret[48:], nonce, ciphertext) == mac, "not restic's key format"
    return counter_mode(secret[:32], nonce, ciphertext)


def forge_config(repository: Path, key: str, password: bytes, **changes: object) -> None:
    """Rewrite the config object, as whoever has a key of the repository and its disk can."""
    master = raw_keys(master_key(json.loads((repository / "keys" / key).read_bytes()), password))
    path = repository / "config"
    old = path.read_bytes()
    config = json.loads(counter_mode(master["encrypt"], old[:16], old[16:-16]))
    path.chmod(0o600)
    path.write_bytes(sealed(master, json.dumps(config | changes).encode()))


def quicken(repository: Path, passwords: dict[str, bytes]) -> dict[str, str]:
    """Replace every key of the repository by a quick one; `passwords` by key id. Returns old id to new id."""
    renamed = {}
    for old, password in passwords.items():
        path = repository / "keys" / old
        key = json.loads(path.read_bytes())
        master = master_key(key, password)
        key.update(N=2, r=1, p=1, salt=base64.b64encode(os.urandom(64)).decode())
        secret = _derived(password, key)
        derived = {"encrypt": secret[:32], "k": secret[32:48], "r": secret[48:]}
        key["data"] = base64.b64encode(sealed(derived, master)).decode()
        body = json.dumps(key).encode()
        new = hashlib.sha256(body).hexdigest()
        (repository / "keys" / new).write_bytes(body)
        (repository / "keys" / new).chmod(path.stat().st_mode & 0o777)
        path.unlink()
        renamed[old] = new
    return renamed
