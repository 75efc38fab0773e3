"""A page: its visible text, and its elements."""

from __future__ import annotations

from conformance.profiles.websocket.page import Page

PAGE = """<!doctype html><html><head><title>Not read</title><style>p { color: red }</style>
<script>document.write("<b>")</script></head><body><h1>A &lt;b&gt; &amp;
  more</h1><form action="/submit/1"><input name=q value="&quot;x&quot;" disabled></form>
<template><p>later</p></template></body></html>"""


def test_the_text_is_the_visible_text() -> None:
    assert Page(PAGE).text == "A <b> & more"


def test_escaped_markup_is_text() -> None:
    page = Page(PAGE)
    assert not page.has("b")
    assert page.has("input", value='"x"', disabled="")
    assert page.form_to("/submit/")
    assert not page.form_to("/elsewhere/")


def test_markup_that_was_not_escaped_is_an_element() -> None:
    page = Page("<p>Hello <xss onclick=alert(1)>you</p>")
    assert ("xss", {"onclick": "alert(1)"}) in page.elements
    assert page.text == "Hello you"
