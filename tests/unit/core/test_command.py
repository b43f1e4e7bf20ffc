# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command from a plain checkout: its frame, what-if questions, the calendar, what mistakes read like."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import cli, times
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError, RefusedError

COMMAND = Path(__file__).parents[3] / "roles" / "agent" / "files" / "ccpp-backup"
NOW = "2026-03-20T20:00:00+01:00"
# Cures that come again and again.
TIME = "write 2026-03-01T08:00:00+01:00"
FIELDS = "id, series, received_at, claimed_at, kind, outcome"
NAME = "write 1 to 200 printable characters"

Run = Callable[..., tuple[int, str, str]]


def receipt(name: str, day: str, **changed: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "id": name,
        "series": "accueil",
        "received_at": f"{day}T12:00:05+01:00",
        "claimed_at": f"{day}T12:00:00+01:00",
        "kind": "incremental",
        "outcome": "ok",
    }
    return {**fields, **changed}


def lines(*receipts: object) -> str:
    return "".join(json.dumps(one) + "\n" for one in receipts)


HISTORY = [receipt(f"s{n:02}", f"2026-03-{n:02}") for n in range(2, 21)]
OPEN_DAYS = json.dumps([f"2026-03-{n:02}" for n in range(2, 21)])


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command in this process, in a folder with the files given by name; returns code, out, err."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CCPP_BACKUP_NOW", raising=False)
    monkeypatch.delenv("CCPP_BACKUP_DEBUG", raising=False)

    def call(*argv: str, **files: str | bytes) -> tuple[int, str, str]:
        for name, content in files.items():
            (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        code = cli.main(list(argv))
        out, err = capsys.readouterr()
        return code, out, err

    return call


def ask(
    run: Run, *more: str, receipts: str | bytes = lines(*HISTORY), days: str | bytes = OPEN_DAYS, **files: Any
) -> tuple[int, str, str]:
    return run(
        "plan",
        "--receipts",
        "receipts",
        "--open-days",
        "days",
        "--now",
        NOW,
        *more,
        receipts=receipts,
        days=days,
        **files,
    )


class TestTheFrame:
    def test_help_names_the_verbs_and_documents_the_exit_codes(self, run: Run) -> None:
        code, out, err = run("--help")
        assert (code, err) == (0, "")
        for verb in cli.available():
            assert f"\n    {verb}" in out
        for number in ("0", "1", "2", "3", "4", "70", "130"):
            assert f"\n  {number} " in out

    @pytest.mark.parametrize("verb", cli.available())
    def test_every_verb_has_help_json_and_now(self, run: Run, verb: str) -> None:
        code, out, err = run(verb, "--help")
        assert (code, err) == (0, "")
        assert "--json" in out
        assert "--now ISO8601" in out
        assert "exit codes:" in out

    @pytest.mark.parametrize(
        ("argv", "message"),
        [
            ([], "the following arguments are required: VERB (see ccpp-backup --help)"),
            (
                ["plan"],
                "the following arguments are required: --receipts, --open-days (see ccpp-backup plan --help)",
            ),
            (["--version"], "the following arguments are required: VERB (see ccpp-backup --help)"),
            (
                ["calendar", "--fr", "2026-01-01"],
                "unrecognized arguments: --fr 2026-01-01 (see ccpp-backup --help)",
            ),
            (
                ["calendar", "--now", "noon"],
                f"--now: 'noon' is not an ISO 8601 time ({TIME})",
            ),
            (
                ["calendar", "--now", "2026-03-01T08:00:00"],
                f"--now: '2026-03-01T08:00:00' has no offset from UTC ({TIME})",
            ),
        ],
    )
    def test_a_mistake_in_the_usage_is_one_line_and_exit_2(
        self, run: Run, argv: list[str], message: str
    ) -> None:
        assert run(*argv) == (2, "", f"ccpp-backup: {message}\n")

    def test_a_verb_that_does_not_exist_is_one_line_naming_those_that_do(self, run: Run) -> None:
        code, out, err = run("prune")
        assert (code, out) == (2, "")
        # Python 3.14 no longer quotes the choices.
        assert err.replace("'", "").startswith(
            "ccpp-backup: argument VERB: invalid choice: prune (choose from plan, calendar"
        )
        assert err.count("\n") == 1

    @pytest.mark.parametrize(
        ("error", "code", "line"),
        [
            (BackupError("no room\nleft"), 1, "no room left"),
            (RefusedError("hold"), 4, "hold"),
            (PermissionError(13, "Permission denied", "/srv"), 1, "/srv: Permission denied"),
            (OSError("odd"), 1, "odd"),
            (KeyboardInterrupt(), 130, "interrupted"),
            (ValueError("x"), 70, "this is a bug, please report it: ValueError: x"),
            (BackupError("\x1b[2J" + "x" * 5000), 1, "\\x1b[2J" + "x" * 993 + "..."),
        ],
    )
    def test_every_error_is_one_line_and_an_exit_code(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, line: str
    ) -> None:
        def fail(*_args: object) -> int:
            raise error

        monkeypatch.setattr(cli.load("calendar"), "execute", fail)
        assert run("calendar") == (code, "", f"ccpp-backup: {line}\n")

    def test_the_place_of_a_bug_is_shown_on_request(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_args: object) -> int:
            raise ValueError("x")

        monkeypatch.setattr(cli.load("calendar"), "execute", fail)
        monkeypatch.setenv("CCPP_BACKUP_DEBUG", "1")
        code, _out, err = run("calendar")
        assert code == 70
        assert "Traceback" in err

    def test_the_environment_can_say_what_time_it_is(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        block = '{"weekdays": ["mon"], "public_holidays": "none"}'
        argv = ("calendar", "--opening", "block.json", "--to", "2030-01-08")
        monkeypatch.setenv("CCPP_BACKUP_NOW", "2029-12-31T23:30:00Z")
        assert run(*argv, **{"block.json": block})[1] == "2030-01-07  mon\n"
        monkeypatch.setenv("CCPP_BACKUP_NOW", "soon")
        assert run(*argv)[2] == (f"ccpp-backup: CCPP_BACKUP_NOW: 'soon' is not an ISO 8601 time ({TIME})\n")


class TestTheExecutable:
    @staticmethod
    def execute(*argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("CCPP_", "PYTHON"))}
        return subprocess.run(
            # -S: without site-packages, as on a machine that has the standard library only.
            [sys.executable, "-S", str(COMMAND), *argv],
            capture_output=True,
            text=True,
            env={**clean, **environment},
        )

    def test_it_runs_from_a_checkout_with_the_standard_library_alone(self, tmp_path: Path) -> None:
        (tmp_path / "receipts").write_text(lines(*HISTORY))
        (tmp_path / "days").write_text(OPEN_DAYS)
        (tmp_path / "policy").write_text("{}")
        done = self.execute(
            "plan",
            "--receipts",
            f"{tmp_path}/receipts",
            "--open-days",
            f"{tmp_path}/days",
            "--policy",
            f"{tmp_path}/policy",
            "--now",
            NOW,
            "--json",
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert len(json.loads(done.stdout)["decisions"]) == len(HISTORY)

    def test_it_takes_the_package_from_the_folder_it_is_told(self, tmp_path: Path) -> None:
        done = self.execute("--help", CCPP_BACKUP_LIB=str(tmp_path))
        assert done.returncode == 1
        assert done.stderr == f"ccpp-backup: no package backup_core in {tmp_path}: run the role agent again\n"

    def test_its_output_is_utf_8_whatever_the_locale(self, tmp_path: Path) -> None:
        (tmp_path / "receipts").write_text(lines(receipt("é", "2026-03-19")))
        (tmp_path / "days").write_text("[]")
        clean = {"LC_ALL": "POSIX", "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
        done = subprocess.run(
            [
                sys.executable,
                str(COMMAND),
                "plan",
                "--receipts",
                f"{tmp_path}/receipts",
                "--open-days",
                f"{tmp_path}/days",
                "--now",
                NOW,
                "--json",
            ],
            capture_output=True,
            env={**os.environ, **clean},
        )
        assert json.loads(done.stdout.decode("utf-8"))["decisions"][0]["id"] == "é"

    @pytest.mark.parametrize(
        "redirection", ["| head -n 1", "| true", "2>&1 | true", ">&-", ">&- 2>&-", "2>&-"]
    )
    def test_a_reader_that_leaves_early_changes_nothing_of_the_outcome(
        self, tmp_path: Path, redirection: str
    ) -> None:
        (tmp_path / "receipts").write_text(lines(*(receipt(f"{n}", "2026-03-19") for n in range(5000))))
        (tmp_path / "days").write_text("[]")
        done = subprocess.run(
            [
                "bash",
                "-c",
                f"'{sys.executable}' '{COMMAND}' plan --receipts '{tmp_path}/receipts' --open-days"
                f" '{tmp_path}/days' --now {NOW} {redirection}; exit ${{PIPESTATUS[0]}}",
            ],
            capture_output=True,
            text=True,
        )
        assert done.stderr == ""
        assert done.returncode == 0

    def test_a_reader_that_left_before_a_complaint_changes_nothing_of_it(self) -> None:
        command = f"'{sys.executable}' '{COMMAND}' plan 2>&1 | true; exit ${{PIPESTATUS[0]}}"
        assert subprocess.run(["bash", "-c", command]).returncode == 2

    def test_it_loads_what_its_verb_needs_and_no_other(self) -> None:
        """A timer starts it every minute: what is slow to load is left to the verbs that need it."""
        said = self.execute("plan", "--help", PYTHONVERBOSE="1").stderr
        loaded = {name.rpartition("backup_core.")[2] for name in re.findall("^import '([^']+)'", said, re.M)}
        assert {"cli", "cli.plan", "whatif", "retention"} <= loaded
        assert not loaded & {
            "cli.retain",
            "restic",
            "workplace",
            "web",
            "holidays",
            "yaml",
            "ssl",
            "http.client",
        }


class TestWhatIsReadFromAFile:
    """In a process of its own: what is wrong here would wait for ever."""

    @staticmethod
    def ask(folder: Path, *changed: str, **given: Any) -> subprocess.CompletedProcess[str]:
        files = {"receipts": lines(*HISTORY), "days": OPEN_DAYS, "policy": "{}"}
        for name, content in files.items():
            if not (folder / name).exists():
                (folder / name).write_text(content)
        options = ["--receipts", "receipts", "--open-days", "days", "--policy", "policy", "--now", NOW]
        return subprocess.run(
            [sys.executable, str(COMMAND), "plan", *options, *changed, "--json"],
            **{"cwd": folder, "capture_output": True, "text": True, "timeout": 20, **given},
        )

    @pytest.mark.parametrize("name", ["receipts", "days", "policy"])
    @pytest.mark.parametrize("kind", ["fifo", "fifo with a writer", "link to a fifo", "folder"])
    def test_what_is_no_plain_file_is_one_line_at_once(self, tmp_path: Path, name: str, kind: str) -> None:
        path = tmp_path / name
        if kind == "folder":
            path.mkdir()
        elif kind == "link to a fifo":
            os.mkfifo(tmp_path / "fifo")
            path.symlink_to("fifo")
        else:
            os.mkfifo(path)
        with open(path, "rb+", buffering=0) if kind == "fifo with a writer" else nullcontext():
            done = self.ask(tmp_path)
        said = "is not a plain file (save it as one, or hand it over by a pipe as -)"
        assert (done.returncode, done.stdout, done.stderr) == (2, "", f"ccpp-backup: {name}: {said}\n")

    @pytest.mark.parametrize("name", ["-", "/dev/stdin", "/dev/fd/0"])
    def test_a_terminal_is_one_line_at_once(self, tmp_path: Path, name: str) -> None:
        keyboard, terminal = os.openpty()
        try:
            done = self.ask(tmp_path, "--receipts", name, stdin=terminal)
        finally:
            os.close(keyboard)
            os.close(terminal)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"ccpp-backup: {name}: is not a plain file (")

    @pytest.mark.parametrize("name", ["/dev/null", "/dev/zero"])
    def test_a_device_is_no_file(self, tmp_path: Path, name: str) -> None:
        done = self.ask(tmp_path, "--open-days", name)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"ccpp-backup: {name}: is not a plain file (")

    @pytest.mark.parametrize("name", ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"])
    def test_a_pipe_that_is_handed_over_is_read_to_its_end(self, tmp_path: Path, name: str) -> None:
        answer = self.ask(tmp_path)
        assert answer.returncode == 0
        # Longer than a pipe holds, so that the reader has to wait for the writer.
        asked = lines(*HISTORY) + "\n" * 200_000
        assert self.ask(tmp_path, "--receipts", name, input=asked).stdout == answer.stdout
        assert self.ask(tmp_path, "--open-days", name, input=OPEN_DAYS).stdout == answer.stdout

    def test_a_pipe_of_the_shell_is_read_to_its_end(self, tmp_path: Path) -> None:
        answer = self.ask(tmp_path)
        ask = f"'{sys.executable}' '{COMMAND}' plan --open-days days --policy policy --now {NOW} --json"
        done = subprocess.run(
            ["bash", "-c", f"{ask} --receipts <(sleep 1; cat receipts)"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert (done.stdout, done.stderr) == (answer.stdout, "")

    def test_a_standard_input_that_is_closed_is_one_line(self, tmp_path: Path) -> None:
        self.ask(tmp_path)
        done = subprocess.run(
            f"'{sys.executable}' '{COMMAND}' plan --receipts - --open-days days --now {NOW} <&-",
            shell=True,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert done.returncode == 2
        assert done.stderr == "ccpp-backup: -: cannot be read: Bad file descriptor\n"


class TestPlan:
    def test_the_answer_has_the_promised_shape_and_order(self, run: Run) -> None:
        code, out, err = ask(run, "--json")
        answer = json.loads(out)
        assert (code, err) == (0, "")
        assert set(answer) == {"decisions", "refused", "plan_hash"}
        assert [decision["id"] for decision in answer["decisions"]] == [one["id"] for one in HISTORY]
        assert answer["decisions"][0] == {
            "id": "s02",
            "series": "accueil",
            "action": "keep",
            "reasons": ["the full of 2026-03, kept 12 months, to 2027-03-02 inclusive"],
            "until": "2027-03-02",
        }
        assert answer["decisions"][1]["action"] == "remove"
        assert answer["refused"] is None
        assert len(answer["plan_hash"]) == 64

    def test_an_empty_history_has_an_empty_answer(self, run: Run) -> None:
        for nothing in ("", "\n", "\n \n"):
            code, out, _err = ask(run, "--json", receipts=nothing)
            assert code == 0
            assert json.loads(out)["decisions"] == []

    def test_the_last_line_needs_no_newline(self, run: Run) -> None:
        assert (
            len(json.loads(ask(run, "--json", receipts=lines(*HISTORY).rstrip("\n"))[1])["decisions"]) == 19
        )

    def test_the_table_is_for_people_and_ends_with_the_counts_and_the_hash(self, run: Run) -> None:
        code, out, _err = ask(
            run, receipts=lines(*HISTORY, receipt("f" * 64, "2026-03-20", claimed_at="2020-01-01T00:00:00Z"))
        )
        table = out.splitlines()
        assert code == 0
        assert table[0] == (
            "keep        2027-03-02  accueil           s02           the full of 2026-03, kept 12"
            " months, to 2027-03-02 inclusive"
        )
        assert table[1].startswith(
            "remove      2026-03-17  accueil           s03           ended: kept 14 days"
        )
        assert table[-3].startswith(
            "quarantine  -           accueil           ffffffff      claimed_at 2020-01-01"
        )
        assert table[-2] == "16 to keep, 3 to remove, 1 in quarantine"
        assert table[-1].startswith("plan hash: ")

    def test_a_refused_plan_is_an_answer_and_its_hash_confirms_it(self, run: Run) -> None:
        policy = '{"removal_count": 2}'
        code, out, _err = ask(run, "--json", "--policy", "policy", policy=policy)
        asked = json.loads(out)
        assert code == 0
        assert asked["refused"].startswith("the plan would remove 3 of the 19 snapshots of 'accueil': ")
        assert "\n" not in asked["refused"]
        out = ask(run, "--json", "--policy", "policy", "--confirm", asked["plan_hash"], policy=policy)[1]
        assert json.loads(out) == {**asked, "refused": None}
        table = ask(run, "--policy", "policy", policy=policy)[1]
        assert f"\nrefused: {asked['refused']}\n" in table

    def test_the_policy_file_overrides_the_defaults_it_names(self, run: Run) -> None:
        out = ask(run, "--json", "--policy", "policy", policy='{"other_days": 15}')[1]
        assert [d["action"] for d in json.loads(out)["decisions"]].count("remove") == 2

    def test_a_hold_can_be_supposed(self, run: Run) -> None:
        answer = json.loads(ask(run, "--json", "--hold", "what if")[1])
        assert all("hold: what if" in d["reasons"] and d["action"] == "keep" for d in answer["decisions"])

    def test_help_names_every_number_of_the_policy_with_its_default(self, run: Run) -> None:
        out = run("plan", "--help")[1]
        assert "  full_months (12): months" in out
        assert "  removal_count (40): removals" in out

    def test_a_ledger_whose_clock_was_put_right_is_answered_and_nothing_of_it_removed(self, run: Run) -> None:
        ahead = receipt("a", "2026-01-19", received_at="2036-01-19T12:00:00+01:00")
        history = lines(ahead, *(receipt(f"b{day}", f"2026-01-{day}") for day in range(20, 30)))
        code, out, _error = ask(run, "--json", receipts=history)
        assert code == 0
        assert {d["action"] for d in json.loads(out)["decisions"]} == {"quarantine", "keep"}

    @pytest.mark.parametrize(
        ("receipts", "message"),
        [
            (
                "{",
                "line 1: receipt: not JSON: Expecting property name enclosed in double quotes at character 2",
            ),
            (
                "[1]\n",
                f"line 1: a list of 1 is not a receipt (write a JSON object with {FIELDS})",
            ),
            (
                lines(HISTORY[0], {"id": "x"}),
                f"line 2: series: missing (a receipt has {FIELDS})",
            ),
            (
                lines({**HISTORY[0], "size": 1}),
                f"line 1: 'size' is not a field of a receipt (use {FIELDS})",
            ),
            ('{"id": "a", "id": "b"}\n', "line 1: receipt: not usable JSON: the field 'id' is there twice"),
            (
                lines({**HISTORY[0], "id": ""}),
                f"line 1: id: '' is not a name ({NAME})",
            ),
            (
                lines({**HISTORY[0], "id": 7}),
                f"line 1: id: 7 is not a name ({NAME})",
            ),
            (
                lines({**HISTORY[0], "series": "a\nb"}),
                f"line 1: series: 'a\\nb' is not a name ({NAME})",
            ),
            (
                lines({**HISTORY[0], "series": "\udcff"}),
                f"line 1: series: '\\udcff' is not a name ({NAME})",
            ),
            (
                lines({**HISTORY[0], "id": "x" * 201}),
                f"line 1: id: '{'x' * 60}'... (201 characters) is not a name ({NAME})",
            ),
            (
                lines({**HISTORY[0], "kind": "half"}),
                "line 1: kind: 'half' is not known (use full, incremental)",
            ),
            (
                lines({**HISTORY[0], "kind": ["full"]}),
                "line 1: kind: a list of 1 is not known (use full, incremental)",
            ),
            (
                lines({**HISTORY[0], "outcome": "good"}),
                "line 1: outcome: 'good' is not known (use ok, partial, failed)",
            ),
            (
                lines({**HISTORY[0], "received_at": "2026-03-02T12:00:00"}),
                f"line 1: received_at: '2026-03-02T12:00:00' has no offset from UTC ({TIME})",
            ),
            (
                lines({**HISTORY[0], "claimed_at": "2026-03-02"}),
                f"line 1: claimed_at: '2026-03-02' is not an ISO 8601 time ({TIME})",
            ),
            (
                lines({**HISTORY[0], "claimed_at": None}),
                f"line 1: claimed_at: null is not a time ({TIME})",
            ),
            (
                lines({**HISTORY[0], "claimed_at": "2026-02-30T12:00:00Z"}),
                "line 1: claimed_at: '2026-02-30T12:00:00Z' does not exist (day is out of range for"
                f" month; {TIME})",
            ),
            (
                lines({**HISTORY[0], "received_at": "1969-12-31T23:59:59Z"}),
                "line 1: received_at: '1969-12-31T23:59:59Z' is outside the years 1970 to 9799"
                " (check the clock)",
            ),
            (lines(HISTORY[0], HISTORY[0]), "line 2: id: 's02' is there twice (give each snapshot once)"),
            (
                "\ufeff" + lines(HISTORY[0]),
                "line 1: receipt: begins with a byte order mark (save it as UTF-8 without one)",
            ),
            (b"\xff\n", "line 1: receipt: not UTF-8 text (byte 1)"),
            ("x" * 10**6, "line 1: longer than 65536 bytes (write one receipt a line)"),
            ("[" * 60000, "line 1: receipt: not usable JSON: nested too deeply"),
            ('{"id": NaN}', "line 1: receipt: not usable JSON: NaN is not JSON"),
        ],
    )
    def test_a_mistake_in_the_receipts_is_one_line_with_its_cure(
        self, run: Run, receipts: str | bytes, message: str
    ) -> None:
        assert ask(run, "--json", receipts=receipts) == (2, "", f"ccpp-backup: receipts: {message}\n")

    @pytest.mark.parametrize(
        ("days", "message"),
        [
            ("{}", "days: a mapping of 0 is not a list (write a JSON list of dates)"),
            (
                '["2026-03-02", "2026-02-30"]',
                "days: [1]: '2026-02-30' does not exist (day is out of range for month)",
            ),
            ("[20260302]", "days: [0]: 20260302 is not a date (write 2026-03-01)"),
            ('["20260302"]', "days: [0]: '20260302' is not a date (write 2026-03-01)"),
            (
                '["2026-03-02", "2026-03-03", "2026-03-02"]',
                "days: [2]: '2026-03-02' is there twice, first as [0] (keep one)",
            ),
            ('["2026-03-02"', "days: not JSON: Expecting ',' delimiter at character 14"),
            ("", "days: not JSON: Expecting value at character 1"),
            (b" " * (16 * 1024 * 1024 + 1), "days: larger than 16777216 bytes (give a shorter document)"),
        ],
    )
    def test_a_mistake_in_the_open_days_is_one_line_with_its_cure(
        self, run: Run, days: str | bytes, message: str
    ) -> None:
        assert ask(run, "--json", days=days) == (2, "", f"ccpp-backup: {message}\n")

    @pytest.mark.parametrize(
        ("policy", "message"),
        [
            ("[]", "policy: a list of 0 is not a mapping (write names and numbers)"),
            (
                '{"other_days": -1}',
                "policy.other_days: -1 is not a whole number from 0 to 36500 (days every other"
                " snapshot is kept after its day, inclusive)",
            ),
            (
                '{"other_days": 1.5}',
                "policy.other_days: 1.5 is not a whole number from 0 to 36500 (days every other"
                " snapshot is kept after its day, inclusive)",
            ),
            (
                '{"other_days": true}',
                "policy.other_days: true is not a whole number from 0 to 36500 (days every other"
                " snapshot is kept after its day, inclusive)",
            ),
            (
                '{"full_months": 1201}',
                "policy.full_months: 1201 is not a whole number from 1 to 1200 (months the month's"
                " full is kept, to the same day, inclusive)",
            ),
            (
                '{"floor_snapshots": 0}',
                "policy.floor_snapshots: 0 is not a whole number from 1 to 1000 (newest ok snapshots"
                " of a series that are never removed)",
            ),
            (
                '{"keep_daily": 7}',
                "policy: 'keep_daily' is not a number of the policy (use full_months, other_days,"
                " floor_snapshots,"
                " claimed_ahead_minutes, claimed_behind_hours, stalled_open_days,"
                " clock_back_minutes, clock_idle_days,"
                " removal_percent, removal_count)",
            ),
        ],
    )
    def test_a_mistake_in_the_policy_is_one_line_with_its_cure(
        self, run: Run, policy: str, message: str
    ) -> None:
        assert ask(run, "--json", "--policy", "policy", policy=policy) == (2, "", f"ccpp-backup: {message}\n")

    def test_a_file_that_cannot_be_read_is_named_with_the_cause(self, run: Run, tmp_path: Path) -> None:
        assert run("plan", "--receipts", "none", "--open-days", "days", days="[]") == (
            2,
            "",
            "ccpp-backup: none: cannot be read: No such file or directory\n",
        )
        assert run("plan", "--receipts", ".", "--open-days", "days") == (
            2,
            "",
            "ccpp-backup: .: is not a plain file (save it as one, or hand it over by a pipe as -)\n",
        )
        assert run("plan", "--receipts", "days", "--open-days", "a\0b") == (
            2,
            "",
            "ccpp-backup: 'a\\x00b': is not the name of a file (embedded null byte)\n",
        )

    def test_a_machine_without_time_zones_is_told_what_to_install(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def missing(name: str) -> None:
            raise times.ZoneInfoNotFoundError(name)

        times.paris.cache_clear()
        monkeypatch.setattr(times, "ZoneInfo", missing)
        assert ask(run)[2] == (
            "ccpp-backup: no time zone data for Europe/Paris: install the package tzdata (Debian:"
            " apt install tzdata)\n"
        )


class TestCalendar:
    BLOCK = '{"weekdays": ["mon", "thu"], "public_holidays": "none"}'
    MARCH = ("calendar", "--opening", "block.json", "--from", "2026-03-02", "--to", "2026-03-09")

    def test_the_open_days_are_listed_with_their_weekdays(self, run: Run) -> None:
        assert run(*self.MARCH, **{"block.json": self.BLOCK}) == (
            0,
            "2026-03-02  mon\n2026-03-05  thu\n2026-03-09  mon\n",
            "",
        )

    def test_as_json_they_are_what_a_what_if_question_takes(self, run: Run) -> None:
        code, out, _err = run(*self.MARCH, "--json", **{"block.json": self.BLOCK})
        assert (code, json.loads(out)) == (0, ["2026-03-02", "2026-03-05", "2026-03-09"])
        assert ask(run, days=out)[0] == 0

    def test_a_commune_s_file_serves_as_well_as_its_block(self, run: Run) -> None:
        pytest.importorskip("yaml")
        commune = "slug: saint-exemple\nopening:\n  weekdays: [mon]\n  closures: [2026-03-09]\n"
        out = run(
            "calendar",
            "--opening",
            "c.yml",
            "--from",
            "2026-03-02",
            "--to",
            "2026-03-16",
            **{"c.yml": commune},
        )[1]
        assert out == "2026-03-02  mon\n2026-03-16  mon\n"

    def test_without_dates_it_begins_today_in_paris_and_ends_a_year_later(self, run: Run) -> None:
        argv = ("calendar", "--opening", "block.json", "--now", "2026-03-01T23:30:00Z", "--json")
        days = json.loads(run(*argv, **{"block.json": self.BLOCK})[1])
        assert (days[0], days[-1]) == ("2026-03-02", "2027-03-01")

    def test_the_secretary_s_file_holds_a_day_s_event_for_each_open_day(
        self, run: Run, tmp_path: Path
    ) -> None:
        icalendar = pytest.importorskip("icalendar")
        code, out, err = run(*self.MARCH, "--ics", "mairie.ics", **{"block.json": self.BLOCK})
        assert (code, err, len(out.splitlines())) == (0, "", 3)
        document = icalendar.Calendar.from_ical((tmp_path / "mairie.ics").read_bytes())
        events = document.walk("VEVENT")
        assert [str(event["dtstart"].dt) for event in events] == ["2026-03-02", "2026-03-05", "2026-03-09"]
        assert {str(event["summary"]) for event in events} == {"Mairie ouverte : sauvegarde du jour"}
        assert len({str(event["uid"]) for event in events}) == 3

    @pytest.mark.parametrize(("library", "files"), [("icalendar", {}), ("yaml", {"c.yml": "opening: {}"})])
    def test_a_library_that_is_missing_is_named(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, library: str, files: dict[str, str]
    ) -> None:
        monkeypatch.setitem(sys.modules, library, None)
        argv = self.MARCH if library == "icalendar" else ("calendar", "--opening", "c.yml")
        code, out, err = run(*argv, "--ics", "x.ics", **{"block.json": self.BLOCK, **files})
        assert (code, out) == (1 if library == "icalendar" else 2, "")
        assert library in err
        assert err.count("\n") == 1

    @pytest.mark.parametrize(
        ("argv", "message"),
        [
            (("--from", "2026-02-30"), "--from: '2026-02-30' does not exist (day is out of range for month)"),
            (("--to", "tomorrow"), "--to: 'tomorrow' is not a date (write 2026-03-01)"),
            (
                ("--from", "2026-03-02", "--to", "2026-03-01"),
                "--to: '2026-03-01' is before --from 2026-03-02 (give the earlier day as --from)",
            ),
            (
                ("--from", "2026-03-02", "--to", "2126-03-04"),
                "--to: '2126-03-04' is more than 100 years after --from (ask for less)",
            ),
            (("--opening", "list.json"), "list.json: a list of 0 is not a mapping (give a commune's file)"),
            (
                ("--opening", "bad.json"),
                "bad.json: opening.weekdays[0]: 'lundi' is not a weekday (use mon, tue, wed, thu,"
                " fri, sat, sun)",
            ),
            (("--opening", "none.json"), "none.json: cannot be read: No such file or directory"),
            (("--ics", "none/x.ics"), "--ics: 'none/x.ics' cannot be written: No such file or directory"),
        ],
    )
    def test_a_mistake_is_one_line_with_its_cure(self, run: Run, argv: tuple[str, ...], message: str) -> None:
        pytest.importorskip("icalendar")
        files = {
            "block.json": self.BLOCK,
            "list.json": "[]",
            "bad.json": '{"opening": {"weekdays": ["lundi"]}}',
        }
        opening = () if "--opening" in argv else ("--opening", "block.json")
        assert run("calendar", *opening, *argv, **files) == (2, "", f"ccpp-backup: {message}\n")

    def test_yaml_that_is_none_is_one_line(self, run: Run) -> None:
        pytest.importorskip("yaml")
        for content in ("a: [", "a: b: c", "&a [*a, *b]", "\0", "[" * 5000):
            code, out, err = run("calendar", "--opening", "c.yml", **{"c.yml": content})
            assert (code, out, err.count("\n")) == (2, "", 1)

    def test_without_a_configuration_the_error_names_what_is_missing(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("CCPP_BACKUP_CONFIG", str(tmp_path / "none"))
        code, out, err = run("calendar")
        assert (code, out, err.count("\n")) == (2, "", 1)
