"""Records that a later one of the same page replaced are counted, in bounded memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pulse_cli.engine.progress.seen import ENTRY_BYTES, SeenPages, SeenWriter, superseded
from pulse_cli.model import Outcome

KEYS = st.sampled_from([f"https://{host}.example/{n}" for host in "ab" for n in range(9)])
RECORDS = st.lists(st.tuples(KEYS, st.sampled_from(Outcome)), max_size=60)


@given(records=RECORDS, batch=st.integers(1, 9))
def test_the_last_version_of_each_page_stays(
    records: list[tuple[str, Outcome]], batch: int
) -> None:
    writer = SeenWriter()
    entries = b"".join(writer.entries(*record) for record in records)
    assert len(entries) % ENTRY_BYTES == 0

    def read(offset: int, size: int) -> bytes:
        assert size <= batch * ENTRY_BYTES
        return entries[offset : offset + size]

    written = [(key, o) for key, o in records if o in (Outcome.INDEXED, Outcome.UNCHANGED)]
    last = dict(written)
    expected = tuple(
        sum(o is kind for _, o in written) - sum(o is kind for o in last.values())
        for kind in (Outcome.INDEXED, Outcome.UNCHANGED)
    )
    assert superseded(read, len(entries), batch) == expected


@given(records=RECORDS)
def test_every_page_is_seen_whatever_became_of_it(records: list[tuple[str, Outcome]]) -> None:
    writer = SeenWriter()
    seen = SeenPages(b"".join(writer.entries(*record) for record in records))
    keys = [key for key, _ in records]
    assert all(seen.pages(keys))
    assert not any(seen.pages(["https://a.example/other", "a.example"]))
    assert all(seen.hosts(sorted({key.split("/")[2] for key in keys})))
