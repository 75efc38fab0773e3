"""Values that keep their own text."""

from __future__ import annotations

import pytest
from llm_api import exact_json

TEXT = r' { "a" : 1.50 , "b":[ 1 , {"c":"\ud83d}"} ,"]" ], "a":9007199254740993 ,"d":{} } '


def test_members_keep_their_text_and_the_last_counts() -> None:
    members = exact_json.members(TEXT)
    assert members == {"a": "9007199254740993", "b": r'[ 1 , {"c":"\ud83d}"} ,"]" ]', "d": "{}"}
    assert exact_json.elements(members["b"]) == ["1", r'{"c":"\ud83d}"}', '"]"']
    assert exact_json.members("{}") == {}
    assert exact_json.elements(" [ ] ") == []
    assert exact_json.join(members) == (
        r'{"a":9007199254740993,"b":[ 1 , {"c":"\ud83d}"} ,"]" ],"d":{}}'
    )


def test_numbers_are_not_texts() -> None:
    number, text = exact_json.decode('[1, "1"]')
    assert exact_json.is_integer(number)
    assert not exact_json.is_integer(text)
    assert exact_json.is_text(text)
    assert not exact_json.is_text(number)
    assert not exact_json.is_integer(exact_json.decode("1.0"))


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "{", "", "01", "[" * 99999])
def test_a_text_that_is_not_json_is_refused(text: str) -> None:
    with pytest.raises((ValueError, RecursionError)):
        exact_json.decode(text)
    assert exact_json.decode_or_none(text.encode()) is None
