"""JSON compared exactly."""

import pytest

from conformance.core.exact_json import decode, difference


@pytest.mark.parametrize("text", ["", "{", "NaN", "-Infinity", "1 2", "'a'", "[" * 100_000])
def test_only_json_is_decoded(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the messages are the json module's
        decode(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a":1,"b":[true,null,"x"]}', '{"b":[true,null,"x"],"a":1}'),
        ("9007199254740993", "9007199254740993"),
        ("1.0", "1"),
        ("1e2", "100"),
        ('"\\ud83d\\ude00"', '"😀"'),
        ('"\\ud83d"', '"\ufffd"'),
    ],
)
def test_the_same(one: str, other: str) -> None:
    assert difference(decode(one), decode(other)) is None


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("1", "true", "value: expected 1, found True"),
        ("0", "false", "value: expected 0, found False"),
        ("null", "false", "value: expected None, found False"),
        ("1", '"1"', "value: expected 1, found '1'"),
        ("9007199254740993", "9007199254740992", "value: expected 9007199254740993, found"),
        ("0.1", "0.10000000000000001", "value: expected 0.1, found 0.10000000000000001"),
        ('"\\ud83d"', '"x"', "value: expected '\\ud83d', found 'x'"),
        ("[1,2]", "[1]", "value: expected 2 items, found 1"),
        ("[]", "{}", "value: expected [], found {}"),
        ('{"a":1}', "{}", "a: missing, expected 1"),
        ("{}", '{"a":1}', "a: found 1, expected nothing"),
        ('{"a":[{"b":"x"}]}', '{"a":[{"b":"y"}]}', "a[0].b: expected 'x', found 'y'"),
    ],
)
def test_the_first_difference(one: str, other: str, said: str) -> None:
    found = difference(decode(one), decode(other))
    assert found is not None
    assert found.startswith(said)


@pytest.mark.parametrize(
    ("one", "other"), [("1.0", "1"), ("1e2", "100"), ("0.10", "0.1"), ("1e2", "1.0e2")]
)
def test_digit_for_digit(one: str, other: str) -> None:
    assert difference(decode(one), decode(one), digits=True) is None
    assert difference(decode(one), decode(other), digits=True) is not None
