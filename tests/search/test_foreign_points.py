"""Points in the shapes in which other tools write them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pulse_cli.model import Hit
from pulse_cli.search.foreign_points import readable

URL = "https://a.example/tea"
NODE = json.dumps({"id_": "7", "text": "Boil it.", "metadata": {}})


@pytest.mark.parametrize(
    "payload",
    [
        {"page_content": "Boil it.", "metadata": {"source": URL, "title": "Tea"}},
        {"url": URL, "title": "Tea", "_node_content": NODE, "_node_type": "TextNode"},
        {"content": "Boil it.", "link": URL, "name": "Tea"},
        {"document": "Boil it.", "meta": {"url": URL, "title": "Tea"}},
        {"text": "Boil it.", "url": URL, "title": "Tea"},
    ],
)
def test_text_address_and_title_are_found(payload: dict[str, Any]):
    found = readable(Hit("1", 0.5, payload)).payload
    assert (found["text"], found["url"], found["title"]) == ("Boil it.", URL, "Tea")
    assert "_node_content" not in found


@pytest.mark.parametrize(
    "payload",
    [
        {"text": "ours", "canonical_url": URL, "content": "theirs"},
        {"text": "", "url": URL, "page_content": "theirs"},
    ],
)
def test_what_is_named_as_pulse_does_is_not_changed(payload: dict[str, Any]):
    hit = Hit("1", 0.5, payload)
    assert readable(hit) == hit


@pytest.mark.parametrize(
    "payload",
    [{}, {"_node_content": "{"}, {"_node_content": "[1]"}, {"metadata": [1], "content": {"a": 1}}],
)
def test_what_holds_no_text_has_none(payload: dict[str, Any]):
    assert "text" not in readable(Hit("1", 0.5, payload)).payload
