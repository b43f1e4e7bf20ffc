# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fresh world for every test, copied from one whose repositories are made once."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest


def _load(name: str) -> ModuleType:
    """The helper beside this file, however pytest imports tests."""
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


_load("quick_keys")
world_module = _load("world")
_load("trees")
_load("hostile")
_load("antivirus")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.restic)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates, repositories with their keys, and ledgers that know these."""
    base: Path = tmp_path_factory.mktemp("made-once") / "world"
    base.mkdir()
    world = world_module.World(base)
    world_module.make_certificates(base / "tls")
    world.configure()
    world.write_files()
    world.make_repositories()
    return base


@pytest.fixture
def world(made_once: Path, tmp_path: Path) -> Iterator[object]:
    base = tmp_path / "world"
    shutil.copytree(made_once, base, symlinks=True)
    with world_module.running(world_module.World(base)) as running:
        yield running
