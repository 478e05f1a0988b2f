"""Strategies for page text: markdown of all kinds, and characters that hurt."""

from __future__ import annotations

from hypothesis import strategies as st

# All planes, with what tokenizers, splitters and cleaners stumble over made likely.
CHARACTERS = st.one_of(
    st.characters(codec="utf-8"),
    st.sampled_from("aZ09 _-.,#*`|[](){}<>&\\/'\"~=+^$%@!?:;"),
    st.sampled_from("\n\n\t\r\v\f\x00\x1c\x85\xa0\xad\u200b\u200c\u200d\u2028\u3000\ufeff"),
    st.sampled_from("éßİſﬁ中文字。、のカ한글ไทยعの👍🏽👩\u0301\u0338\ufe0f𠀀\U0001d400﷽"),
)

ANY_TEXT = st.text(CHARACTERS, max_size=300)
ANY_TEXT_WITH_SURROGATES = st.text(
    st.one_of(CHARACTERS, st.characters(min_codepoint=0xD800, max_codepoint=0xDFFF)), max_size=200
)

_WORDS = st.sampled_from(
    [
        *("the", "a", "valve", "pump", "opens", "slowly", "when", "pressure", "falls", "again"),
        *("unbelievably", "Kreiselpumpe", "électrovanne", "насос", "HTTPServer", "x1", "3.14"),
        *("`code`", "**bold**", "[link](/a?b=c)"),
    ]
)
_PROSE = st.lists(_WORDS, min_size=1, max_size=60).map(" ".join)
_CJK = st.text(
    "水泵在压力下降时打开阀门。、ポンプは圧力が下がると弁を開く", min_size=1, max_size=150
)
_RUN = st.text("abcXYZ0123456789+/=_-.", min_size=1, max_size=600)
_TABLE = st.lists(
    st.lists(_WORDS, min_size=3, max_size=3).map(lambda cells: f"| {' | '.join(cells)} |"),
    min_size=2,
    max_size=12,
).map("\n".join)
_LIST = st.lists(_PROSE, max_size=6).map(lambda items: "\n".join(f"- {item}" for item in items))
_HEADING = st.builds(
    lambda level, words: f"{'#' * level} {words}",
    st.integers(1, 6),
    st.lists(_WORDS, min_size=1, max_size=6).map(" ".join),
)
_FENCE = st.builds(
    lambda mark, lines: "\n".join([f"{mark}py", *lines, mark]),
    st.sampled_from(["```", "~~~~"]),
    st.lists(
        st.one_of(
            _PROSE.map(lambda s: f"# {s}"), _RUN, st.just(""), _WORDS.map("    x = {}".format)
        ),
        max_size=12,
    ),
)
BLOCKS = st.one_of(_PROSE, _PROSE, _CJK, _RUN, _TABLE, _LIST, _HEADING, _HEADING, _FENCE, ANY_TEXT)

MARKDOWN = st.lists(
    st.tuples(BLOCKS, st.sampled_from(["\n\n", "\n", "\n\n\n\n", " ", ""])), max_size=25
).map(lambda blocks: "".join(block + end for block, end in blocks))
