"""An HTML page: the text that a reader sees, and its elements."""

from __future__ import annotations

from html.parser import HTMLParser

INVISIBLE = frozenset({"script", "style", "template", "title"})
"""Elements whose text a reader does not see."""


class Page(HTMLParser):
    """A parsed page."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        """Every element: its name and its attributes."""
        self._texts: list[str] = []
        self._invisible: list[str] = []
        self.feed(html)
        self.close()

    @property
    def text(self) -> str:
        """The visible text, with single spaces."""
        return " ".join("".join(self._texts).split())

    def has(self, name: str, **attributes: str) -> bool:
        """Whether the page has such an element, with these attributes among others."""
        return any(
            name == element and attributes.items() <= found.items()
            for element, found in self.elements
        )

    def form_to(self, part: str) -> bool:
        """Whether the page has a form whose address contains this part."""
        return any(
            name == "form" and part in attributes.get("action", "")
            for name, attributes in self.elements
        )

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag in INVISIBLE:
            self._invisible.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Note an element's end."""
        if self._invisible and self._invisible[-1] == tag:
            self._invisible.pop()

    def handle_data(self, data: str) -> None:
        """Note text."""
        if not self._invisible:
            self._texts.append(data)
