"""What every preparer promises the engine, with each kind of tokenizer behind it."""

from __future__ import annotations

import uuid
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse_cli.model import Document
from pulse_cli.ports import Preparer
from pulse_cli.prepare import PrepareOptions, open_counter, open_preparer
from tests.prepare.pages import ANY_TEXT_WITH_SURROGATES, MARKDOWN
from tests.prepare.tokenizer_files import KINDS, reference

PREFIX = "passage: "
DOCUMENTS = st.lists(
    st.builds(
        Document,
        url=st.one_of(st.sampled_from(["https://e.com/a", "HTTP://E.com:80/b?gclid=1"]), st.text()),
        text=st.one_of(MARKDOWN, ANY_TEXT_WITH_SURROGATES),
        title=st.one_of(st.none(), st.text()),
    ),
    max_size=4,
)


@pytest.fixture(scope="module", params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def preparer(kind: str) -> Preparer:
    options = PrepareOptions(max_tokens=72, overlap_tokens=16, document_prefix=PREFIX)
    return open_preparer(options, open_counter(KINDS[kind]())[0])


@settings(max_examples=40, deadline=None)
@given(documents=DOCUMENTS)
def test_any_pages_become_chunks_fit_to_send(
    preparer: Preparer, kind: str, documents: list[Document]
) -> None:
    whole = reference(KINDS[kind](), special=True)
    named = [(document, preparer.identify(document)) for document in documents]
    for (document, identity), prepared in zip(named, preparer.prepare(named), strict=True):
        assert (prepared.document, prepared.identity) == (document, identity)
        chunks = preparer.chunks([prepared], 0, len(prepared.starts))[0]
        assert [chunk.index for chunk in chunks] == list(range(len(prepared.starts)))
        assert all(a.start < b.start and a.end < b.end for a, b in pairwise(chunks))
        for chunk in chunks:
            assert chunk.text == prepared.text[chunk.start : chunk.end]
            assert chunk.tokens == whole(PREFIX + chunk.full_text) <= preparer.chunk_tokens
            context = chunk.full_text.removesuffix(chunk.text)
            assert context == "" or context.endswith("\n")
            assert whole(PREFIX + context) - whole(PREFIX) <= preparer.chunk_tokens // 4
            assert uuid.UUID(chunk.id).version == 5
            chunk.full_text.encode()  # no lone surrogate
        assert [chunk.id for chunk in chunks[:1]] in ([], [identity.commit_id])


@settings(max_examples=40, deadline=None)
@given(documents=DOCUMENTS)
def test_pages_are_prepared_the_same_in_any_company(
    preparer: Preparer, documents: list[Document]
) -> None:
    named = [(document, preparer.identify(document)) for document in documents]
    assert preparer.prepare(named) == [preparer.prepare([each])[0] for each in named]


def test_a_page_is_known_by_its_key_whatever_its_spelling(preparer: Preparer) -> None:
    one, other = (
        preparer.identify(Document(url=url, text="text"))
        for url in ("https://e.com/a?x=1", "HTTPS://E.COM:443/a?x=1&utm_term=y#z")
    )
    assert one.key == other.key
    assert one.version != other.version, "the address is part of what is written"
    assert one.content_hash != other.content_hash  # the URL is written, so it counts
    assert preparer.key(other.key) == other.key


def test_the_fingerprint_is_plain_data(preparer: Preparer) -> None:
    assert preparer.rev
    assert all(type(value) in (str, int, float) for value in preparer.fingerprint.values())
