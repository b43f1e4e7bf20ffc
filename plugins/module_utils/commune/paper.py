# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that a person types from paper: what they are made of, and how a mistyped line is found out.

On paper a secret is lines of groups of four characters, each line behind a number of four digits. A shell
function that needs nothing but coreutils reads the lines, compares each with its number, prints the secret.
"""

from __future__ import annotations

import base64
import hashlib
import secrets as randomness

# No two of them look alike, and without vowels no words come about.
ALPHABET = "23456789CFHJMPQRVWX"
# 255 bits.
LENGTH = 60
_GROUP = 4
_GROUPS_A_LINE = 5

READER = (
    'lire() { while read -r n l && [ "$n" ]; do',
    "  l=$(echo \"$l\" | tr -d ' ' | tr a-z A-Z)",
    '  c=$((0x$(printf %s "$l" | sha256sum | cut -c1-8) % 9000 + 1000))',
    '  [ "$c" = "$n" ] && printf %s "$l" || echo "Erreur : retapez la ligne $n" >&2',
    "done; }",
)


def password() -> str:
    """A new password that can be typed from paper."""
    return "".join(randomness.choice(ALPHABET) for _character in range(LENGTH))


def is_typeable(secret: str) -> bool:
    return bool(secret) and set(secret) <= set(ALPHABET)


def lines(secret: str) -> tuple[str, ...]:
    """The lines to type. What is not `is_typeable` is in base32, which has no look-alikes either."""
    typed = secret if is_typeable(secret) else base64.b32encode(secret.encode()).decode("ascii")
    groups = [typed[start : start + _GROUP] for start in range(0, len(typed), _GROUP)]
    rows = [groups[start : start + _GROUPS_A_LINE] for start in range(0, len(groups), _GROUPS_A_LINE)]
    return tuple(f"{_number(''.join(row))} {' '.join(row)}" for row in rows)


def reading(secret: str) -> str:
    """The command that prints the secret once its lines are typed, and an empty one after them."""
    return "lire" if is_typeable(secret) else "lire | base32 -d"


def _number(typed: str) -> int:
    return int(hashlib.sha256(typed.encode("ascii")).hexdigest()[:8], 16) % 9000 + 1000
