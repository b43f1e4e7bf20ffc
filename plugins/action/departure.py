# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part in a commune's departure: its record, its certificate, its secrets, its file."""

from __future__ import annotations

import contextlib
import os
import pathlib
import subprocess
import tempfile
from datetime import UTC, date, datetime
from typing import Any

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import machine, signing
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError, shown
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.times import paris_day, utc_text
from ansible_collections.ccpp.backup.plugins.module_utils.commune import (
    certificate,
    certificate_pdf,
    folder,
    kit_record,
    leaving,
)
from ansible_collections.ccpp.backup.plugins.plugin_utils import files, vault
from ansible_collections.ccpp.backup.plugins.plugin_utils.controller import ControllerAction

_ARGUMENTS = {
    "commune": {"type": "str", "required": True},
    "part": {"type": "str", "choices": ["look", "note", "finish"], "default": "look"},
    "communes_directory": {"type": "path", "required": True},
    "directory": {"type": "path", "required": True},
    "secrets_directory": {"type": "path"},
    "handback_to": {"type": "str"},
    "handback_from": {"type": "str"},
    "handback_again": {"type": "bool", "default": False},
    "agreed_on": {"type": "str"},
    "erased_by": {"type": "str"},
    "local_lost": {"type": "str"},
    "gone": {"type": "list", "elements": "str"},
    "facts": {"type": "dict", "default": {}},
    "erasing": {"type": "bool", "default": False},
    "owner": {"type": "str"},
}
_RECORD = "departure.json"
_SIGNERS = "signers"
_MESSAGES = {
    leaving.HAND_BACK: "{slug}: the last backups are made now, and handed back",
    leaving.WAIT: "{slug}: handed back; when the commune agrees to the erasure, run this again with"
    " -e agreed_on=DAY -e erased_by=NAME",
    leaving.ERASE: "{slug}: is being erased",
    leaving.DONE: "{slug}: has left, nothing is to be done ({folder})",
}


class ActionModule(ControllerAction):
    """Action behind the module departure."""

    arguments = _ARGUMENTS
    speaker = "offboard"

    def work(self, given: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        place = _Place(given)
        part = {"look": self._look, "note": self._note, "finish": self._finish}[given["part"]]
        with place.locked(self._task.check_mode):
            return part(place, given, task_vars)

    def _look(self, place: _Place, given: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        del task_vars
        asked = leaving.Asked(
            given["handback_to"],
            given["handback_from"],
            given["handback_again"],
            given["agreed_on"],
            given["erased_by"],
            given["local_lost"],
        )
        record = place.record()
        try:
            step = leaving.next_step(place.commune["state"], record, asked, _today())
        except InputError as error:
            raise InputError(f"{place.slug}: {error}") from None
        gone = record.get("gone", []) if given["gone"] is None else [str(name) for name in given["gone"]]
        strange = [name for name in gone if name not in place.commune["sources"]]
        if strange:
            known = ", ".join(place.commune["sources"])
            raise InputError(
                f"gone: {shown(strange[0])} is no source of {place.slug}; its sources are {known}"
            )
        asked_for = {"agreed_on": given["agreed_on"], "erased_by": given["erased_by"]}
        return {
            "changed": False,
            "step": step,
            "record": record,
            "gone": gone,
            "agreed": record.get("agreed") or asked_for,
            "handback_from": asked.server,
            "lost": record.get("lost") or given["local_lost"] or "",
            "message": _MESSAGES[step].format(slug=place.slug, folder=place.folder),
        }

    def _note(self, place: _Place, given: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        del task_vars
        before = place.record()
        facts = dict(given["facts"])
        if "handback" in facts:
            facts["handback"] = {name: facts["handback"][name] for name in leaving.HANDBACK_FIELDS}
        # Of the erasures one server's is noted after the other's.
        erased = {**before.get("erased", {}), **facts.get("erased", {})}
        after = {**before, "commune": place.slug, **facts, **({"erased": erased} if erased else {})}
        changed = after != before
        if changed and not self._task.check_mode:
            place.write(after)
        if given["erasing"]:
            changed |= place.set_state(leaving.ERASING, self._task.check_mode)
        return {"changed": changed, "record": after}

    def _finish(self, place: _Place, given: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        record = place.record()
        if record.get("done") and place.commune["state"] == leaving.LEFT:
            return {"changed": False, "record": record}
        if self._task.check_mode:
            return {"changed": True, "record": record}
        lacking = leaving.missing(record)
        if lacking:
            raise InputError(f"{place.file}: {lacking[0]} is missing: the erasure is not complete")
        secrets = vault.directory(given["secrets_directory"], task_vars, self._templar)
        with files.locked(secrets):
            record = _without_secrets(place, record, secrets)
            if "certificate" not in record:
                record["certificate"] = self._certificate(place, record, secrets, given)
                place.write(record)
        if not record.get("done"):
            record["done"] = utc_text(datetime.now(UTC))
            place.write(record)
        place.set_state(leaving.LEFT, check=False)
        given_out = f"{certificate.FILE}, its {signing.SUFFIX} and {_SIGNERS}"
        message = (
            f"{place.slug}: has left. Give the commune {given_out} of {place.folder}. Put that folder, the"
            " commune's file and the removal of its secrets under version control. Then: make allocate"
            f" RELEASE={place.slug}"
        )
        return {"changed": True, "record": record, "message": message}

    def _certificate(
        self, place: _Place, record: dict[str, Any], secrets: pathlib.Path, given: dict[str, Any]
    ) -> dict[str, Any]:
        """Draw it, sign it, and check the signature as the commune will."""
        key = _signing_key(self._loader._vault, secrets / "service.yml")
        public = signing.public_key(key)
        fingerprint = _fingerprint(public)
        on = _today()
        said = certificate.sections(place.commune, record, given["owner"] or "", fingerprint)
        pdf = certificate_pdf.draw(said, place.commune["name"], on)
        signature = signing.sign(pdf, key, signing.CERTIFICATE)
        signers = signing.signer_line(public, [signing.CERTIFICATE])
        files.write(place.folder / _SIGNERS, signers.encode("ascii"), 0o644)
        signing.verify(pdf, signature, str(place.folder / _SIGNERS), signing.CERTIFICATE)
        files.write(place.folder / certificate.FILE, pdf, 0o644)
        files.write(place.folder / f"{certificate.FILE}{signing.SUFFIX}", signature, 0o644)
        return {"on": str(on), "key": fingerprint}


class _Place:
    """A commune's file, and the folder of its departure."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.slug = str(given["commune"])
        found = folder.files(pathlib.Path(given["communes_directory"]))
        if self.slug not in {path.stem for path in found}:
            known = ", ".join(path.stem for path in found)
            raise InputError(f"-e commune={self.slug}: there is no such commune; use one of: {known}")
        self.commune_file = next(path for path in found if path.stem == self.slug)
        self.commune = self._settings()
        self.folder = pathlib.Path(given["directory"]) / self.slug
        self.file = self.folder / _RECORD

    def _settings(self) -> dict[str, Any]:
        # What is promised for a disaster does not keep anybody from leaving.
        read = folder.validate(folder.read([(str(self.commune_file), self.commune_file)]), promises=False)
        if read.lines:
            raise InputError(read.lines[0])
        return read.communes[self.slug]

    def locked(self, check: bool) -> Any:
        if check:
            return contextlib.nullcontext()
        self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        return files.locked(self.folder)

    def record(self) -> dict[str, Any]:
        content = self.file.read_bytes() if self.file.exists() else None
        return leaving.load(content, str(self.file))

    def write(self, record: dict[str, Any]) -> None:
        files.write(self.file, leaving.text(record).encode(), 0o644)

    def set_state(self, state: str, check: bool) -> bool:
        """Write the state into the commune's file; whether that changes it."""
        before = self.commune_file.read_text(encoding="utf-8")
        with files.named(self.commune_file):
            after = leaving.with_state(before, state)
        if after != before and not check:
            files.write(self.commune_file, after.encode(), self.commune_file.stat().st_mode & 0o777)
        return after != before


def _today() -> date:
    return paris_day(datetime.now(UTC))


def _without_secrets(place: _Place, record: dict[str, Any], secrets: pathlib.Path) -> dict[str, Any]:
    """Shred the commune's vault file; first note which kits on paper carry its keys."""
    kits = secrets / f"{place.slug}.kits.yml"
    if kits.exists():
        made = kit_record.load(kits.read_bytes())
        record = {
            **record,
            "kits": [
                {"for": one.recipient, "on": str(one.on), "fingerprint": one.fingerprint} for one in made
            ],
        }
        place.write(record)
    machine.shred([str(secrets / f"{place.slug}.yml")])
    kits.unlink(missing_ok=True)
    return record


def _signing_key(library: Any, file: pathlib.Path) -> str:
    """The service's signing key, in its vault file; made when it is needed for the first time."""
    with files.named(file):
        stored = vault.read(library, file)
        key = stored.get("signing_key")
        if key is None:
            secret = vault.password(library)
            key = _new_key()
            comment = "Secrets of the service. Without this file and its password no backup can be read."
            content = vault.encrypted(library, secret, {**stored, "signing_key": key}, comment)
            files.write(file, content, 0o600)
    if not isinstance(key, str):
        raise InputError(
            f"{file}: signing_key: {shown(key)} is not a key; restore the file from its last version"
        )
    return key


def _new_key() -> str:
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as where:
        path = os.path.join(where, "key")
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ccpp-backup", "-f", path]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=60)
        except (OSError, subprocess.SubprocessError):
            raise InputError("ssh-keygen makes no key on the controller; install openssh-client") from None
        return pathlib.Path(path).read_text(encoding="ascii")


def _fingerprint(public: str) -> str:
    done = subprocess.run(
        ["ssh-keygen", "-l", "-f", "-"], input=public, capture_output=True, text=True, check=False, timeout=60
    )
    return done.stdout.split()[1] if done.returncode == 0 else ""
