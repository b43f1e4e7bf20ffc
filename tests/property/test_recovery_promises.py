# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No promise that arithmetic forbids is given, and who follows a refusal's advice gets one that holds."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import planning, recovery

# Arithmetic without branches to hunt for: fewer cases than for the rules of retention.
CASES = 2000

sizes = st.lists(st.floats(0, 20_000), min_size=1, max_size=6)
lines = st.lists(st.floats(0.1, 100_000), min_size=1, max_size=4)
agreed = st.fixed_dictionaries(
    {"hours": st.floats(1, 8760)}, optional={"accept": st.just("courier")}
) | st.just({})
assumed = st.fixed_dictionaries(
    {},
    optional={
        "lan_mbit": st.floats(0.1, 10_000),
        "disk_read_mb_s": st.floats(0.1, 1000),
        "restic_restore_mb_s": st.floats(0.1, 1000),
        "courier_disk_mb_s": st.floats(0.1, 1000),
        "remote_up_mbit": st.floats(0.1, 10_000),
        "start_hours": st.floats(0, 240),
        "courier_hours": st.floats(0, 240),
        "growth_percent_per_year": st.floats(0, 100),
    },
)


def document(gb: list[float], mbit: list[float], recovery: Any, planning: Any) -> dict[str, Any]:
    return {
        "name": "Rozoy",
        "tier": 10,
        "contract": {"start": "2024-01-01", "end": "2028-12-31"},
        "uplinks": [{"kind": "fibre", "down_mbit": rate} for rate in mbit],
        "sources": {
            f"s{n}": {"kind": "linux", "priority": n % 3 + 1, "size_gb": size} for n, size in enumerate(gb)
        },
        "planning": planning,
        "recovery": recovery,
    }


def plan(given: dict[str, Any]) -> recovery.RecoveryPlan:
    return recovery.plan(planning.commune(given), recovery.lines(given), recovery.agreement(given))


communes = st.builds(document, sizes, lines, agreed, assumed)


@settings(max_examples=CASES)
@given(commune=communes)
def test_a_promise_is_given_exactly_where_an_agreed_path_keeps_it(commune):
    found = plan(commune)
    whole = sum(source["size_gb"] for source in commune["sources"].values())
    promised = commune["recovery"].get("hours", 24)
    local, *lined, courier = found.forecasts

    def slow(forecast: recovery.Forecast) -> bool:
        """Worked out anew, from the rate alone."""
        path = forecast.path
        moved = whole / path.rate_mb_s + (whole / path.fill_mb_s if path.fill_mb_s else 0)
        return path.start_hours + moved / 3.6 > promised * (1 + 1e-9)

    ways = lined + ([courier] if commune["recovery"].get("accept") else [])
    impossible = slow(local) or all(slow(way) for way in ways)
    if impossible:
        assert found.refusal is not None
    if found.refusal is not None:
        assert not local.meets or not any(way.meets for way in ways)


@settings(max_examples=CASES)
@given(commune=communes)
def test_whoever_follows_the_advice_of_a_refusal_is_not_refused_again(commune):
    refusal = plan(commune).refusal
    if refusal is None:
        return
    assert refusal.isprintable()
    advice = re.search(r"recovery: \{(.*)\}$", refusal)
    if advice is None:
        assert refusal.endswith("or shrink what is promised")
        return
    fields = dict(part.split(": ") for part in advice[1].split(", "))
    followed: dict[str, Any] = {name: json.loads(v) if name == "hours" else v for name, v in fields.items()}
    followed.setdefault("hours", commune["recovery"].get("hours", 24))
    assert plan({**commune, "recovery": followed}).refusal is None


@settings(max_examples=CASES)
@given(commune=communes)
def test_sources_come_back_in_the_order_of_their_priority_and_the_last_one_with_the_whole(commune):
    found = plan(commune)
    assert [row.data.priority for row in found.rows] == sorted(row.data.priority for row in found.rows)
    for forecast in found.forecasts:
        hours = [row.hours[forecast.path.name] for row in found.rows]
        assert hours == sorted(hours)
        assert hours[-1] == pytest.approx(forecast.hours)


@settings(max_examples=CASES)
@given(commune=communes)
def test_what_fits_into_the_hours_is_what_the_path_brings_back_in_them(commune):
    for forecast in plan(commune).forecasts:
        most, promised = forecast.most_gb, commune["recovery"].get("hours", 24)
        if most > 0:
            assert forecast.path.hours(most, most) == pytest.approx(promised)
        else:
            assert forecast.path.hours(0, 0) >= promised * (1 - 1e-12)


@settings(max_examples=CASES)
@given(commune=communes, faster=st.floats(1, 10))
def test_a_faster_line_never_brings_anything_back_later(commune, faster):
    slow = plan(commune).forecasts
    lines = [{**line, "down_mbit": line["down_mbit"] * faster} for line in commune["uplinks"]]
    fast = plan({**commune, "uplinks": lines}).forecasts
    assert all(f.hours <= s.hours * (1 + 1e-12) for f, s in zip(fast, slow, strict=True))
