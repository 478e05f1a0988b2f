"""`pulse bench --quality`: its figures against the same ones worked out here, by hand and by rule.

The simulated embedder's vectors mean nothing, but they are vectors: ranks by cosine are worked
out from what it answers when asked directly. Ranks by words follow from how the pages are made.
"""

from __future__ import annotations

import json

import httpx
import numpy as np
import pytest

FILLER = ["ledger", "harbour", "copper", "window", "gravel", "lantern", "meadow", "timber"]
LENGTH = 64  # words in every body, so that only how often a word occurs ranks a page


def body(number: int, *words: str) -> str:
    filler = [FILLER[(number + i) % len(FILLER)] for i in range(LENGTH - len(words))]
    return " ".join([*words, *filler]) + "."


DEEP = ["Quokka nibbling"] + [f"Lone{number}" for number in range(10)]
PAGES = {
    "Zyxomma petiolatum": body(0, "zyxomma", "petiolatum"),  # first by words
    "Okapi browsing": body(1, "okapi"),  # second: the next page has more of the word
    "Hoofed": body(2, *["okapi"] * 3),
    "Unheard whispers": body(3),  # never: no page has the words
    **{  # ten pages have more of its words than the first
        title: body(4 + number, *["quokka"] * (1 + 2 * number)) for number, title in enumerate(DEEP)
    },
}
RANKED = {  # by words, as the pages above are made
    "Zyxomma petiolatum": ["Zyxomma petiolatum"],
    "Okapi browsing": ["Hoofed", "Okapi browsing"],
    "Unheard whispers": [],
    "Quokka nibbling": DEEP[::-1],
}
TWINS = {"a": body(20), "b": body(21)}  # of one title, so nothing that could be asked for


def by_vector(tei: str) -> dict[str, list[str]]:
    """All pages for each query, the nearest first."""
    texts = [*PAGES.values(), *TWINS.values(), *RANKED]
    answer = httpx.post(f"{tei}/embed", json={"inputs": texts}, trust_env=False)
    rows = np.array(answer.raise_for_status().json())
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    names = [*PAGES, *TWINS]
    pages, queries = rows[: len(names)], rows[len(names) :]
    nearest = np.argsort(-(queries @ pages.T), axis=1)
    return {q: [names[i] for i in row] for q, row in zip(RANKED, nearest, strict=True)}


def fused(vector: list[str], words: list[str]) -> list[str]:
    scores = dict.fromkeys(vector, 0.0)
    for weight, ranked in ((0.6, vector), (0.4, words)):
        for rank, name in enumerate(ranked, start=1):
            scores[name] += weight / (60 + rank)
    return sorted(scores, key=lambda name: -scores[name])


def figures(ranked: dict[str, list[str]]) -> dict[str, float]:
    places = [names[:10].index(query) + 1 for query, names in ranked.items() if query in names[:10]]
    return {
        "recall": len(places) / len(ranked),
        "mrr": sum(1 / place for place in places) / len(ranked),
    }


def test_figures_are_those_worked_out_apart(pulse, home, tei):
    written = [(title, f"p/{title.replace(' ', '-')}", text) for title, text in PAGES.items()]
    written += [("Table of contents", name, text) for name, text in TWINS.items()]
    records = [
        {
            "markdown": f"# {title}\n\n{text}",
            "metadata": {"url": f"https://zoo.example/{path}", "title": title},
        }
        for title, path, text in written
    ]
    file = home / "work" / "zoo.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records))

    done = pulse("bench", "--quality", "--corpus", "zoo.jsonl", "--tei", tei, "--json")
    assert done.code == 0, done.err
    found = done.json
    assert (found["queries"], found["pages"], found["chunks"]) == (4, 17, 17)
    assert found["by_mode"]["bm25"] == {"recall": 0.5, "mrr": 0.375}  # of 1, 1/2, 0 and 0
    assert set(found["misses"]["bm25"]) == {"Unheard whispers", "Quokka nibbling"}
    nearest = by_vector(tei)
    both = {query: fused(nearest[query], RANKED[query]) for query in RANKED}
    assert found["by_mode"]["vector"] == pytest.approx(figures(nearest))
    assert found["by_mode"]["hybrid"] == pytest.approx(figures(both))
