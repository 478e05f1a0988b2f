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
    return " ".join([*words, *filler])


DEEP = [f"d{number}" for number in range(11)]
PAGES = {
    "zyxomma": body(0, "zyxomma", "petiolatum"),
    "okapi": body(1, "okapi"),  # second: the next page has more of the word
    "hoofed": body(2, *["okapi"] * 3),
    "unheard": body(3),
    # ten pages have more of the word than the first of these
    **{name: body(4 + n, *["quokka"] * (1 + 2 * n)) for n, name in enumerate(DEEP)},
}
QUERIES = {
    "zyxomma petiolatum": {"zyxomma": 1},
    "okapi browsing": {"okapi": 1},
    "whispers": {"unheard": 1},
    "quokka nibbling": {"d0": 1},
}
BY_WORDS = {
    "zyxomma petiolatum": ["zyxomma"],
    "okapi browsing": ["hoofed", "okapi"],
    "whispers": [],
    "quokka nibbling": DEEP[::-1],
}


@pytest.fixture
def beir(home):
    """The pages and queries in the layout of standard test sets."""
    folder = home / "work" / "zoo"
    (folder / "qrels").mkdir(parents=True)
    rows = [{"_id": name, "title": "", "text": text} for name, text in PAGES.items()]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, rows)))
    asked = [{"_id": f"q{n}", "text": query} for n, query in enumerate(QUERIES)]
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, asked)))
    judged = [
        f"q{n}\t{name}\t{grade}"
        for n, relevant in enumerate(QUERIES.values())
        for name, grade in relevant.items()
    ]
    (folder / "qrels" / "test.tsv").write_text("query\tcorpus\tscore\n" + "\n".join(judged))
    return folder


def cosines(tei: str) -> dict[str, dict[str, float]]:
    """Of all pages, for each query."""
    texts = [*PAGES.values(), *QUERIES]
    answer = httpx.post(f"{tei}/embed", json={"inputs": texts}, trust_env=False)
    rows = np.array(answer.raise_for_status().json())
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = rows[len(PAGES) :] @ rows[: len(PAGES)].T
    return {
        query: dict(zip(PAGES, map(float, row), strict=True))
        for query, row in zip(QUERIES, found, strict=True)
    }


def by_rank(near: dict[str, float], words: list[str]) -> list[str]:
    nearest = sorted(near, key=lambda name: -near[name])
    scores = dict.fromkeys(near, 0.0)
    for weight, ranked in ((0.6, nearest), (0.4, words)):
        for rank, name in enumerate(ranked, start=1):
            scores[name] += weight / (60 + rank)
    return sorted(scores, key=lambda name: -scores[name])


def figures(ranked: dict[str, list[str]]) -> dict[str, float]:
    places = []
    for query, names in ranked.items():
        (wanted,) = QUERIES[query]
        places.append(names[:10].index(wanted) + 1 if wanted in names[:10] else 0)
    return {
        "recall": sum(1 for place in places if place) / len(places),
        "mrr": sum(1 / place for place in places if place) / len(places),
        "ndcg": sum(1 / np.log2(place + 1) for place in places if place) / len(places),
    }


def values(report: dict, mode: str) -> dict[str, float]:
    return {name: one["value"] for name, one in report["quality"]["macro"][mode].items()}


def test_figures_are_those_worked_out_apart(pulse, tei, beir):
    arguments = ("--tei", tei, "--set", "search.fusion=rrf", "--set", "chunk.context=none")
    done = pulse("bench", "--quality", "--corpus", "zoo", *arguments, "--json")
    assert done.code == 0, done.err
    found = done.json["quality"]
    assert (found["queries"], found["pages"], found["chunks"]) == (4, 15, 15)
    words = values(done.json, "bm25")
    assert words == pytest.approx({"recall": 0.5, "mrr": 0.375, "ndcg": (1 + 1 / np.log2(3)) / 4})
    assert words == pytest.approx(figures(BY_WORDS))
    assert found["misses"]["bm25"] == ["whispers", "quokka nibbling"]
    near = cosines(tei)
    nearest = {query: sorted(own, key=lambda name: -own[name]) for query, own in near.items()}
    both = {query: by_rank(near[query], BY_WORDS[query]) for query in QUERIES}
    assert values(done.json, "vector") == pytest.approx(figures(nearest))
    assert values(done.json, "hybrid") == pytest.approx(figures(both))
    assert found["kinds"]["judged"]["queries"] == 4


def test_kinds_are_drawn_from_pages_and_a_worse_ranking_is_seen(pulse, home, tei):
    pages = [
        {
            "markdown": f"# On {word}s\n\n## Care of the {word}\n\nWhoever keeps a {word} for"
            f" long knows that it must be brushed by hand every day.\n\n{body(n, word)}\n\n"
            f"Then call `open_{word}_now` and wait until the {word} has been looked at twice.\n",
            "metadata": {"url": f"https://zoo.example/{word}", "title": f"All on {word}s"},
        }
        for n, word in enumerate(("okapi", "quokka", "zyxomma", "dikdik", "numbat"))
    ]
    (home / "work" / "zoo.jsonl").write_text("".join(json.dumps(one) + "\n" for one in pages))
    command = ("bench", "--quality", "--corpus", "zoo.jsonl", "--tei", tei, "--queries", "25")
    done = pulse(*command, "--save", "before.json")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].startswith("25 queries over 5 pages in 5 chunks")
    for kind in ("title", "heading", "description", "half", "identifier"):
        assert any(line.startswith(f"{kind} (5) ") for line in lines)

    again = pulse(*command, "--against", "before.json", "--json")
    assert again.code == 0, again.err
    same = json.loads((home / "work" / "before.json").read_text())
    assert again.json["quality"] == same["quality"]
    worse = pulse(*command, "--against", "before.json", "--set", "search.bm25_weight=0")
    assert worse.code == 1
    assert " worse" in worse.out

    speed = pulse("bench", "--stage", "read", "--quick", "--save", "speed.json")
    assert speed.code == 0, speed.err
    wrong = pulse(*command, "--against", "speed.json")
    assert wrong.code == 2
    assert "--quality" in wrong.err
