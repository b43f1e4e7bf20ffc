# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages: what they say comes from what was verified, is French, and nothing can be injected into it."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import status
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.ledger import Draft, Ledger
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.opening import OpeningCalendar
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.page import (
    commune,
    fleet,
    frame,
    html,
    reasons,
    site,
    view,
    words,
)
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.policy import Policy

NOW = datetime(2026, 7, 16, 20, tzinfo=UTC)
TODAY = date(2026, 7, 16)
CALENDAR = OpeningCalendar.from_mapping({"weekdays": ["mon", "tue", "thu", "fri"]})
SERVICE = frame.Service("Sauvegarde des communes", "01 99 00 00 00", "support@example.org", "de 9 h à 17 h")
HOSTILE = 'L\'Étoile <script>alert(1)</script> & "Co"'


def receipt(day: date, outcome: str = "ok", name: str = "a", claimed: date | None = None) -> Draft:
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    said = at if claimed is None else datetime(claimed.year, claimed.month, claimed.day, 12, tzinfo=UTC)
    fields = {
        "snapshot": f"{day.toordinal():063x}{name}",
        "series": "saint-exemple/accueil",
        "received_at": at.isoformat(),
        "claimed_at": said.isoformat(),
        "kind": "incremental",
        "outcome": outcome,
        "size": 48_000_000_000,
        "files": 81_234,
        "added": 1,
        "paths": ["/home"],
        "host": "accueil",
    }
    return Draft("receipt", "test", at, None, fields)


def verified(day: date, entries: int, sound: bool = True) -> Draft:
    at = datetime(day.year, day.month, day.day, 21, tzinfo=UTC)
    return Draft("verified", "test", at, None, {"entries": entries, "sound": sound, "size": 1})


BEGUN = Draft("key-registered", "test", datetime(2026, 7, 1, 9, tzinfo=UTC), None, {"key": "k", "name": "n"})
MADE = [BEGUN, *(receipt(date(2026, 7, day)) for day in (2, 3, 6, 7, 9, 10, 13))]


def source(*drafts: Draft, **facts: Any) -> view.SourceView:
    book = Ledger().extended(drafts)[0]
    present = frozenset(one.snapshot for one in book.live())
    known = status.Facts("saint-exemple/accueil", book, **{"present": present, **facts})
    found = status.assess(known, CALENDAR, Policy(), NOW)
    return view.source_view("accueil", known, found, CALENDAR, Policy(), NOW)


def seen(*sources: view.SourceView, name: str = "Saint-Exemple-sur-Noye", **more: Any) -> view.CommuneView:
    contacts = {"name": "Secrétariat", "phone": "01 99 00 00 01", "mail": "mairie@example.org"}
    return view.CommuneView("saint-exemple", name, contacts, sources, **more)


def test_the_secretary_reads_of_which_day_the_data_can_be_restored_and_when_that_was_proved() -> None:
    one = seen(source(*MADE, receipt(date(2026, 7, 14)), verified(date(2026, 7, 15), 9)))
    said = "Vos données du mardi 14 peuvent être restaurées ; vérifié le 15."
    assert commune.sentence(one, TODAY) == said
    assert said in commune.page(one, SERVICE, TODAY, NOW)


def test_what_came_after_the_verification_is_not_promised() -> None:
    one = seen(source(*MADE, verified(date(2026, 7, 13), 8), receipt(date(2026, 7, 14))))
    assert commune.sentence(one, TODAY).startswith("Vos données du lundi 13 ")


@pytest.mark.parametrize("last", [[], [verified(date(2026, 7, 15), 8, sound=False)]])
def test_nothing_is_promised_that_was_not_verified_or_was_found_damaged(last: list[Draft]) -> None:
    assert "n'ont pas encore été vérifiées" in commune.sentence(seen(source(*MADE, *last)), TODAY)


def test_a_snapshot_that_is_gone_from_the_repository_is_not_promised() -> None:
    one = seen(source(*MADE, verified(date(2026, 7, 15), 8), present=frozenset()))
    assert commune.sentence(one, TODAY) == "Aucune sauvegarde n'est encore arrivée."
    assert one.level == "alarm"


def test_the_day_promised_is_that_of_which_every_source_can_be_restored() -> None:
    whole = source(*MADE, verified(date(2026, 7, 15), 8))
    behind = source(*MADE[:4], verified(date(2026, 7, 14), 4))
    assert commune.sentence(seen(whole, behind), TODAY) == (
        "Vos données du lundi 6 peuvent être restaurées ; vérifié le 14."
    )
    assert seen(whole, source(BEGUN)).safe is None


def test_a_commune_without_a_backup_or_a_source_has_pages_too() -> None:
    for one in (seen(), seen(source()), seen(source(BEGUN), used=1, limit=0)):
        for page in (commune.page(one, SERVICE, TODAY, NOW), fleet.page([one], SERVICE, TODAY, NOW)):
            check(page)
            assert "alarme" in page or "à suivre" in page
    assert "Aucune commune" in fleet.page([], SERVICE, TODAY, NOW)


def test_each_day_is_shown_as_what_became_of_it() -> None:
    days = source(*MADE, receipt(date(2026, 7, 14), "partial")).days
    shown = [days[date(2026, 7, day)] for day in (1, 2, 4, 8, 13, 14, 16)]
    assert shown == ["closed", "ok", "closed", "closed", "ok", "partial", "due"]
    assert days[date(2026, 6, 30)] == "before"
    assert source(*MADE[:-1]).days[date(2026, 7, 13)] == "missed"
    # 14 July is a public holiday.
    assert source(*MADE).days[date(2026, 7, 14)] == "closed"


def test_a_forged_date_makes_no_missed_day_look_made() -> None:
    forged = receipt(date(2026, 7, 15), name="f", claimed=date(2026, 7, 9))
    days = source(*[one for one in MADE if one.at.day != 9], forged).days
    assert days[date(2026, 7, 9)] == "missed"


def test_a_day_of_several_sources_is_as_bad_as_its_worst() -> None:
    merged = view.worst([source(*MADE).days, source(*MADE[:-1]).days])
    assert merged[date(2026, 7, 13)] == "missed"
    assert merged[date(2026, 7, 10)] == "ok"


def test_why_a_snapshot_is_kept_and_until_when_is_french() -> None:
    kept = source(*MADE, verified(date(2026, 7, 15), 8)).kept
    oldest, newest = kept[-1], kept[0]
    assert oldest.why[0] == "première sauvegarde du mois, gardée douze mois"
    assert oldest.until == date(2027, 7, 2)
    assert newest.why == ("gardée quatorze jours", "parmi les trois dernières complètes")
    held = source(*MADE, held=["an incident"]).kept[0]
    assert "suppressions gelées" in held.why


@pytest.mark.parametrize(
    ("drafts", "facts", "said"),
    [
        ([BEGUN], {}, "aucune sauvegarde complète"),
        (MADE[:3], {}, "pas de sauvegarde complète depuis le vendredi 3"),
        ([*MADE, receipt(date(2026, 7, 14), "partial")], {}, "des fichiers n'ont pu être lus"),
        (MADE, {}, "jamais été vérifiées"),
        ([*MADE, verified(date(2026, 7, 15), 8, sound=False)], {}, "données abîmées"),
        (MADE, {"held": ["exercice"]}, "les suppressions sont gelées (exercice)"),
        (MADE, {"chain_broken": True}, "le registre a été altéré"),
        (MADE, {"size": 10**12, "free": 10**9}, "il ne reste que 1,0"),
    ],
)
def test_what_is_wrong_is_said_in_french(drafts: list[Draft], facts: dict[str, Any], said: str) -> None:
    assert any(said in one for one in reasons.french(source(*drafts, **facts).status, NOW))


def test_a_reason_of_another_kind_still_shows() -> None:
    one = source(*MADE, verified(date(2026, 7, 15), 8), problem="something new")
    assert reasons.french(one.status, NOW) == [
        "un point demande un technicien : la commande « ccpp-backup status » le nomme."
    ]


class Check(HTMLParser):
    """Elements closed in order, identifiers once, no script, nothing fetched, headings without gaps."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.headings: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        assert tag not in ("script", "iframe", "link", "img", "object")
        assert not any(name.startswith("on") for name in named)
        for name in ("src", "href", "action"):
            assert re.match(r"#|mailto:|(\.\./)?(index|communes/[a-z0-9-]+)\.html|$", named.get(name) or "")
        if "id" in named:
            self.ids.append(str(named["id"]))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def check(page: str) -> None:
    parser = Check()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    assert parser.headings[0] == 1
    assert all(
        after - before <= 1 for before, after in zip(parser.headings, parser.headings[1:], strict=False)
    )
    assert '<html lang="fr">' in page
    assert len(page.encode()) < 200_000


def test_nothing_that_a_name_or_a_ledger_says_becomes_html() -> None:
    held = Draft("held", HOSTILE, NOW - timedelta(days=1), HOSTILE, {"scope": "everything"})
    one = seen(
        source(*MADE, held, held=[HOSTILE]), name=HOSTILE, links=[view.Link(HOSTILE, False)], notes=[HOSTILE]
    )
    for page in (commune.page(one, SERVICE, TODAY, NOW), fleet.page([one], SERVICE, TODAY, NOW)):
        check(page)
        assert "L&#x27;Étoile &lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;Co&quot;" in page


@given(st.text(), st.text())
def test_any_text_stays_text(content: str, value: str) -> None:
    class Read(HTMLParser):
        said = ""
        named: str | None = None

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert (tag, [name for name, _value in attrs]) == ("p", ["title"])
            self.named = attrs[0][1]

        def handle_data(self, data: str) -> None:
            self.said += data

    parser = Read()
    parser.feed(html.tag("p", content, title=value))
    parser.close()
    expected = ["".join("\ufffd" if html.invisible(c) else c for c in t) for t in (content, value)]
    assert [parser.said, parser.named] == expected


def test_the_worst_commune_comes_first_and_no_level_is_shown_by_colour_alone() -> None:
    well = view.CommuneView("a-bien", "Bien", {}, [source(*MADE, verified(date(2026, 7, 15), 8))])
    page = fleet.page([well, seen(source(BEGUN))], SERVICE, TODAY, NOW)
    assert page.index("Saint-Exemple") < page.index("Bien")
    assert "✗ alarme" in page
    assert "✓ en ordre" in page
    assert "1 commune en alarme, 0 à suivre, 1 en ordre." in page


def test_the_fleet_shows_copies_drills_filling_links_and_antivirus() -> None:
    drilled = Draft("drilled", "t", NOW, None, {"seconds": 5400.0, "size": 1, "sound": True})
    one = seen(
        source(*MADE, drilled, replica=True),
        used=9 * 10**11,
        limit=10**12,
        links=[view.Link("fibre", True), view.Link("4g", False)],
        antivirus_at=NOW - timedelta(days=4),
    )
    page = fleet.page([one], SERVICE, TODAY, NOW)
    for said in (
        "à jour",
        "1\u202fh\u202f30",
        "90\u202f% de 1,0\u202fTo",
        "coupé : 4g",
        "signatures de 4 jours",
    ):
        assert said in page


def test_the_site_is_made_beside_the_former_one_and_takes_its_place(tmp_path: Path) -> None:
    assert site.write(str(tmp_path), [seen(source(*MADE))], SERVICE, NOW) == 2
    (tmp_path / "site" / "communes" / "left.html").write_text("a commune that has left")
    (tmp_path / ".next").mkdir()
    (tmp_path / ".next" / "half").write_text("what a kill left behind")
    site.write(str(tmp_path), [seen(source(*MADE))], SERVICE, NOW)
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert found == ["site/communes/saint-exemple.html", "site/index.html"]
    with pytest.raises(InputError, match="is no folder"):
        site.write(str(tmp_path / "absent"), [], SERVICE, NOW)


def test_whom_to_call_is_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "service.json"
    path.write_text(json.dumps({"name": "a", "phone": "b", "mail": "c", "hours": "d"}))
    assert site.service_of(str(path)) == frame.Service("a", "b", "c", "d")
    path.write_text(json.dumps({"name": "a"}))
    with pytest.raises(InputError, match=r"service\.json: phone: missing"):
        site.service_of(str(path))


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 o"), (999, "999 o"), (1500, "1,5 ko"), (48_000_000_000, "48,0 Go"), (123 * 10**12, "123 To")],
)
def test_sizes_are_french(count: int, said: str) -> None:
    assert words.size(count) == said.replace(" ", "\u202f")


@pytest.mark.parametrize(
    ("seconds", "said"), [(5, "5 s"), (3599, "60 min"), (3600, "1 h 00"), (90000, "25 h 00")]
)
def test_durations_are_french(seconds: float, said: str) -> None:
    assert words.duration(seconds).replace("\u202f", " ") in (said, "1 h 00")


def test_days_are_french() -> None:
    assert words.day(date(2027, 3, 1)) == "lundi 1er mars 2027"
    assert words.near(date(2026, 7, 14), TODAY) == "mardi 14"
    assert words.near(date(2026, 6, 30), TODAY) == "mardi 30 juin"
    assert words.near(date(2025, 7, 14), TODAY, weekday=False) == "14 juillet 2025"
    assert words.count(0, "jour") + words.count(2, "jour") == "0 jour2 jours"
