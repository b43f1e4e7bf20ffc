# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the machines: made, described, and compared byte for byte."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from typing import Any

from .host import HERE
from .steps import Controller

Manifests = dict[str, dict[str, Any]]


def tool(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def fill(controller: Controller, machine: str, folder: str, *, files: int = 1500, seed: int = 1) -> None:
    command = f"python3 - create {folder} --files {files} --seed {seed}"
    controller.run(machine, command, stdin=tool("office_files.py"))


def change(controller: Controller, machine: str, folder: str, *, seed: int) -> None:
    controller.run(machine, f"python3 - change {folder} --seed {seed}", stdin=tool("office_files.py"))


def manifests(controller: Controller, machine: str, folders: Sequence[str], below: str = "") -> Manifests:
    """The description of each folder, as it lies on a machine or, restored, below another folder there."""
    compare = tool("compare.py")
    return {
        folder: json.loads(controller.run(machine, f"python3 - manifest {below}{folder}", stdin=compare))
        for folder in folders
    }


def differences(expected: Manifests, actual: Manifests) -> list[str]:
    spec = importlib.util.spec_from_file_location("compare", HERE / "compare.py")
    assert spec is not None
    assert spec.loader is not None
    compare = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(compare)
    return [
        f"{folder}: {line}"
        for folder, entries in expected.items()
        for line in compare.differences(entries, actual[folder])
    ]
