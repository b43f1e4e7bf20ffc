# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A seal holds on what was sealed, and on nothing else."""

from __future__ import annotations

import base64
import json
import random

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.poly1305 import Poly1305

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import seal
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError

CHANCE = random.Random(20260302)


def sealed(k: bytes, r: bytes, ciphertext: bytes) -> bytes:
    """As restic writes it, made with another library. r: as that library wants it, clamped or not."""
    nonce = CHANCE.randbytes(16)
    # One block: there is no second one for a mode to protect.
    block = Cipher(algorithms.AES(k), modes.ECB()).encryptor()
    one_time = r + block.update(nonce) + block.finalize()
    return nonce + ciphertext + Poly1305.generate_tag(one_time, ciphertext)


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 31, 32, 33, 200, 4096, 100_003])
def test_a_seal_holds_on_what_another_library_sealed(length: int) -> None:
    for _ in range(20):
        k, r = CHANCE.randbytes(16), CHANCE.randbytes(16)
        assert seal.Seal(k, r).holds(sealed(k, r, CHANCE.randbytes(length)))


@pytest.mark.parametrize("place", [0, 15, 16, 40, 79, 80, 95])
def test_a_single_flipped_bit_breaks_it(place: int) -> None:
    k, r = CHANCE.randbytes(16), CHANCE.randbytes(16)
    data = bytearray(sealed(k, r, CHANCE.randbytes(64)))
    for bit in range(8):
        data[place] ^= 1 << bit
        assert not seal.Seal(k, r).holds(bytes(data))
        data[place] ^= 1 << bit
    assert seal.Seal(k, r).holds(bytes(data))


def test_another_key_s_seal_does_not_hold() -> None:
    k, r = CHANCE.randbytes(16), CHANCE.randbytes(16)
    data = sealed(k, r, b"content")
    assert not seal.Seal(CHANCE.randbytes(16), r).holds(data)
    assert not seal.Seal(k, CHANCE.randbytes(16)).holds(data)


@pytest.mark.parametrize("length", [0, 1, 16, 31])
def test_what_is_too_short_to_carry_a_seal_has_none(length: int) -> None:
    assert not seal.Seal(b"k" * 16, b"r" * 16).holds(bytes(length))


def test_the_block_cipher_gives_the_standard_s_example() -> None:
    """FIPS 197, appendix B."""
    words = seal._key_schedule(bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"))
    block = seal._encrypted(words, bytes.fromhex("3243f6a8885a308d313198a2e0370734"))
    assert block.hex() == "3925841d02dc09fbdc118597196a0b32"


def test_the_authenticator_gives_its_inventor_s_example() -> None:
    """D. J. Bernstein, "The Poly1305-AES message-authentication code", appendix B."""
    one = seal.Seal(
        bytes.fromhex("ec074c835580741701425b623235add6"), bytes.fromhex("851fc40c3467ac0be05cc20404f3f700")
    )
    mac = one.mac(bytes.fromhex("fb447350c4e868c52ac3275cf9d4327e"), bytes.fromhex("f3f6"))
    assert mac.hex() == "f4c633c3044fc145f84f335cb81953de"


def test_the_key_is_read_from_what_restic_prints() -> None:
    k, r = CHANCE.randbytes(16), CHANCE.randbytes(16)
    mac = {"k": base64.b64encode(k).decode(), "r": base64.b64encode(r).decode()}
    made = seal.of_master_key(json.dumps({"mac": mac, "encrypt": "x"}).encode())
    assert made.holds(sealed(k, r, b"content"))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        b'{"mac": 1}',
        b'{"mac": {"k": "secret", "r": "secret"}}',
        b'{"mac": {"k": "c2VjcmV0", "r": "c2VjcmV0"}}',
        b"[" * 50_000,
    ],
)
def test_a_key_of_another_form_is_refused_without_a_word_of_it(text: bytes) -> None:
    with pytest.raises(BackupError, match="not of the form known here") as error:
        seal.of_master_key(text)
    assert "secret" not in str(error.value)
    assert "c2Vj" not in str(error.value)
