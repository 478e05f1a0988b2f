"""Reads points that other tools wrote: finds their text, address and title.

LangChain's QdrantVectorStore writes `{"page_content": TEXT, "metadata": {...}}`. LlamaIndex's
writes the metadata beside `_node_content`, which is the node as JSON and holds the text. Home-made
collections use names like `content`. A field that already has pulse's name is never changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import orjson

from pulse_cli.model import Hit
from pulse_cli.payload import DESCRIPTION, KEY, TEXT, TITLE, URL

_NODE = "_node_content"
_NODE_FIELDS = frozenset({_NODE, "_node_type", "document_id", "doc_id", "ref_doc_id"})
_TEXTS = ("page_content", "content", "document", "markdown", "chunk", "body")
_ADDRESSES = ("source_url", "sourceURL", "link", "source")
_TITLES = ("name", "heading")
_NESTED = ("metadata", "meta")


def readable(hit: Hit) -> Hit:
    """The hit with text, address and title under pulse's own names, where they can be found."""
    payload = hit.payload
    if isinstance(payload.get(TEXT), str) and (KEY in payload or URL in payload):
        return hit
    found: dict[str, Any] = {}
    for layer in _layers(payload):
        for name, others in ((TEXT, _TEXTS), (URL, _ADDRESSES), (TITLE, _TITLES)):
            if name not in found and (value := _first(layer, (name, *others))):
                found[name] = value
        if DESCRIPTION not in found and (value := _first(layer, (DESCRIPTION,))):
            found[DESCRIPTION] = value
    rest = {name: value for name, value in payload.items() if name not in _NODE_FIELDS}
    return replace(hit, payload={**rest, **found})


def _layers(payload: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The payload, and the objects in it that hold fields of the page."""
    yield payload
    for name in _NESTED:
        if isinstance(inner := payload.get(name), dict):
            yield inner
    if isinstance(text := payload.get(_NODE), str):
        try:
            node = orjson.loads(text)
        except orjson.JSONDecodeError:
            return
        if isinstance(node, dict):
            yield node


def _first(layer: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """The first of these fields that holds a text."""
    values = (layer.get(name) for name in names)
    return next((value for value in values if isinstance(value, str) and value.strip()), None)
