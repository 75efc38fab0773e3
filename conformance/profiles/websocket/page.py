"""A page as a reader and a browser have it: its text, and what of it is more than text."""

from __future__ import annotations

from html.parser import HTMLParser

UNSEEN = frozenset({"script", "style", "template", "title"})


class Page(HTMLParser):
    """A parsed page."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        """Every element: its name, and its attributes."""
        self._texts: list[str] = []
        self._unseen: list[str] = []
        self.feed(html)
        self.close()

    @property
    def text(self) -> str:
        """What is read, with single spaces."""
        return " ".join("".join(self._texts).split())

    def has(self, name: str, **attributes: str) -> bool:
        """Whether there is such an element, with these attributes."""
        return any(
            name == each and attributes.items() <= found.items() for each, found in self.elements
        )

    def form_to(self, part: str) -> bool:
        """Whether there is a form that is sent to an address with this part."""
        return any(
            name == "form" and part in more.get("action", "") for name, more in self.elements
        )

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag in UNSEEN:
            self._unseen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Note its end."""
        if self._unseen and self._unseen[-1] == tag:
            self._unseen.pop()

    def handle_data(self, data: str) -> None:
        """Note text."""
        if not self._unseen:
            self._texts.append(data)
