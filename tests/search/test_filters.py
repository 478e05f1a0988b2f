"""Filters as written on the command line."""

from __future__ import annotations

import pytest

from pulse_cli.errors import Fatal, Kind
from pulse_cli.model import Filter
from pulse_cli.search.filters import parse_filters


@pytest.mark.parametrize(
    ("pairs", "wanted"),
    [
        ([], Filter()),
        (
            ["domain=docs.example", "language = en"],
            Filter({"domain": "docs.example", "language": "en"}),
        ),
        (["isMobile=True"], Filter({"isMobile": True})),
        (["isMobile=no", "country=DE"], Filter({"isMobile": False, "country": "DE"})),
        (["url=https://Docs.Example/Guide/*"], Filter(url_prefix="https://docs.example/Guide/")),
        (["url_prefix=HTTPS://x/?a=b"], Filter(url_prefix="https://x/?a=b")),
    ],
)
def test_what_is_understood(pairs: list[str], wanted: Filter) -> None:
    assert parse_filters(pairs) == wanted


@pytest.mark.parametrize(
    "pair", ["domain", "domain=", "=x", "colour=red", "isMobile=maybe", "url=https://*/x", ""]
)
def test_what_is_not_is_a_usage_error_that_names_it(pair: str) -> None:
    with pytest.raises(Fatal) as raised:
        parse_filters([pair])
    assert raised.value.kind is Kind.USAGE
    assert raised.value.hint


@pytest.mark.parametrize(
    "pairs", [["domain=a", "domain=b"], ["url=https://a", "url_prefix=https://b"]]
)
def test_the_same_field_twice_is_refused(pairs: list[str]) -> None:
    with pytest.raises(Fatal, match="understood"):
        parse_filters(pairs)
