# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an entry of the ledger has to say, act by act. Acts that decide nothing may carry any field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .errors import InputError, shown
from .times import parse_clock

KINDS = ("full", "incremental")
OUTCOMES = ("ok", "partial", "failed")
LEVELS = ("clean", "suspect", "attacked")
SCANNED = ("clean", "infected", "incomplete")
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


def check(act: str, fields: Mapping[str, Any]) -> None:
    """InputError names the field that is missing or wrong."""
    if act in _CHECKS:
        _CHECKS[act](fields)


def _receipt(fields: Mapping[str, Any]) -> None:
    _id(fields.get("snapshot"))
    for name in ("series", "claimed_at", "host"):
        if not isinstance(fields.get(name), str):
            raise InputError(f"{name} {shown(fields.get(name))} is not text")
    parse_clock(fields.get("received_at"), "received_at")
    if fields.get("kind") not in KINDS:
        raise InputError(f"kind {shown(fields.get('kind'))} is not one of {', '.join(KINDS)}")
    if fields.get("outcome") not in OUTCOMES:
        raise InputError(f"outcome {shown(fields.get('outcome'))} is not one of {', '.join(OUTCOMES)}")
    for name in ("size", "files", "added"):
        _count(fields, name)
    if type(fields.get("reported", True)) is not bool:
        raise InputError(f"reported {shown(fields['reported'])} is not true or false")
    paths = fields.get("paths")
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise InputError(f"paths {shown(paths)} is not a list of text")


def _amended(fields: Mapping[str, Any]) -> None:
    _id(fields.get("snapshot"))
    if fields.get("outcome") not in OUTCOMES:
        raise InputError(f"outcome {shown(fields.get('outcome'))} is not one of {', '.join(OUTCOMES)}")
    parse_clock(fields.get("reported_at"), "reported_at")


def _ids(fields: Mapping[str, Any]) -> None:
    many = fields.get("snapshots")
    if ("snapshot" in fields) == ("snapshots" in fields) or (
        "snapshots" in fields and type(many) is not list
    ):
        raise InputError("one of snapshot (an id) and snapshots (a list of ids) is needed")
    for snapshot in many if isinstance(many, list) else [fields["snapshot"]]:
        _id(snapshot)


def _quarantined(fields: Mapping[str, Any]) -> None:
    if "snapshot" in fields or "snapshots" in fields:  # else a key, a lock or another object
        _ids(fields)


def _count(fields: Mapping[str, Any], name: str) -> None:
    number = fields.get(name)
    if type(number) is not int or number < 0:
        raise InputError(f"{name} {shown(number)} is not a number of 0 or more")


def _id(snapshot: object) -> None:
    if not isinstance(snapshot, str) or _HASH.fullmatch(snapshot) is None:
        raise InputError(f"snapshot {shown(snapshot)} is not an id of 64 hexadecimal digits")


def _scope(fields: Mapping[str, Any]) -> None:
    if not isinstance(fields.get("scope"), str) or not fields["scope"]:
        raise InputError(f"scope {shown(fields.get('scope'))} is not text")


def _scanned(fields: Mapping[str, Any]) -> None:
    _id(fields.get("snapshot"))
    if fields.get("since") is not None:
        _id(fields["since"])
    elif "since" not in fields:
        raise InputError("since is missing (null for a scan of the whole)")
    if fields.get("outcome") not in SCANNED:
        raise InputError(f"outcome {shown(fields.get('outcome'))} is not one of {', '.join(SCANNED)}")
    for name in ("files", "clean", "infected", "not_scanned"):
        _count(fields, name)


def _inspected(fields: Mapping[str, Any]) -> None:
    _id(fields.get("snapshot"))
    if fields.get("kind") not in KINDS:
        raise InputError(f"kind {shown(fields.get('kind'))} is not one of {', '.join(KINDS)}")
    if fields.get("level") not in LEVELS:
        raise InputError(f"level {shown(fields.get('level'))} is not one of {', '.join(LEVELS)}")
    for name in ("files", "size", "new", "changed", "deleted", "sampled", "scrambled", "ransom_names"):
        _count(fields, name)
    for name in ("notes", "canaries", "infected", "reasons"):
        if not isinstance(fields.get(name), list):
            raise InputError(f"{name} {shown(fields.get(name))} is not a list")


_CHECKS = {
    "inspected": _inspected,
    "cleared": _ids,
    "receipt": _receipt,
    "amended": _amended,
    "removed": _ids,
    "quarantined": _quarantined,
    "held": _scope,
    "released": _scope,
    "scanned": _scanned,
}
