"""Queries of five kinds drawn from pages, each answered by one page alone."""

from __future__ import annotations

from pulse_cli.bench.quality.queries import KINDS, Query, draw
from pulse_cli.model import Document

SUBJECTS = ("kettle", "harbour", "lantern", "quarry", "meadow", "turbine", "ferry", "granary")


def page(number: int, subject: str) -> Document:
    text = f"""# The {subject}

This page tells whoever wants to know how a {subject} is looked after in winter. It is long.

## Cleaning the {subject} {{ #cleaning }}

Somebody has to brush the {subject} twice a day with [warm water](https://x.example/{number}) and
wait until it is dry. Nobody may open the {subject} while the **pressure gauge** shows more than
{number} bar, for it would burst at once.

```python
# Somebody has to brush the comment twice a day with water and wait until it is dry today.
open_{subject}_valve(pressureOf{subject.title()}, max_bar={number})
```

Set `--{subject}-max-size` or read CVE-2024-10{number:02} first, then call `{subject}.close()`.
"""
    return Document(f"https://e.example/{subject}", text, title=f"The {subject} of the village")


PAGES = [page(number, subject) for number, subject in enumerate(SUBJECTS)]


def drawn(pages: list[Document], wanted: int = 60) -> dict[str, list[Query]]:
    _, queries = draw(pages, wanted)
    return {kind: [query for query in queries if query.kind == kind] for kind in KINDS}


def key(subject: str) -> dict[str, int]:
    return {f"https://e.example/{subject}": 1}


def test_every_kind_is_drawn_from_every_page() -> None:
    found = drawn(PAGES)
    for kind in KINDS:
        answers = {address for query in found[kind] for address in query.relevant}
        assert answers == {f"https://e.example/{subject}" for subject in SUBJECTS}
    assert Query("title", "The kettle of the village", key("kettle")) in found["title"]
    heading = "The kettle of the village Cleaning the kettle"
    assert Query("heading", heading, key("kettle")) in found["heading"]


def test_a_description_is_no_quotation() -> None:
    searched, queries = draw(PAGES, 60)
    described = [query for query in queries if query.kind == "description"]
    assert len(described) == len(SUBJECTS)
    for query in described:
        assert query.text.startswith("This page tells whoever wants")
        (address,) = query.relevant
        [text] = [one.text for one in searched if one.url == address]
        assert "This page tells" not in text
    own = Document(
        PAGES[0].url,
        PAGES[0].text,
        title="The kettle",
        description="All that can be said of one kettle and of its lid in particular",
    )
    searched, queries = draw([own, *PAGES[1:]], 60)
    texts = [query.text for query in queries if query.kind == "description"]
    assert own.description in texts
    assert own in searched  # nothing is taken out: the description does not stand in the text


def test_halves_are_of_prose_and_stand_in_one_page() -> None:
    found = drawn(PAGES)["half"]
    texts = [query.text for query in found]
    assert not any("comment" in text for text in texts)  # code
    assert not any("[" in text or "**" in text for text in texts)  # marks
    assert any("warm water" in text or "brush the" in text for text in texts)
    for query in found:
        bodies = [one.text.replace("\n", " ") for one in PAGES]
        plain = [body.replace("**", "").replace("`", "") for body in bodies]
        assert sum(query.text in body for body in plain) <= 1


def test_identifiers_are_names_out_of_code_that_one_page_has() -> None:
    texts = {query.text for query in drawn(PAGES, 400)["identifier"]}
    assert {
        "open_kettle_valve",
        "pressureOfKettle",
        "--kettle-max-size",
        "CVE-2024-1000",
        "kettle.close()",
    } <= texts
    assert "max_bar" not in texts  # all pages have it


def test_what_two_pages_answer_is_not_asked() -> None:
    twin = Document("https://e.example/twin", PAGES[0].text, title=PAGES[0].title)
    for queries in drawn([*PAGES, twin], 400).values():
        assert queries
        for query in queries:
            assert not query.relevant.keys() & {"https://e.example/twin", *key("kettle")}


def test_the_same_pages_in_any_order_give_the_same_queries() -> None:
    assert draw(PAGES, 30) == draw(PAGES[::-1], 30)
    assert len(draw(PAGES, 30)[1]) == 30


def test_a_kind_that_is_rare_leaves_its_share_to_the_others() -> None:
    untitled = [Document(one.url, one.text) for one in PAGES]
    found = drawn(untitled, 40)
    assert found["title"] == found["heading"] == []
    assert sum(len(queries) for queries in found.values()) == 40


def test_pages_without_spaces_between_words_are_asked_for_too() -> None:
    sentence = "水泵在压力下降时会慢慢打开第{}个阀门、然后等待操作员按下绿色按钮并记录时间。"
    pages = [
        Document(f"https://e.example/{n}", f"# 泵\n\n{sentence.format(n)}", title=f"水泵手册{n}")
        for n in range(3)
    ]
    found = drawn(pages, 30)
    assert {query.text for query in found["title"]} == {"水泵手册0", "水泵手册1", "水泵手册2"}
    assert found["description"]
