# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an object was sealed with a repository's key, told without starting restic for each.

Only for telling a flood of garbage from what restic is then asked about (quarantine.py): nothing is encrypted
or decrypted here. Source: restic's design document, "Keys, Encryption and MAC": an object is a nonce (16
bytes), the ciphertext, and its Poly1305-AES MAC (16 bytes) under the master key's `k` and `r`.
"""

from __future__ import annotations

import base64
import hmac
import json
from functools import cache

from .errors import BackupError

_PRIME = 2**130 - 5
# Of the MAC's key `r`, some bits are always zero (D. J. Bernstein, "The Poly1305-AES message-authentication
# code", section 2).
_CLAMP = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF


class Seal:
    """The MAC of one repository. k and r: 16 bytes each."""

    def __init__(self, k: bytes, r: bytes) -> None:
        self._words = _key_schedule(k)
        self._r = int.from_bytes(r, "little") & _CLAMP

    def holds(self, data: bytes) -> bool:
        """Whether the object is what somebody with the key made; one too short to carry a seal is not."""
        if len(data) < 32:
            return False
        nonce, ciphertext, mac = data[:16], data[16:-16], data[-16:]
        return hmac.compare_digest(self.mac(nonce, ciphertext), mac)

    def mac(self, nonce: bytes, message: bytes) -> bytes:
        total = 0
        for offset in range(0, len(message), 16):
            block = int.from_bytes(message[offset : offset + 16] + b"\x01", "little")
            total = (total + block) * self._r % _PRIME
        total += int.from_bytes(_encrypted(self._words, nonce), "little")
        return (total % 2**128).to_bytes(16, "little")


def of_master_key(text: bytes) -> Seal:
    """From what `restic cat masterkey` prints. BackupError, without a word of it, where that is odd."""
    try:
        mac = json.loads(text)["mac"]
        k, r = base64.b64decode(mac["k"], validate=True), base64.b64decode(mac["r"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError):
        k = r = b""
    if len(k) != 16 or len(r) != 16:
        raise BackupError("restic's master key is not of the form known here: no object can be judged")
    return Seal(k, r)


@cache
def _s_box() -> bytes:
    """FIPS 197, 5.1.1: the inverse in GF(2^8), then an affine map. 3 generates the field's other elements."""
    box = bytearray(256)
    box[0] = 0x63
    element = inverse = 1
    while True:
        element ^= _doubled(element)
        for shift in (1, 2, 4):
            inverse ^= inverse << shift & 0xFF
        if inverse & 0x80:
            inverse ^= 0x09
        spread = inverse
        for turn in (1, 2, 3, 4):
            spread ^= (inverse << turn | inverse >> (8 - turn)) & 0xFF
        box[element] = spread ^ 0x63
        if element == 1:
            return bytes(box)


def _doubled(value: int) -> int:
    return value << 1 & 0xFF ^ (0x1B if value & 0x80 else 0)


@cache
def _columns() -> tuple[tuple[int, ...], ...]:
    """SubBytes and MixColumns of one byte at each of the four places of a column, as 32-bit words."""
    first = []
    for value in _s_box():
        double = _doubled(value)
        first.append(double << 24 | value << 16 | value << 8 | double ^ value)
    return tuple(tuple(w >> turn | w << (32 - turn) & 0xFFFFFFFF for w in first) for turn in (0, 8, 16, 24))


def _key_schedule(key: bytes) -> list[int]:
    """FIPS 197, 5.2, for the 128 bits that restic's MAC uses: 44 words."""
    box = _s_box()
    words = [int.from_bytes(key[place : place + 4], "big") for place in range(0, 16, 4)]
    constant = 1
    for place in range(4, 44):
        word = words[-1]
        if place % 4 == 0:
            turned = (word << 8 | word >> 24) & 0xFFFFFFFF
            word = int.from_bytes(bytes(box[byte] for byte in turned.to_bytes(4, "big")), "big")
            word ^= constant << 24
            constant = _doubled(constant)
        words.append(words[place - 4] ^ word)
    return words


def _encrypted(words: list[int], block: bytes) -> bytes:
    """FIPS 197, 5.1: one block."""
    box = _s_box()
    one, two, three, four = _columns()
    a, b, c, d = (int.from_bytes(block[n * 4 : n * 4 + 4], "big") ^ words[n] for n in range(4))
    for place in range(4, 40, 4):
        a, b, c, d = (
            one[p >> 24] ^ two[q >> 16 & 255] ^ three[r >> 8 & 255] ^ four[s & 255] ^ words[place + n]
            for n, (p, q, r, s) in enumerate(((a, b, c, d), (b, c, d, a), (c, d, a, b), (d, a, b, c)))
        )
    last = bytearray()
    for n, (p, q, r, s) in enumerate(((a, b, c, d), (b, c, d, a), (c, d, a, b), (d, a, b, c))):
        word = box[p >> 24] << 24 | box[q >> 16 & 255] << 16 | box[r >> 8 & 255] << 8 | box[s & 255]
        last += (word ^ words[40 + n]).to_bytes(4, "big")
    return bytes(last)
