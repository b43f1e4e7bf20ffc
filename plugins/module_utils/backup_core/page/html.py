# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTML in which nothing can be injected: text is escaped wherever it goes in, and only `Html` is not."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from unicodedata import category

Content = "str | Html | Iterable[str | Html]"


class Html(str):
    """Text that is HTML already. Only this module makes it out of other text."""

    __slots__ = ()


def text(value: object) -> Html:
    """The value as text of a page. What nobody sees, or what turns text around, becomes U+FFFD."""
    plain = str(value)
    if not plain.isprintable():
        plain = "".join("\ufffd" if invisible(one) else one for one in plain)
    return Html(escape(plain, quote=True))


def invisible(character: str) -> bool:
    """Controls and formats (bidirectional ones, too), surrogates, and what Unicode has not assigned."""
    return character not in "\n\t" and category(character)[0] == "C"


def tag(name: str, /, *content: object, **attributes: object) -> Html:
    """An element. Attributes that are None or False are left out; a final _ of a name (class_) is too."""
    return Html(f"<{name}{_attributes(attributes)}>{joined(*content)}</{name}>")


def void(name: str, /, **attributes: object) -> Html:
    """An element without content, such as meta or br."""
    return Html(f"<{name}{_attributes(attributes)}>")


def joined(*content: object) -> Html:
    return Html("".join(_one(one) for one in content))


def table(
    caption: str, headings: Iterable[object], rows: Iterable[Iterable[object]], class_: str | None = None
) -> Html:
    """A table whose columns have headings and whose rows are named by their first cell."""
    head = tag("tr", *(tag("th", heading, scope="col") for heading in headings))
    body = []
    for row in rows:
        first, *others = row
        body.append(tag("tr", tag("th", first, scope="row"), *(tag("td", one) for one in others)))
    # Scrolled by itself where a window is narrow; a keyboard gets there by the tab index.
    inner = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body), class_=class_)
    return tag("div", inner, class_="roll", tabindex="0", role="region", aria_label=caption)


def _attributes(attributes: dict[str, object]) -> str:
    return "".join(
        f' {name.rstrip("_").replace("_", "-")}="{text(value)}"'
        for name, value in attributes.items()
        if value is not None and value is not False
    )


def _one(content: object) -> str:
    if isinstance(content, Html):
        return content
    if isinstance(content, (list, tuple)):
        return joined(*content)
    return "" if content is None else text(content)
