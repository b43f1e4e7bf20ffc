# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules on a machine: what is in effect, a trial of new ones that undoes itself, and its confirmation.

New rules are loaded with a timer beside them that brings the former ones back. Only a session of sshd that
began after they were loaded may stop the timer: it is the proof that an administrator still gets in.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..backup_core.errors import BackupError, RefusedError, one_line
from ..backup_core.files import write_durably

TABLE = "inet ccpp_backup"
# What the machine loads at every start, before it has a network.
CONFIRMED = Path("/etc/ccpp-backup/firewall/confirmed.nft")
# A trial's files; a start of the machine ends the trial and takes them away.
TRIAL = Path("/run/ccpp-backup-firewall")
UNDO = "ccpp-backup-firewall-undo"
REPLACE = f"table {TABLE}\ndelete table {TABLE}\n"
# Lets everything through, and the kernel learn of the connections there are: without that, the first rules
# ever would take the answer to whoever loads them for something new that the machine wants to send.
LEARN = f"""{REPLACE}table {TABLE} {{
\tchain input {{
\t\ttype filter hook input priority filter; policy accept;
\t\tct state new counter
\t}}
\tchain output {{
\t\ttype filter hook output priority filter; policy accept;
\t\tct state new counter
\t}}
}}
"""


@dataclass(frozen=True)
class Trial:
    """Rules that are in effect and not confirmed. `loaded_at`: seconds since the machine started."""

    rules: str
    loaded_at: float


def installed() -> bool:
    return Path("/usr/sbin/nft").exists()


def canonical(listing: Mapping[str, Any]) -> list[Any]:
    """What `nft --json list table` says, without what the kernel adds: handles, counts, learnt elements."""
    return [_stripped(entry) for entry in listing["nftables"] if "metainfo" not in entry]


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        learnt = "dynamic" in (value.get("flags") or ())
        dropped = {"handle", "packets", "bytes"} | ({"elem"} if learnt else set())
        # The kernel keeps sets in an order of its own.
        return {
            name: _ordered(content)
            if name in ("set", "elem") and isinstance(content, list)
            else _stripped(content)
            for name, content in value.items()
            if name not in dropped
        }
    return [_stripped(entry) for entry in value] if isinstance(value, list) else value


def _ordered(entries: list[Any]) -> list[Any]:
    return sorted(
        (_stripped(entry) for entry in entries), key=lambda entry: json.dumps(entry, sort_keys=True)
    )


def in_effect() -> list[Any] | None:
    """The table as the kernel has it, None where there is none."""
    done = _run("nft", "--json", "list", "table", *TABLE.split(), check=False)
    return canonical(json.loads(done.stdout)) if done.returncode == 0 else None


def understood(rules: str) -> list[Any]:
    """The table as the kernel would have it, tried in a network namespace of its own, or BackupError."""
    _run("nft", "--check", "--file", "-", stdin=rules)
    script = f"nft --file - && nft --json list table {TABLE}"
    done = _run("unshare", "--net", "sh", "-c", script, stdin=rules)
    return canonical(json.loads(done.stdout))


def confirmed() -> str | None:
    return CONFIRMED.read_text(encoding="utf-8") if CONFIRMED.exists() else None


def differs(rules: str) -> bool:
    """Whether anything has to be done for these rules to be in effect, and to be so after a start as well."""
    return confirmed() != rules or in_effect() != understood(rules)


def learn(seconds: int) -> bool:
    """Have connections followed where they are not yet; whether that was needed. It ends by itself."""
    if in_effect() is not None:
        return False
    _try(LEARN, REPLACE, seconds)
    return True


def load(rules: str, seconds: int) -> None:
    """Load the rules, to be taken back after so many seconds. A trial that was going on ends."""
    former = _former()
    _run("nft", "--check", "--file", "-", stdin=former)
    _try(rules, former, seconds)


def _try(rules: str, former: str, seconds: int) -> None:
    TRIAL.mkdir(mode=0o700, exist_ok=True)
    _write(TRIAL / "former.nft", former)
    # What takes rules back is there before they are, and an earlier trial's stays until after.
    earlier = _timers()
    unit = f"{UNDO}-{time.monotonic_ns()}"
    _run(
        *("systemd-run", "--quiet", "--collect", f"--unit={unit}", f"--on-active={seconds}s"),
        *("--timer-property=AccuracySec=100ms", "--description=Take unconfirmed firewall rules back"),
        *("/usr/sbin/nft", "--file", str(TRIAL / "former.nft")),
    )
    try:
        _run("nft", "--file", "-", stdin=rules)
    except BackupError:
        _stop([f"{unit}.timer"])
        raise
    _write(TRIAL / "candidate.nft", rules)
    _write(TRIAL / "loaded_at", f"{_now()}\n")
    _stop(earlier)


def _former() -> str:
    """What brings back what is in effect now; of a trial, what it would bring back."""
    if _armed() and (TRIAL / "former.nft").exists():
        return (TRIAL / "former.nft").read_text(encoding="utf-8")
    before, known = in_effect(), confirmed()
    if before is None:
        return REPLACE
    if known is not None and before == understood(known):
        return known
    return REPLACE + _run("nft", "--stateless", "list", "table", *TABLE.split()).stdout


def trial() -> Trial | None:
    """The rules on trial, None when there are none or they were taken back."""
    try:
        rules = (TRIAL / "candidate.nft").read_text(encoding="utf-8")
        loaded_at = float((TRIAL / "loaded_at").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Trial(rules, loaded_at) if _armed() else None


def confirm(rules: str) -> None:
    """Make the rules on trial the ones to stay. RefusedError unless this session of sshd is newer."""
    running = trial()
    if running is None or running.rules != rules:
        raise RefusedError("the new rules were not confirmed in time: the former ones are back")
    session = _session()
    if session is None:
        raise RefusedError("new rules are confirmed over SSH, and this is no session of sshd")
    if session < running.loaded_at:
        raise RefusedError(
            "this session of sshd is older than the new rules and proves nothing; open a new one"
        )
    disarm(keep_files=True)
    # The timer may have gone off since: what counts is what is in effect once it cannot go off any more.
    if in_effect() != understood(rules):
        raise RefusedError("the new rules were not confirmed in time: the former ones are back")
    CONFIRMED.parent.mkdir(parents=True, exist_ok=True)
    _write(CONFIRMED, rules)
    disarm()


def remove() -> bool:
    """No firewall any more, nor after a start; whether there was one."""
    disarm()
    there = in_effect() is not None or CONFIRMED.exists()
    if in_effect() is not None:
        _run("nft", "--file", "-", stdin=REPLACE)
    CONFIRMED.unlink(missing_ok=True)
    return there


def disarm(*, keep_files: bool = False) -> None:
    """Stop the timers that take rules back, waiting for one that is at work."""
    _stop(_timers())
    if not keep_files and TRIAL.exists():
        for name in ("loaded_at", "candidate.nft", "former.nft"):
            (TRIAL / name).unlink(missing_ok=True)


def _timers() -> list[str]:
    listing = ("systemctl", "list-units", "--all", "--plain", "--no-legend", f"{UNDO}-*")
    units = [line.split()[0] for line in _run(*listing).stdout.splitlines() if line.strip()]
    return sorted({re.sub(r"\.(timer|service)$", ".timer", unit) for unit in units})


def _stop(timers: list[str]) -> None:
    # The timer first: afterwards no service can begin.
    for units in (timers, [timer.replace(".timer", ".service") for timer in timers]):
        if units:
            _run("systemctl", "stop", *units, check=False)


def _armed() -> bool:
    timers = _timers()
    return bool(timers) and "active" in _run("systemctl", "is-active", *timers, check=False).stdout.split()


def _session() -> float | None:
    """When the session of sshd that this process belongs to began, in seconds since the machine started."""
    process = os.getpid()
    while process > 1:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
        # The name, in parentheses, may hold anything.
        name, rest = re.fullmatch(r"\d+ \((.*)\) (.*)", status, re.DOTALL).groups()  # type: ignore[union-attr]
        fields = rest.split()
        if name.startswith("sshd"):
            return int(fields[19]) / os.sysconf("SC_CLK_TCK")
        process = int(fields[1])
    return None


def _now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _write(path: Path, text: str) -> None:
    write_durably(str(path), text.encode())


def _run(*command: str, check: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command, input=stdin or "", capture_output=True, text=True, env=environment, timeout=60, check=False
    )
    if check and done.returncode != 0:
        said = one_line(done.stderr or done.stdout, 500)
        raise BackupError(f"{' '.join(command[:3])} failed, nothing was replaced: {said}")
    return done
