# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All the communes of a folder: read, validated one by one, then against each other."""

from __future__ import annotations

import pathlib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..backup_core import planning, recovery
from ..backup_core.errors import InputError, one_line, shown
from ..backup_core.opening import OpeningCalendar
from ..backup_core.planning import PUSHING
from ..backup_core.policy import Policy
from ..backup_core.storage.model import Wanted
from ..backup_core.storage.model import validate as validate_disks
from . import check, document
from .check import Mistake
from .defaults import complete, workstations
from .rates import REMOTE, Rates, host_of

SLUG = re.compile(r"[a-z][a-z0-9-]{0,29}[a-z0-9]")
# Folders and hosts that the service itself has beside those of the communes.
RESERVED_SLUGS = frozenset(
    (
        *(
            "all",
            "communes",
            "ledgers",
            "local",
            "lost-found",
            "remote",
            "replica",
            "reports",
            "repositories",
        ),
        *("restore", "service", "snapshots", "tmp", "ungrouped", "undo", "workstations"),
    )
)
# Fields that no two communes have alike.
UNIQUE = ("insee", "name")
SHOWN_PER_FILE = 10
SHOWN = 40


@dataclass
class Communes:
    """Communes by slug, as `defaults.complete` gives them, and what is wrong in the files, line by line."""

    communes: dict[str, dict[str, Any]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    # The file's name, as messages show it, by slug.
    labels: dict[str, str] = field(default_factory=dict)

    def summary(self) -> str:
        return cut(self.lines)


def cut(lines: list[str]) -> str:
    """The lines, cut where a person would stop reading."""
    if len(lines) <= SHOWN:
        return "\n".join(lines)
    return "\n".join([*lines[:SHOWN], f"... and {len(lines) - SHOWN} more"])


def files(folder: pathlib.Path) -> list[pathlib.Path]:
    """The files of a folder that are meant as communes, in the order of their names.

    `.yaml` is among them, to be refused: passed over, it would silently leave a commune without backups.
    """
    try:
        found = [p for p in folder.iterdir() if p.suffix in (".yml", ".yaml") and not p.name.startswith(".")]
    except OSError as error:
        raise InputError(
            f"{folder}: {error.strerror}; `communes` names the folder that holds one file per commune"
        ) from error
    return sorted(found, key=lambda p: p.name)


def read(paths: Iterable[tuple[str, pathlib.Path]]) -> dict[str, bytes | OSError]:
    """The content of each file by the name it is shown under."""
    contents: dict[str, bytes | OSError] = {}
    for label, path in paths:
        try:
            with path.open("rb") as stream:
                contents[label] = stream.read(document.MAX_BYTES + 1)
        except OSError as error:
            contents[label] = error
    return contents


def validate(
    contents: dict[str, bytes | OSError], promises: bool = True, measured: Rates | None = None
) -> Communes:
    """The communes in these files (content by the name shown in messages), judged by the rates measured.

    Without `promises`, also those whose data cannot be back in the promised time: for whoever asks why.
    """
    result = Communes()
    for label, content in contents.items():
        slug = pathlib.PurePath(label).stem
        try:
            mistakes = name_mistakes(pathlib.PurePath(label).name)
            given, found = _commune(content)
            mistakes += found
        except InputError as error:
            mistakes = [*mistakes, one_line(str(error), 500)]
        commune = None if mistakes else complete(slug, given)
        if promises and commune is not None and (refusal := _refusal(commune, measured or Rates())):
            mistakes = [refusal]
        if commune is None or mistakes:
            result.lines += _cut(label, mistakes)
        else:
            result.communes[slug] = commune
            result.labels[slug] = label
    result.lines += _clashes(result.communes, result.labels)
    return result


def _cut(label: str, mistakes: list[str]) -> list[str]:
    lines = [f"{label}: {text}" for text in mistakes[:SHOWN_PER_FILE]]
    if len(mistakes) > SHOWN_PER_FILE:
        lines.append(f"{label}: ... and {len(mistakes) - SHOWN_PER_FILE} more mistakes")
    return lines


def name_mistakes(name: str) -> list[str]:
    """What is wrong with the name of a commune's file, which is the commune's slug and .yml."""
    stem = pathlib.PurePath(name).stem
    if not name.endswith(".yml"):
        return [f"the file's name ends in {pathlib.PurePath(name).suffix}; rename it to {stem}.yml"]
    if not SLUG.fullmatch(stem):
        return [
            f"the file's name {shown(stem)} is not a commune's short name; "
            "use 2 to 31 lower-case letters without accents, digits and hyphens, such as saint-exemple.yml"
        ]
    if stem in RESERVED_SLUGS:
        return [
            f"the file's name {shown(stem)} is reserved by the service; use another, such as {stem}-bourg.yml"
        ]
    return []


def _commune(content: bytes | OSError) -> tuple[dict[str, Any], list[str]]:
    if isinstance(content, OSError):
        raise InputError(f"cannot be read ({content.strerror}); it must be a file you may read")
    read_document = document.load(content)
    given = read_document.value
    if not isinstance(given, dict):
        raise InputError("the file does not hold fields; write `name: ...` and the other fields, one a line")
    mistakes = check.mistakes(given, read_document.written)
    wrong = {m.where[0] for m in mistakes if m.where}
    lines = [str(m) for m in mistakes]
    if isinstance(given.get("opening"), dict) and "opening" not in wrong:
        lines += _raised(lambda: OpeningCalendar.from_mapping(given["opening"], where="opening"))
    if isinstance(given.get("policy"), dict) and "policy" not in wrong:
        lines += _raised(lambda: Policy.from_mapping(given["policy"], where="policy"))
    if not mistakes:
        lines += [str(m) for m in (*_same_machine(given), *_same_line(given), *_volume_mistakes(given))]
        lines += _raised(lambda: _check_disks(given["server"]))
    return given, lines


def _raised(call: Any) -> list[str]:
    try:
        call()
    except InputError as error:
        return [one_line(str(error), 500)]
    return []


def _check_disks(server: dict[str, Any]) -> None:
    wanted = Wanted(tuple(server.get("disks", ())), server.get("single_disk", False))
    validate_disks(wanted, where="server.")


def _same_machine(given: dict[str, Any]) -> Iterator[Mistake]:
    taken = {(given["server"]["address"].lower(), given["server"].get("port", 22)): "server"}
    for name, source in given["sources"].items():
        if "address" not in source:
            continue
        machine = (source["address"].lower(), source.get("port", 22))
        if machine in taken:
            text = (
                f"{shown(source['address'])} is already that of {taken[machine]}; write the workstation's own"
            )
            yield Mistake(("sources", name, "address"), text)
        taken.setdefault(machine, f"sources.{name}")


def _same_line(given: dict[str, Any]) -> Iterator[Mistake]:
    """Two tunnels over one line would die together."""
    taken: dict[str, int] = {}
    for number, line in enumerate(given["uplinks"]):
        interface = line.get("interface")
        if interface is not None and taken.setdefault(interface, number) != number:
            text = f"{shown(interface)} is already that of uplinks[{taken[interface]}]; write this line's own"
            yield Mistake(("uplinks", number, "interface"), text)


def _volume_mistakes(given: dict[str, Any]) -> Iterator[Mistake]:
    sources, counted = given["sources"], workstations(given["sources"])
    if given.get("workstations", counted) < counted:
        text = f"{given['workstations']} is less than the {counted} under sources; write all of them"
        yield Mistake(("workstations",), text)
    shares = {name: source for name, source in sources.items() if source["kind"] not in PUSHING}
    unsized = [name for name, source in shares.items() if "size_gb" not in source]
    stated_gb = sum(source.get("size_gb", 0) for source in shares.values())
    if unsized and stated_gb and given.get("archive_gb", stated_gb + 1) <= stated_gb:
        text = (
            f"{given['archive_gb']} leaves nothing for {', '.join(unsized)}, the others have {stated_gb};"
            " correct it, or write size_gb for each share and folder"
        )
        yield Mistake(("archive_gb",), text)


def _refusal(commune: dict[str, Any], measured: Rates) -> str | None:
    """Why the commune's promise cannot be given, or None. A promise is refused when it is written down."""
    stated = planning.commune(commune)
    try:
        here = measured.applied(host_of(commune["slug"]), stated.assumptions)
        there = measured.applied(REMOTE, stated.assumptions)
    except InputError as error:
        return f"recovery: {one_line(str(error))}"
    plan = recovery.plan(
        planning.commune(commune, here), recovery.lines(commune), recovery.agreement(commune), there
    )
    return None if plan.refusal is None else f"recovery: {plan.refusal}"


def clash(found: Communes, kind: str, value: str) -> str | None:
    """The file of a commune that has this name or INSEE code already, or None."""
    return next(
        (
            found.labels[slug]
            for slug, commune in found.communes.items()
            if _folded(commune[kind]) == _folded(value)
        ),
        None,
    )


def _clashes(communes: dict[str, dict[str, Any]], labels: dict[str, str]) -> list[str]:
    lines = []
    seen: dict[tuple[str, str], str] = {}

    def taken(kind: str, value: str, slug: str) -> str | None:
        first = seen.setdefault((kind, value), slug)
        return None if first == slug else labels[first]

    for slug, commune in communes.items():
        for kind in UNIQUE:
            other = taken(kind, _folded(commune[kind]), slug)
            if other:
                value = shown(commune[kind])
                text = f"{kind}: {value} is also that of {other}; correct the one that is wrong"
                lines.append(f"{labels[slug]}: {text}")
        for host in host_names(slug, commune):
            other = taken("host", host, slug)
            if other:
                text = f"sources: the host {shown(host)} also comes from {other}; rename the source"
                lines.append(f"{labels[slug]}: {text}")
    return lines


def host_names(slug: str, commune: dict[str, Any]) -> list[str]:
    """The Ansible hosts of a commune: its LOCAL server, then its workstations."""
    pushing = [name for name, source in commune["sources"].items() if source["kind"] in ("linux", "windows")]
    return [f"{slug}-local"] + [f"{slug}-{name}" for name in pushing]


def _folded(text: str) -> str:
    """Names that only accents, case, spaces or hyphens tell apart are one name to a reader in a hurry."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return re.sub(r"[\s'\u2019-]+", "-", plain)
