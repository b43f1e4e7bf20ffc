# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damaged and hostile input: one clear line, exit 2, nothing changed, never a traceback."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import cli
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.ledger import (
    Draft,
    Ledger,
    LedgerBroken,
    compare,
    parse,
)
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.ledger_file import LedgerFile
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.opening import OpeningCalendar
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.policy import Policy

T = TypeVar("T")

COMMAND = Path(__file__).parents[2] / "roles" / "agent" / "files" / "ccpp-backup"
CASES = settings(
    max_examples=100_000 if os.environ.get("HYPOTHESIS_PROFILE") == "long" else 1000,
    deadline=None,
    derandomize=os.environ.get("HYPOTHESIS_PROFILE") != "long",
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

START = date(2026, 3, 2)
DAYS = [START + timedelta(days=n) for n in range(12)]
RECEIPTS = [
    {
        "id": f"{n:064x}",
        "series": "saint-exemple/accueil",
        "received_at": f"{day}T12:00:05+01:00",
        "claimed_at": f"{day}T12:00:00.5+01:00",
        "kind": "incremental" if n else "full",
        "outcome": "ok",
    }
    for n, day in enumerate(DAYS)
]
LINES = [json.dumps(receipt).encode() + b"\n" for receipt in RECEIPTS]
GOOD = {
    "receipts": b"".join(LINES),
    "days": json.dumps([str(day) for day in DAYS]).encode(),
    "policy": json.dumps(Policy().as_mapping()).encode(),
}
HUGE = "x" * 10**6
NOW = "2026-03-13T20:00:00+01:00"


def fill(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)


def argv(folder: Path) -> list[str]:
    files = [
        f"--{option}={folder / name}" for option, name in [("receipts", "receipts"), ("open-days", "days")]
    ]
    return ["plan", *files, f"--policy={folder / 'policy'}", f"--now={NOW}", "--json"]


def asked(files: dict[str, bytes]) -> tuple[int, str, str]:
    """Ask `plan` about the files; nothing in their folder may change."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder, files)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.main(argv(folder))
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == files
    return code, out.getvalue(), err.getvalue()


def assert_refused(code: int, out: str, err: str) -> None:
    assert code == 2, err
    assert out == ""
    assert err.startswith("ccpp-backup: ")
    assert err.endswith("\n")
    assert err.count("\n") == 1
    assert len(err) < 1100
    assert "Traceback" not in err
    assert "this is a bug" not in err


def assert_answered_or_refused(code: int, out: str, err: str) -> None:
    if code == 0:
        assert err == ""
        assert set(json.loads(out)) == {"decisions", "refused", "plan_hash"}
    else:
        assert_refused(code, out, err)


WRONG_VALUES = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        1.5,
        10**400,
        "",
        " ",
        "2026-03-02T12:00:00",
        "2026-02-30T12:00:00Z",
        "2026-03-02T25:00:00Z",
        "2026-03-02T12:00:60Z",
        "2026-03-02T12:00:00+25:00",
        "2026-03-02",
        "2026-W10-1T12:00:00Z",
        "٢٠٢٦-03-02T12:00:00Z",
        "-2026-03-02T12:00:00Z",
        "now",
        "a\nb",
        "a\x1b[2Jb",
        "\u202e",
        "\ud800",
        "\0",
        HUGE,
        [],
        ["ok"],
        {},
        {"ok": "ok"},
    ]
)
HOSTILE_LINES = st.sampled_from(
    [
        b"[" * 50_000 + b"\n",
        b'{"a":' * 10_000 + b"\n",
        b"9" * 60_000 + b"\n",
        b'"' + HUGE.encode() + b'"\n',
        HUGE.encode(),
        b"\0" * 4096 + b"\n",
        b"\xff\xfe\n",
        b"\xed\xa0\x80\n",
        b"null\n",
        b"true\n",
        b"0\n",
        b"[]\n",
        b"{}\n",
        b"NaN\n",
        b"-Infinity\n",
        b"# a comment\n",
        b'{"id":"a","id":"a"}\n',
    ]
)


@st.composite
def bad_receipts(draw: st.DrawFn) -> bytes:
    """A receipts file with one thing wrong for certain."""
    lines = list(LINES)
    at = draw(st.integers(0, len(lines) - 1))
    kind = draw(st.sampled_from(["cut", "twice", "value", "field", "lost", "line", "byte"]))
    if kind == "cut":
        lines[at:] = [lines[at][: draw(st.integers(1, len(lines[at]) - 2))]]
    elif kind == "twice":
        lines.insert(draw(st.integers(0, len(lines))), lines[at])
    elif kind in ("value", "field", "lost"):
        receipt: dict[str, Any] = dict(RECEIPTS[at])
        field = draw(st.sampled_from(sorted(receipt)))
        if kind == "lost":
            del receipt[field]
        elif kind == "field":
            receipt[draw(st.text(max_size=20).filter(lambda name: name not in receipt))] = 1
        else:
            receipt[field] = draw(WRONG_VALUES)
            # A blank or odd name is still a name.
            assume(not (field in ("id", "series") and _is_name(receipt[field])))
        lines[at] = json.dumps(receipt).encode() + b"\n"
    elif kind == "line":
        lines.insert(at, draw(HOSTILE_LINES))
    else:
        place = draw(st.integers(0, len(lines[at]) - 2))
        lines[at] = (
            lines[at][:place] + draw(st.sampled_from([b"\0", b"\xff", b"\xc3", b"\n"])) + lines[at][place:]
        )
        # A line feed before or after an object is only a blank line.
        assume(lines[at].strip() != LINES[at].strip())
    return b"".join(lines)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable()


@CASES
@given(bad_receipts())
def test_receipts_with_one_thing_wrong_are_refused_in_one_line(content: bytes) -> None:
    assert_refused(*asked({**GOOD, "receipts": content}))


@CASES
@given(st.sampled_from(sorted(GOOD)), st.data())
def test_files_damaged_anywhere_are_answered_or_refused_in_one_line(name: str, data: st.DataObject) -> None:
    content = bytearray(GOOD[name])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(len(content) - 1, 0)))
        kind = data.draw(st.sampled_from(["flip", "drop", "insert", "cut", "repeat"]))
        if kind == "flip" and content:
            content[at] ^= 1 << data.draw(st.integers(0, 7))
        elif kind == "drop":
            del content[at : at + data.draw(st.integers(1, 200))]
        elif kind == "insert":
            content[at:at] = data.draw(st.binary(min_size=1, max_size=50))
        elif kind == "cut":
            del content[at:]
        else:
            content[at:at] = content[at : at + 100]
    assert_answered_or_refused(*asked({**GOOD, name: bytes(content)}))


def tried(make: Callable[[], T]) -> tuple[T | None, str]:
    """What was made, or None and the complaint."""
    try:
        return make(), ""
    except (InputError, LedgerBroken) as error:
        return None, str(error)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=30)
    | st.sampled_from(["mon", "1 sat", "2026-03-02", "2026-08-01..2026-08-15", "none", HUGE]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)


@CASES
@given(st.sampled_from(sorted(GOOD)), JSON_VALUES)
def test_files_of_any_other_json_are_answered_or_refused_in_one_line(name: str, value: Any) -> None:
    content = json.dumps(value).encode()
    if name == "receipts" and isinstance(value, list):
        content = b"".join(json.dumps(item).encode() + b"\n" for item in value)
    assert_answered_or_refused(*asked({**GOOD, name: content}))


@CASES
@given(
    st.dictionaries(st.sampled_from([*OpeningCalendar.__slots__, "other"]), JSON_VALUES, max_size=4)
    | JSON_VALUES
)
def test_a_block_of_openings_is_a_calendar_or_an_input_error_of_one_line(block: Any) -> None:
    calendar, complaint = tried(lambda: OpeningCalendar.from_mapping(block))
    if calendar is None:
        assert complaint.startswith("opening")
        assert len(complaint) < 1000
    else:
        assert isinstance(calendar.open_days(START, START + timedelta(days=40)), list)


@CASES
@given(st.dictionaries(st.sampled_from([*Policy.__slots__, "other"]), JSON_VALUES, max_size=4) | JSON_VALUES)
def test_a_policy_is_one_or_an_input_error_of_one_line(block: Any) -> None:
    policy, complaint = tried(lambda: Policy.from_mapping(block))
    if policy is None:
        assert complaint.startswith("policy")
        assert len(complaint) < 1000
    else:
        assert policy.as_mapping() == {**Policy().as_mapping(), **block}


NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LEDGER = Ledger().extended(
    [
        Draft(
            "receipt",
            "receive",
            NOON + timedelta(days=n),
            None,
            {
                "snapshot": f"{n:064x}",
                "series": "saint-exemple/accueil",
                "received_at": f"{DAYS[n]}T12:00:00Z",
                "claimed_at": f"{DAYS[n]}T12:00:00Z",
                "kind": "full",
                "outcome": "ok",
                "size": 1,
                "files": 1,
                "added": 1,
                "paths": ["/home"],
                "host": "accueil",
            },
        )
        for n in range(4)
    ]
)[1]


@st.composite
def damaged_ledgers(draw: st.DrawFn) -> bytes:
    lines = LEDGER.splitlines(keepends=True)
    kind = draw(st.sampled_from(["cut", "flip", "lose", "swap", "twice", "insert", "add"]))
    at = draw(st.integers(0, len(LEDGER) - 1))
    line = draw(st.integers(0, len(lines) - 1))
    if kind == "cut":
        return LEDGER[:at]
    if kind == "flip":
        return LEDGER[:at] + bytes([LEDGER[at] ^ (1 << draw(st.integers(0, 7)))]) + LEDGER[at + 1 :]
    if kind == "insert":
        return LEDGER[:at] + draw(st.binary(min_size=1, max_size=20)) + LEDGER[at:]
    if kind == "add":
        return LEDGER + draw(st.binary(min_size=1, max_size=200) | HOSTILE_LINES)
    if kind == "lose":
        del lines[line]
    elif kind == "twice":
        lines.insert(line, lines[line])
    else:
        other = draw(st.integers(0, len(lines) - 1).filter(lambda n: n != line))
        lines[line], lines[other] = lines[other], lines[line]
    return b"".join(lines)


@CASES
@example(b"")
@given(damaged_ledgers())
def test_a_damaged_ledger_is_broken_torn_or_known_by_its_copy(data: bytes) -> None:
    verdict = compare(LEDGER, data)
    ledger, complaint = tried(lambda: parse(data))
    if ledger is None:
        assert verdict == "rewritten"
        assert len(complaint) < 1000
    elif verdict == "equal":
        assert data == LEDGER + ledger.torn
    else:
        assert verdict in ("truncated", "forked", "rewritten")


@CASES
@given(damaged_ledgers())
def test_what_a_damaged_ledger_held_is_never_overwritten(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        file = LedgerFile(Path(name) / "accueil.jsonl")
        Path(file.path).write_bytes(data)
        whole = data[: data.rfind(b"\n") + 1]
        with contextlib.suppress(LedgerBroken):
            file.append([Draft("verified", "verify", NOON)])
        after = Path(file.path).read_bytes()
        assert after.startswith(whole)
        kept = [path.read_bytes() for path in Path(name).glob("*.torn-*")]
        assert after == data or after.startswith(data) or kept == [data[len(whole) :]]


def _arguments() -> st.SearchStrategy[list[str]]:
    word = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
    option = st.sampled_from(
        "--receipts --open-days --policy --now --json --hold --confirm --from --to --opening --commune -- -"
        f" plan calendar {NOW} 2026-03-02 {HUGE}".split(" ")
    )
    return st.lists(word | option, max_size=6)


@CASES
@given(_arguments())
def test_any_arguments_are_understood_or_refused_in_one_line(words: list[str]) -> None:
    # Help is an answer, and other verbs are other tests'.
    assume(not words or words[0] not in cli.VERBS or words[0] in ("plan", "calendar"))
    assume(not any(word.startswith("-h") or word == "--help" for word in words))
    out, err = io.StringIO(), io.StringIO()
    with _elsewhere(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(words)
    if code != 0:
        assert_refused(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _elsewhere() -> Iterator[None]:
    """An empty folder without a configuration."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.chdir(name)
        patch.setenv("CCPP_BACKUP_CONFIG", name)
        yield
        assert os.listdir(name) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: [line[:-20] for line in lines],
        lambda lines: [*lines, lines[0]],
        lambda lines: [lines[0].replace(b"+01:00", b"", 1), *lines[1:]],
        lambda lines: [lines[0].replace(b'"ok"', json.dumps(HUGE).encode()), *lines[1:]],
        lambda lines: [b"\x00\xff" * 500],
    ],
)
def test_the_command_itself_says_one_line_and_exits_2(
    tmp_path: Path, damage: Callable[[list[bytes]], list[bytes]]
) -> None:
    fill(tmp_path, {**GOOD, "receipts": b"".join(damage(LINES))})
    done = subprocess.run([sys.executable, str(COMMAND), *argv(tmp_path)], capture_output=True, text=True)
    assert_refused(done.returncode, done.stdout, done.stderr)
