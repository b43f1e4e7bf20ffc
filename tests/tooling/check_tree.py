# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What no linter knows of this tree; arguments are the files to look at, relative to the checkout.

- Nothing names the machine it was written on: the place of the checkout, the hosts its package managers ask.
- Every link under collections/ leads to something, and every entry that the collection ships has its link.
- Python and shell files say under which licence they are.
- No template throws a value away, and an error with it.
- Every finding of ansible-test that is ignored has its reason on the line.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

COLLECTION = Path("collections/ansible_collections/ccpp/backup")
SHIPPED = ("roles", "plugins", "playbooks", "meta", "galaxy.yml", "README.md", "LICENSE", "CHANGELOG.md")
# As in `set _ = mapping.update(...)`: an error in the arguments becomes the value, for whoever uses it.
THROWN_AWAY = re.compile(r"\{%-?\s*(?:set\s+_+\s*=|do\s)")
LICENCE = "SPDX-License-Identifier: GPL-3.0-or-later"
PACKAGE_SETTINGS = (
    "/etc/pip.conf",
    "~/.pip/pip.conf",
    "~/.config/pip/pip.conf",
    "~/.npmrc",
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d/*",
)
# Every Debian machine has these: naming them gives nothing away.
PUBLIC_HOSTS = frozenset({"deb.debian.org", "security.debian.org"})


def package_hosts(settings: Iterable[str] = PACKAGE_SETTINGS) -> set[str]:
    """Hosts that this machine's package managers are set up to ask."""
    hosts: set[str] = set()
    for pattern in settings:
        path = Path(pattern).expanduser()
        for file in path.parent.glob(path.name) if path.parent.is_dir() else ():
            if file.is_file():
                hosts.update(
                    re.findall(r"https?://(?:[^@/\s]*@)?([a-z0-9.-]+)", file.read_text(errors="replace"))
                )
    return {host for host in hosts if "." in host} - PUBLIC_HOSTS


def machine_paths(checkout: Path, home: Path) -> set[str]:
    """Paths that exist only here. /root and the like are any machine's, so they are not among them."""
    candidates = (checkout, checkout.parent, home)
    return {f"{path}/" for path in candidates if len(path.parts) > 2} | {str(checkout)}


def telltales(text: str, words: Iterable[str]) -> Iterator[tuple[int, str]]:
    # A path counts where it begins, a host also after the // of an address.
    patterns = [
        (word, re.compile((r"(?<![\w./-])" if word.startswith("/") else r"(?<![\w.-])") + re.escape(word)))
        for word in words
    ]
    for number, line in enumerate(text.splitlines(), 1):
        for word, pattern in patterns:
            if pattern.search(line):
                yield number, word


def needs_licence(path: Path, text: str) -> bool:
    return bool(text.strip()) and (path.suffix in {".py", ".sh"} or text.startswith("#!"))


def missing_links(shipped: Iterable[str] = SHIPPED, collection: Path = COLLECTION) -> Iterator[str]:
    for name in shipped:
        if Path(name).exists() and not (collection / name).exists():
            yield f"{collection / name}: does not link to {name}"
    for link in sorted(collection.iterdir()):
        if not link.exists():
            yield f"{link}: leads to {link.readlink()}, which is not there"


def unseen_errors(path: Path, text: str) -> Iterator[str]:
    if path.suffix in {".yml", ".yaml", ".j2"}:
        for number, line in enumerate(text.splitlines(), 1):
            if THROWN_AWAY.search(line):
                yield f"{path}:{number}: a value that nobody looks at hides its error (use combine or +)"


def unexplained(path: Path, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.partition("#")[2].strip():
            yield f"{path}:{number}: ignored without a reason (write it after #)"


def problems(files: Iterable[Path]) -> Iterator[str]:
    words = package_hosts() | machine_paths(Path.cwd(), Path.home())
    for path in files:
        if path.is_symlink() or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, word in telltales(text, words):
            yield f"{path}:{number}: names this machine ({word})"
        if path.match("tests/sanity/ignore-*.txt"):
            yield from unexplained(path, text)
        yield from unseen_errors(path, text)
        if needs_licence(path, text) and LICENCE not in text[:1000]:
            yield f"{path}: no line '{LICENCE}'"
    yield from missing_links()


def main() -> int:
    found = list(problems(Path(name) for name in sys.argv[1:]))
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
