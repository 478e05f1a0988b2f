"""Files that hold no pages: each is named, with what to do."""

from __future__ import annotations

from pulse_cli.read.firecrawl.foreign import FOREIGN, sitemap


def test_every_kind_is_named_with_a_remedy():
    for kind, found in FOREIGN.items():
        what, _, remedy = found.hint.partition("; ")
        assert found.reason == f"{kind}-file"
        assert what
        assert remedy


def test_a_sitemap_says_how_to_crawl_its_site():
    xml = "<urlset>" + "<url><loc> https://example.org/a?b=1 </loc></url>" * 44 + "</urlset>"
    found = sitemap(xml)
    assert found.reason == "sitemap-file"
    assert "44 addresses" in found.hint
    assert "firecrawl crawl https://example.org --wait -o crawl.json" in found.hint
    assert "0 addresses" in sitemap("<urlset/>").hint
