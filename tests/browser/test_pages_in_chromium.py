# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages in a real Chromium: no violation of WCAG 2.2 AA that axe-core knows, and it fits its window.

Needs Debian's chromium and npm's axe-core, which `make browser` installs. axe is written into a copy
of each page, and says what it found in the document that Chromium dumps.
"""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
AXE = Path(os.environ.get("AXE", ROOT / ".cache/browser/node_modules/axe-core/axe.min.js"))
PROBE = """
<script>%s</script>
<script>
var rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
axe.run({runOnly: rules}).then(function (found) {
  var said = document.createElement("pre");
  said.id = "found";
  said.textContent = JSON.stringify({
    violations: found.violations.map(function (v) {
      return [v.id, v.nodes.map(function (n) { return n.html; })];
    }),
    passes: found.passes.length,
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth
  });
  document.body.appendChild(said);
});
</script>
"""
CHROMIUM = [
    "chromium",
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
]


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of a dozen made-up communes, some in alarm."""
    folder = tmp_path_factory.mktemp("pages")
    subprocess.run([sys.executable, str(ROOT / "bench/pages.py"), "12", str(folder)], check=True)
    return folder / "site"


def looked_at(page: Path, width: int, folder: Path) -> dict[str, Any]:
    copy = folder / f"{page.stem}.html"
    probe = PROBE % AXE.read_text(encoding="utf-8").replace("</script", "<\\/script")
    copy.write_text(page.read_text(encoding="utf-8").replace("</body>", f"{probe}</body>"), encoding="utf-8")
    # Headless Chromium makes no window narrower than 500 pixels: a frame of that width stands for it.
    outer = folder / "outer.html"
    outer.write_text(
        "<!DOCTYPE html><title>x</title>"
        f'<iframe id="f" src="{copy.name}" width="{width}" height="800"></iframe>'
        "<script>setInterval(function () { var d = document.getElementById('f').contentDocument;"
        "var s = d && d.getElementById('found'); if (s && !document.getElementById('copied')) {"
        "var p = document.createElement('pre'); p.id = 'copied'; p.textContent = s.textContent;"
        "document.body.appendChild(p); } }, 50);</script>",
        encoding="utf-8",
    )
    command = [
        *CHROMIUM,
        "--allow-file-access-from-files",
        "--virtual-time-budget=20000",
        "--dump-dom",
        outer.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    said = re.search(r'<pre id="copied">(.*?)</pre>', done.stdout, re.DOTALL)
    assert said is not None, done.stdout[-2000:] + done.stderr[-2000:]
    found: dict[str, Any] = json.loads(html.unescape(said[1]))
    return found


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("name", ["index.html", "communes/exemple-0.html", "communes/exemple-7.html"])
def test_axe_finds_no_violation_and_the_page_fits(pages: Path, tmp_path: Path, name: str, width: int) -> None:
    found = looked_at(pages / name, width, tmp_path)
    assert found["violations"] == []
    assert found["passes"] > 20
    assert found["wide"] <= 0


def test_axe_would_have_seen_a_violation(pages: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.html"
    page = (pages / "index.html").read_text(encoding="utf-8")
    broken.write_text(
        page.replace('lang="fr"', "").replace("color:#1a1a1a", "color:#bbbbbb"), encoding="utf-8"
    )
    rules = {name for name, _nodes in looked_at(broken, 1280, tmp_path)["violations"]}
    assert {"html-has-lang", "color-contrast"} <= rules


def test_no_page_is_larger_than_200_kilobytes(pages: Path) -> None:
    assert max(path.stat().st_size for path in pages.rglob("*.html")) < 200_000
