# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What restic is told, how it is run, and what its answers are made into."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import restic
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.config import RepositoryAccess
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError, InputError

A = "a" * 64
ACCESS = RepositoryAccess(
    "/secrets/password", location_file="/secrets/location", cacert="/ca.pem", key_hint=A
)
REPOSITORY = restic.Repository(ACCESS, "/cache")
COPY_FROM = RepositoryAccess(
    "/secrets/pull", location_file="/secrets/upstream", cacert="/ca.pem", key_hint="b" * 64
)


def every_command() -> list[restic.Command]:
    what = restic.Backup(("/home",), "accueil", full=True, exclude=("*.tmp",), time="2026-03-02 08:00:00")
    return [
        REPOSITORY.init(COPY_FROM),
        REPOSITORY.cat("snapshot", A),
        REPOSITORY.cat_config(),
        REPOSITORY.key_list(),
        REPOSITORY.key_add("/secrets/new", "remote", "local"),
        REPOSITORY.snapshots([A]),
        REPOSITORY.backup(what),
        REPOSITORY.copy(COPY_FROM, [A]),
        REPOSITORY.restore(A, "/target", "/home"),
        REPOSITORY.check("2%"),
        REPOSITORY.stats(A),
        REPOSITORY.list_locks(),
        REPOSITORY.list_snapshots(),
        REPOSITORY.forget([A]),
        REPOSITORY.prune(),
        REPOSITORY.repair_index(),
        REPOSITORY.unlock(),
    ]


@pytest.mark.parametrize("command", every_command(), ids=lambda command: command.name)
def test_no_command_is_insecure_or_leaves_a_choice_to_the_client(command: restic.Command) -> None:
    assert not any("insecure" in one or one == "latest" for one in command.arguments)
    assert not any("password" in one and "file" not in one for one in command.arguments)
    assert command.environment["RESTIC_PASSWORD_FILE"] == "/secrets/password"
    assert command.environment["RESTIC_REPOSITORY_FILE"] == "/secrets/location"
    assert command.environment["RESTIC_CACERT"] == "/ca.pem"
    assert command.environment["RESTIC_KEY_HINT"] == A
    assert command.environment["LC_ALL"] == "C"
    assert "--skip-if-unchanged" not in command.arguments
    assert "--remove-all" not in command.arguments


def test_a_copy_names_both_repositories_by_files() -> None:
    command = REPOSITORY.copy(COPY_FROM, [A])
    assert command.environment["RESTIC_FROM_REPOSITORY_FILE"] == "/secrets/upstream"
    assert command.environment["RESTIC_FROM_PASSWORD_FILE"] == "/secrets/pull"
    assert command.environment["RESTIC_FROM_KEY_HINT"] == "b" * 64
    assert command.arguments == ("--no-cache", "copy", "--no-lock", A)


def test_what_reads_another_servers_repository_keeps_no_cache_of_it() -> None:
    for command in (REPOSITORY.copy(COPY_FROM, [A]), REPOSITORY.init(COPY_FROM)):
        assert command.arguments[0] == "--no-cache"
        assert "RESTIC_CACHE_DIR" not in command.environment


def test_a_backup_is_told_all_and_nothing_more() -> None:
    what = restic.Backup(("/home", "-odd"), "accueil", full=False, exclude=("-x", "*.tmp"))
    assert REPOSITORY.backup(what).arguments == (
        "backup", "--json", "--host=accueil", "--exclude=-x", "--exclude=*.tmp", "--", "/home", "-odd",
    )  # fmt: skip
    timed = REPOSITORY.backup(restic.Backup(("/home",), "accueil", full=True, time="2026-03-02 08:00:00"))
    assert "--force" in timed.arguments
    assert "--time=2026-03-02 08:00:00" in timed.arguments
    assert timed.environment["TZ"] == "UTC"


@pytest.mark.parametrize("bad", ["latest", "a" * 63, "A" * 64, "", A + ":/home", "-x"])
def test_only_full_ids_are_taken(bad: str) -> None:
    for build in (REPOSITORY.snapshots, REPOSITORY.forget):
        with pytest.raises(InputError):
            build([bad])
    with pytest.raises(InputError):
        REPOSITORY.restore(bad, "/target")


def test_forgetting_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="every snapshot"):
        REPOSITORY.forget([])


def test_a_path_is_no_pattern() -> None:
    assert restic.literal_pattern("/a*b?[c]\\d") == "/a\\*b\\?\\[c\\]\\\\d"


def test_nothing_of_the_environment_redirects_restic() -> None:
    outside = {"PATH": "/bin", "RESTIC_REPOSITORY": "/evil", "HTTPS_PROXY": "x", "RESTIC_PASSWORD": "y"}
    inside = restic.full_environment(REPOSITORY.prune(), outside)
    assert inside["PATH"] == "/bin"
    assert not {"RESTIC_REPOSITORY", "HTTPS_PROXY", "RESTIC_PASSWORD"} & set(inside)


def test_credentials_never_reach_a_message() -> None:
    text = "unable to open rest:https://accueil:s3cret@host:8443/accueil/: 401"
    assert restic.redact(text) == "unable to open rest:https://***@host:8443/accueil/: 401"
    result = restic.Result(1, stderr=restic.condensed(f"Fatal: {text}"))
    with pytest.raises(restic.ResticError) as error:
        restic.checked(result, "listing")
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize(
    ("stderr", "line"),
    [
        ("", ""),
        ("noise\nFatal: wrong password or no key found\n", "wrong password or no key found"),
        ("panic: runtime error\n\ngoroutine 1", "panic: runtime error"),
        ('{"message_type":"exit_error","code":10,"message":"Fatal: none\\nmore"}', "none"),
        ("a\nx509: certificate signed by unknown authority", "x509: certificate signed by unknown authority"),
    ],
)
def test_complaints_become_one_line(stderr: str, line: str) -> None:
    assert restic.condensed(stderr) == line


@pytest.mark.parametrize("code", [1, 2, 3, 10, 11, 12, 130, -9])
def test_every_code_but_success_is_a_failure_that_says_so(code: int) -> None:
    with pytest.raises(restic.ResticError) as error:
        restic.checked(restic.Result(code), "doing it")
    assert error.value.code == code
    assert str(error.value).startswith("doing it: ")


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in restic's place, for moments that the real one cannot be brought into at will."""
    path = tmp_path / "restic"
    monkeypatch.setenv("RESTIC", str(path))
    return path


def program(path: Path, body: str) -> None:
    path.write_text(f"#!{sys.executable}\nimport os, sys, time\n{body}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_messages_come_as_they_are_printed_and_passing_ones_are_not_kept(fake: Path) -> None:
    program(
        fake,
        'print(\'{"message_type": "status", "percent_done": 0.5}\')\nprint(\'text\')\n'
        "print('{\"message_type\": \"summary\"}')\nsys.stderr.write('Fatal: no\\n')\nsys.exit(3)",
    )
    messages: list[object] = []
    texts: list[str] = []
    result = restic.run(REPOSITORY.prune(), on_message=messages.append, on_text=texts.append)
    assert (result.code, result.stderr) == (3, "no")
    assert [m["message_type"] for m in result.json_lines()] == ["status", "summary"] or len(messages) == 2
    assert texts == ["text"]


def test_a_time_out_ends_restic(fake: Path) -> None:
    program(fake, "time.sleep(60)")
    with pytest.raises(restic.ResticError, match="took more than 0 s"):
        restic.run(REPOSITORY.prune(), timeout=0.3)


def test_a_restic_that_does_not_get_on_is_ended_and_its_complaint_told(fake: Path) -> None:
    program(
        fake,
        "for n in range(600):\n"
        '    print(\'{"message_type": "status", "seconds_elapsed": %d, "bytes_done": 5}\' % n, flush=True)\n'
        "    sys.stderr.write('Save(rest:https://u:s3cret@host/) failed: 507, retrying after 1s\\\\n')\n"
        "    sys.stderr.flush()\n"
        "    time.sleep(0.05)",
    )
    with pytest.raises(restic.ResticError, match=r"did not get on for 1 s and was ended: .*507") as error:
        restic.run(REPOSITORY.prune(), stall=1.0)
    assert "s3cret" not in str(error.value)


def test_a_restic_that_gets_on_slowly_is_left_alone(fake: Path) -> None:
    program(fake, "for n in range(6):\n    print('[0:0%d] %d%%' % (n, n), flush=True)\n    time.sleep(0.3)")
    assert restic.run(REPOSITORY.prune(), stall=1.0).code == 0


def test_a_restic_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTIC", "/no/such/restic")
    with pytest.raises(BackupError, match="install the package restic"):
        restic.run(REPOSITORY.prune())


def test_restic_inherits_a_lock(fake: Path, tmp_path: Path) -> None:
    program(fake, "os.fstat(int(os.environ.get('TMPDIR', '0')))")
    descriptor = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR)
    try:
        command = restic.Command(("prune",), {"TMPDIR": str(descriptor)})
        assert restic.run(command, keep_open=[descriptor]).code == 0
        assert restic.run(command).code == 1
    finally:
        os.close(descriptor)
