"""Embedded images go, however they are written; what stands around them stays."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_cli.prepare.clean import clean
from pulse_cli.prepare.data_uris import without_images

NAMESPACE = "xmlns='http://www.w3.org/2000/svg'"
LINE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"

PLACEHOLDERS = {
    "escaped, with raw quotes": f"data:image/svg+xml,%3Csvg%20{NAMESPACE}%20width='1'%3E%3C/svg%3E",
    "escaped, with blanks": f"data:image/svg+xml,%3Csvg {NAMESPACE} viewBox='0 0 2 1'%3E%3C/svg%3E",
    "slashes escaped": f"data:image/svg+xml,%3csvg {NAMESPACE}%3e%3cg%3e%3c%2fg%3e%3c%2fsvg%3e",
    "raw markup": f"data:image/svg+xml;utf8,<svg {NAMESPACE} viewBox='0 0 3 2'></svg>",
    "raw double quotes": 'data:image/svg+xml;utf8,<svg width="3" height="2" id="a"></svg>',
    "brackets in it": f"data:image/svg+xml;utf8,<svg {NAMESPACE}><g transform='scale(1)'/></svg>",
    "closed in its first tag": f"data:image/svg+xml;charset=utf-8,<svg {NAMESPACE} height='9'/>",
    "a prologue": f"data:image/svg+xml;utf8,<?xml version='1.0'?><svg {NAMESPACE} height='9'/>",
    "an image in it": f"data:image/svg+xml,<svg><image href='data:image/png;base64,{LINE}'/></svg>",
    "several lines": f"data:image/svg+xml;utf8,<svg {NAMESPACE}>\n  <path d='M0 0h1v1z'/>\n</svg>",
    "entities": f"data:image/svg+xml;utf8,&lt;svg {NAMESPACE} width='1'&gt;&lt;/svg&gt;",
    "a blank in its type": f"data:image/svg+xml; charset=utf-8,<svg {NAMESPACE}></svg>",
    "upper case": "DATA:IMAGE/SVG+XML;UTF8,<SVG WIDTH='600' HEIGHT='400' ID='LAZY'></SVG>",
    "base64 in upper case": f"DATA:IMAGE/PNG;BASE64,{LINE}",
    "wrapped": f"data:image/png;base64,{LINE}\n{LINE}\n{LINE}\nAAAAAElFTkSuQmCC",
    "wrapped once": f"data:image/png;base64,{LINE}\r\nQUJD",
    "wrapped by blanks": f"data:image/png;base64,{LINE} {LINE} QUJDRA==",
    "wrapped and escaped": f"data:image/gif;base64,{LINE}%0A{LINE}%0D%0AQUJDRA==",
    "begun on its own line": f"data:image/png;base64,\n{LINE}\nQUJDRA==",
}


@pytest.mark.parametrize("kind", sorted(PLACEHOLDERS))
def test_an_embedded_image_goes_and_its_words_stay(kind: str) -> None:
    uri = PLACEHOLDERS[kind]
    assert clean(f"before ![a chart]({uri}) after") == "before ![a chart]() after"
    assert clean(f"before ![a chart](<{uri}>) after") == "before ![a chart]() after"
    assert clean(f"[![a chart]({uri})](https://a.org/)") == "[![a chart]()](https://a.org/)"
    assert clean(f'![a chart]({uri} "a title") after') == '![a chart]( "a title") after'


@given(st.text(), st.text(), st.sampled_from(sorted(PLACEHOLDERS.values())))
def test_nothing_around_an_image_is_lost(before: str, after: str, uri: str) -> None:
    assert without_images(f"{before}![x]({uri}){after}") == f"{before}![x](){after}"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        pytest.param(
            "![Photo 3](<Base64-Image-Removed>) ![](Base64-Image-Removed)",
            "![Photo 3]() ![]()",
            id="the mark of an image that Firecrawl took out",
        ),
        pytest.param(
            "Firecrawl writes `<Base64-Image-Removed>` there.", None, id="the mark named in prose"
        ),
        pytest.param(
            f"![a](data:image/svg+xml,%3Csvg {NAMESPACE}%3E) one ![b](data:image/svg+xml,<svg"
            " class='lazy placeholder'></svg>) two",
            "![a]() one ![b]() two",
            id="one that is never closed ends before the next",
        ),
        pytest.param(
            f"![a](data:image/svg+xml,<svg {NAMESPACE}>)\n\nThe tag `</svg>` closes a drawing.",
            "![a]()\n\nThe tag `</svg>` closes a drawing.",
            id="and within its paragraph",
        ),
        pytest.param(
            f"(see data:image/png;base64,{LINE} here)", "(see  here)", id="a word behind base64"
        ),
        pytest.param(
            f"data:image/png;base64,{LINE}\n{'=' * 60}\n{'-' * 60}\ntext",
            f"\n{'=' * 60}\n{'-' * 60}\ntext",
            id="lines of a heading behind base64",
        ),
        pytest.param(
            "Use data:image/svg+xml;utf8,<svg/> for it.", None, id="an example in prose stays"
        ),
    ],
)
def test_examples(text: str, cleaned: str | None) -> None:
    assert without_images(text) == (text if cleaned is None else cleaned)


HOSTILE = {
    "never closed": "data:image/svg+xml,<svg " * 60_000,
    "closed at the end": "data:image/svg+xml,<svg>" * 60_000 + "</svg>",
    "paragraphs": "![](data:image/svg+xml,<svg a=')\n\n" * 40_000,
    "headers": "data:image/a;" * 100_000,
    "schemes": "data:" * 300_000,
    "blank lines nearly": "data:image/svg+xml,<svg>" + "\n \t" * 500_000,
    "blanks": "data:image/png;base64,A" + " " * 1_500_000,
    "short lines": f"data:image/png;base64,{LINE}" + " QUJDRA" * 200_000,
    "marks": "](<Base64-Image-Removed" * 60_000,
}


@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_time_is_linear(kind: str) -> None:
    began = time.process_time()
    without_images(HOSTILE[kind])
    assert time.process_time() - began < 20  # quadratic work would take minutes to hours
