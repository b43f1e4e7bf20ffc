# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides which kernel parameters a machine can have, and how its file of them reads. Pure."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# Of all that /proc/sys shows, a container has only the network for itself: the rest is the host's.
OF_A_CONTAINER = "net."

_KEY = re.compile(r"[a-z][a-z0-9_-]*(\.[A-Za-z0-9_*-]+)+")
_VALUE = re.compile(r"-?[0-9]+(\s+-?[0-9]+)*|[^\s#;][^\n]*")


class KernelError(Exception):
    """A parameter that cannot be set; the message is for a person."""


@dataclass
class Sorted:
    """The parameters that this machine has, and those that it has not, with the reason."""

    settings: dict[str, str] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    not_applicable: dict[str, str] = field(default_factory=dict)


def checked(settings: Mapping[str, object]) -> dict[str, str]:
    """The parameters with their values as text; KernelError names the first that is none."""
    found = {}
    for key, value in settings.items():
        text = str(int(value)) if isinstance(value, bool) else " ".join(str(value).split())
        if not _KEY.fullmatch(key):
            raise KernelError(f"'{key}' is not a kernel parameter (write it like net.ipv4.ip_forward)")
        if not _VALUE.fullmatch(text):
            raise KernelError(f"{key}: '{value}' is not a value")
        found[key] = text
    return found


def sort(settings: Mapping[str, str], known: Iterable[str], container: bool) -> Sorted:
    """Sort out what the machine has, given the names it knows. A * in a name stands for one or more."""
    names = set(known)
    done = Sorted()
    for key, value in settings.items():
        if container and not key.startswith(OF_A_CONTAINER):
            done.not_applicable[key] = "a container has the kernel of its host"
        elif key in names or ("*" in key and any(fnmatch.fnmatchcase(name, key) for name in names)):
            done.settings[key] = value
        else:
            done.absent.append(key)
            done.settings[key] = value
            done.not_applicable[key] = "this kernel does not have it"
    return done


def text_of(done: Sorted, heading: str) -> str:
    """The file for sysctl.d(5). A minus before a parameter that the kernel lacks keeps the start quiet."""
    lines = [f"{'-' if key in done.absent else ''}{key} = {value}" for key, value in done.settings.items()]
    return "\n".join([*(f"# {line}" for line in heading.splitlines()), *lines]) + "\n"


def values(done: Sorted, known: Iterable[str]) -> dict[str, str]:
    """What each parameter of the machine should be: a name spelt out wins over one that a * covers."""
    names = sorted(known)
    wanted: dict[str, str] = {}
    for key, value in done.settings.items():
        if "*" in key:
            wanted |= {name: value for name in names if fnmatch.fnmatchcase(name, key)}
    present = set(names)
    return wanted | {key: value for key, value in done.settings.items() if key in present}
