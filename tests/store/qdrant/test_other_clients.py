"""What pulse wrote, read by other clients of Qdrant, and what they wrote, searched by pulse."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("qdrant_client")
pytest.importorskip("langchain_qdrant")
pytest.importorskip("llama_index.vector_stores.qdrant")

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_qdrant import QdrantVectorStore
from llama_index.core.schema import BaseNode, TextNode
from llama_index.core.vector_stores.types import VectorStoreQuery
from llama_index.vector_stores.qdrant import QdrantVectorStore as LlamaStore
from qdrant_client import QdrantClient, models

from pulse_cli.simulators.process import SpawnedSimulator
from tests.cli.conftest import Pulse, home, meta, pulse, tei  # noqa: F401 - fixtures

COLLECTION = "pulse_docs"
TEA = "https://kitchen.example/tea"
SOUP = "https://kitchen.example/soup"


class TeiEmbeddings(Embeddings):
    """The vectors of a simulated TEI."""

    def __init__(self, url: str) -> None:
        self._url = url

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        headers = {"content-type": "application/json"}
        body = json.dumps({"inputs": texts}).encode()
        request = urllib.request.Request(f"{self._url}/embed", body, headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            found: list[list[float]] = json.load(answer)
            return found

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


class PulsePages(QdrantVectorStore):
    """As docs/guide/other-clients.md has it: metadata is the payload itself."""

    @classmethod
    def _document_from_point(
        cls, point: Any, collection: str, content_key: str, metadata_key: str
    ) -> Document:
        payload = dict(point.payload)
        return Document(page_content=payload.pop(content_key), metadata=payload)


@pytest.fixture
def qdrant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[str]:  # noqa: F811
    with SpawnedSimulator("qdrant", folder=tmp_path / "points") as simulator:
        monkeypatch.setenv("PULSE_QDRANT__URL", simulator.url)
        yield simulator.url


@pytest.fixture
def client(qdrant: str) -> Iterator[QdrantClient]:
    client = QdrantClient(url=qdrant, check_compatibility=False, trust_env=False)
    yield client
    client.close()


@pytest.fixture
def embeddings(tei: str, monkeypatch: pytest.MonkeyPatch) -> TeiEmbeddings:  # noqa: F811
    monkeypatch.setenv("PULSE_EMBED__URL", tei)
    return TeiEmbeddings(tei)


@pytest.fixture
def written(pulse: Pulse, qdrant: str, embeddings: TeiEmbeddings) -> None:  # noqa: F811
    pages = [
        {"markdown": "# Tea\n\nWater first, then leaves.", "metadata": meta("tea", "Tea")},
        {"markdown": "# Soup\n\nOnions, slowly.", "metadata": meta("soup", "Soup")},
    ]
    Path("crawl.jsonl").write_text("".join(json.dumps(page) + "\n" for page in pages))
    assert pulse("index", "crawl.jsonl", "-q").code == 0


QUERY = "Soup\n# Soup\n\nOnions, slowly."
"""What pulse embedded of one page: its context, and its only chunk."""


@pytest.mark.usefixtures("written")
def test_qdrant_client_reads_filters_and_counts(client, embeddings):
    vector = embeddings.embed_query(QUERY)
    best = client.query_points(COLLECTION, query=vector, limit=1).points[0]
    assert (best.payload["url"], best.payload["title"]) == (SOUP, "Soup")
    assert best.payload["text"] == "# Soup\n\nOnions, slowly."
    assert best.score == pytest.approx(1.0, abs=1e-4)
    of_tea = models.FieldCondition(key="canonical_url", match=models.MatchValue(value=TEA))
    where = models.Filter(must=[of_tea])
    assert client.count(COLLECTION, count_filter=where).count == 1


@pytest.mark.usefixtures("written")
def test_langchain_reads_text_and_metadata(client, embeddings):
    options = {"collection_name": COLLECTION, "embedding": embeddings}
    plain = QdrantVectorStore(client=client, content_payload_key="text", **options)
    (found,) = plain.similarity_search(QUERY, k=1)
    assert found.page_content == "# Soup\n\nOnions, slowly."
    pages = PulsePages(client=client, content_payload_key="text", **options)
    (found,) = pages.similarity_search(QUERY, k=1)
    assert (found.page_content, found.metadata["url"]) == ("# Soup\n\nOnions, slowly.", SOUP)


@pytest.mark.usefixtures("written")
def test_llama_index_reads_text_and_metadata(client, embeddings):
    store = LlamaStore(collection_name=COLLECTION, client=client, text_key="text")
    vector = embeddings.embed_query(QUERY)
    found = store.query(VectorStoreQuery(query_embedding=vector, similarity_top_k=1)).nodes
    assert found is not None
    (node,) = found
    assert (node.get_content(), node.metadata["url"]) == ("# Soup\n\nOnions, slowly.", SOUP)


def test_pulse_searches_what_langchain_wrote(pulse, qdrant, embeddings):  # noqa: F811
    QdrantVectorStore.from_texts(
        ["Water first, then leaves.", "Onions, slowly."],
        embeddings,
        metadatas=[{"source": TEA, "title": "Tea"}, {"source": SOUP}],
        url=qdrant,
        collection_name="theirs",
        check_compatibility=False,
        trust_env=False,
    )
    found = pulse("search", "Water first, then leaves.", "--collection", "theirs", "--json")
    best = found.json["results"][0]
    assert (best["text"], best["url"], best["title"]) == ("Water first, then leaves.", TEA, "Tea")
    shown = pulse("search", "Onions, slowly.", "--collection", "theirs").out
    assert "Onions, slowly." in shown
    assert SOUP in shown


def test_pulse_searches_what_llama_index_wrote(pulse, client, embeddings):  # noqa: F811
    nodes: list[BaseNode] = [
        TextNode(text=text, metadata={"url": url}, embedding=embeddings.embed_query(text))
        for text, url in (("Water first, then leaves.", TEA), ("Onions, slowly.", SOUP))
    ]
    LlamaStore(collection_name="theirs", client=client).add(nodes)
    found = pulse("search", "Onions, slowly.", "--collection", "theirs", "--json")
    best = found.json["results"][0]
    assert (best["text"], best["url"]) == ("Onions, slowly.", SOUP)
    assert "_node_content" not in best["metadata"]
