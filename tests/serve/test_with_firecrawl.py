"""The service beside a simulated Firecrawl: crawls made whole, changed addresses scraped again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest

from pulse_cli.serve.auth import signature
from pulse_cli.simulators.faults import Fault
from pulse_cli.simulators.process import SpawnedSimulator
from tests.serve.conftest import WEBHOOK_SECRET, Served
from tests.serve.test_service import page, post_event

WATCHED = "https://a.example/watched"


@pytest.fixture
def firecrawl() -> Iterator[SpawnedSimulator]:
    with SpawnedSimulator("firecrawl") as simulator:
        yield simulator


def do(firecrawl: SpawnedSimulator, path: str, value: Any) -> Any:
    method = "PUT" if path == "/_site" else "POST"
    answer = httpx.request(method, firecrawl.url + path, json=value, timeout=60.0, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()


def crawl(served: Served, firecrawl: SpawnedSimulator, limit: int, *stages: str) -> str:
    """The id of a crawl whose events of these stages are sent (all if none is named)."""
    webhook = {"url": f"{served.url}/api/webhook/firecrawl", "events": list(stages)}
    asked = {"url": "https://a.example", "limit": limit, "webhook": webhook}
    return str(do(firecrawl, "/_crawl", asked)["id"])


def pages(served: Served) -> int:
    return int(served.client.get("/api/stats").json()["total_documents"])


def ended(served: Served, crawl_id: str) -> dict[str, Any]:
    """What is recorded of a crawl, once it has ended."""
    found: list[dict[str, Any]] = [{}]

    def over() -> bool:
        found[0] = served.client.get(f"/api/metrics/crawls/{crawl_id}").json()
        return found[0].get("completed_at") is not None

    served.until(over)
    return found[0]


def change(served: Served, url: str = WATCHED) -> httpx.Response:
    body = orjson.dumps(
        {
            "watch_id": "w-1",
            "watch_url": url,
            "detected_at": "2026-05-01T12:00:00Z",
            "snapshot": "It changed.",
        }
    )
    headers = {"x-signature": signature(body, WEBHOOK_SECRET)}
    return httpx.post(f"{served.url}/api/webhook/changedetection", content=body, headers=headers)


def test_a_crawl_whose_pages_all_came_is_not_read_again(
    mortal: Served, firecrawl: SpawnedSimulator
) -> None:
    mortal.start(firecrawl__url=firecrawl.url)
    found = ended(mortal, crawl(mortal, firecrawl, 20))
    assert (found["pages_indexed"], found["pages_failed"], found["status"]) == (20, 0, "completed")
    assert found["base_url"] == "https://a.example"
    assert pages(mortal) == 20
    assert "is read from Firecrawl" not in mortal.log


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_without_firecrawl_the_event_that_ends_a_crawl_ends_it(mortal: Served, status: str) -> None:
    mortal.start()
    post_event(mortal, page("https://tea.example/pot", "# Pot"), kind="crawl.page")
    post_event(mortal, kind=f"crawl.{status}")
    found = ended(mortal, "crawl-1")
    assert (found["status"], found["pages_indexed"]) == (status, 1)
    noted = mortal.folder / "state/inbox/crawls"
    assert (noted / "crawls.json").read_bytes() == b"[]"
    assert not list(noted.glob("*.pages"))


def test_pages_that_were_never_delivered_are_fetched(
    mortal: Served, firecrawl: SpawnedSimulator
) -> None:
    mortal.start(firecrawl__url=firecrawl.url)
    ended(mortal, crawl(mortal, firecrawl, 130, "started", "completed"))
    assert pages(mortal) == 130
    assert "0 of 130 pages came" in mortal.log


def test_pages_of_a_batch_scrape_that_were_never_delivered_are_fetched(
    mortal: Served, firecrawl: SpawnedSimulator
) -> None:
    mortal.start(firecrawl__url=firecrawl.url, serve__prune="true")
    crawl(mortal, firecrawl, 3)
    Served.until(lambda: pages(mortal) == 3)
    webhook = {"url": f"{mortal.url}/api/webhook/firecrawl", "events": ["started", "completed"]}
    urls = [f"https://a.example/batch/{number}" for number in range(120)]
    batch = str(do(firecrawl, "/_crawl", {"urls": urls, "webhook": webhook})["id"])
    found = ended(mortal, batch)
    assert (found["operation_type"], found["pages_indexed"]) == ("batch_scrape", 120)
    assert pages(mortal) == 123, "what a batch does not name stays"


def test_a_crawl_of_an_outage_is_asked_about_at_the_start(
    mortal: Served, firecrawl: SpawnedSimulator
) -> None:
    mortal.start(firecrawl__url=firecrawl.url)
    first = crawl(mortal, firecrawl, 5, "started", "page")  # its end is never delivered
    Served.until(lambda: pages(mortal) == 5)
    Served.until(lambda: (mortal.folder / "state/inbox/crawls/crawls.json").exists())
    mortal.kill()
    crawl(mortal, firecrawl, 3)  # told to nobody
    mortal.start(firecrawl__url=firecrawl.url)
    assert ended(mortal, first)["status"] == "completed"
    do(firecrawl, "/_clock", {"advance": 60})
    Served.until(lambda: firecrawl.stats()["waiting"] == 0)


def test_events_of_an_outage_come_again(mortal: Served, firecrawl: SpawnedSimulator) -> None:
    mortal.start(firecrawl__url=firecrawl.url)
    mortal.kill()
    missed = crawl(mortal, firecrawl, 4)
    assert firecrawl.stats()["waiting"] == 6
    mortal.start(firecrawl__url=firecrawl.url)
    do(firecrawl, "/_clock", {"advance": 60})
    assert ended(mortal, missed)["pages_indexed"] == 4


def test_what_a_crawl_no_longer_holds_is_pruned(
    mortal: Served, firecrawl: SpawnedSimulator
) -> None:
    settings = {
        "firecrawl__url": firecrawl.url,
        "serve__prune": "true",
        "run__max_prune": "50%",
    }
    mortal.start(**settings)
    ended(mortal, crawl(mortal, firecrawl, 10))
    assert pages(mortal) == 10
    ended(mortal, crawl(mortal, firecrawl, 8))
    assert pages(mortal) == 8
    ended(mortal, crawl(mortal, firecrawl, 1))  # too many would go
    assert pages(mortal) == 8
    assert "nothing was pruned" in mortal.log


def test_a_changed_address_is_scraped_through_firecrawl(
    mortal: Served, firecrawl: SpawnedSimulator
) -> None:
    mortal.start(firecrawl__url=firecrawl.url)
    text = "# Watched\n\nMarzipan."
    do(firecrawl, "/_site", [{"markdown": text, "metadata": {"url": WATCHED, "statusCode": 200}}])
    answer = change(mortal)
    assert answer.status_code == 202
    told = answer.json()
    assert (told["status"], told["url"]) == ("queued", WATCHED)
    assert mortal.result(told["job_id"])["status"] == "success"
    found = mortal.client.post("/api/search", json={"query": "marzipan", "mode": "bm25"}).json()
    assert [one["url"] for one in found["results"]] == [WATCHED]
    assert firecrawl.stats()["scraped"] == [WATCHED]


def test_a_scrape_that_fails_says_why(mortal: Served, firecrawl: SpawnedSimulator) -> None:
    mortal.start(firecrawl__url=firecrawl.url)
    do(firecrawl, "/_site", [{"url": WATCHED, "error": "the site refuses " + 300 * "x"}])
    job = change(mortal).json()["job_id"]
    result = mortal.result(job)
    assert result["success"] is False
    assert "the site refuses" in result["error"]
    assert len(result["error"]) == 200


def test_a_rescrape_that_was_under_way_is_taken_up_after_a_crash(
    mortal: Served, firecrawl: SpawnedSimulator
) -> None:
    mortal.start(firecrawl__url=firecrawl.url)
    firecrawl.set_faults([Fault("hang", path="/v2/scrape", count=1)])
    job = change(mortal).json()["job_id"]

    Served.until(lambda: firecrawl.stats()["faults_fired"] == [1])
    assert mortal.client.get(f"/api/jobs/{job}").json()["status"] == "started"
    mortal.kill()
    mortal.start(firecrawl__url=firecrawl.url)
    assert mortal.result(job)["status"] == "success"
    assert pages(mortal) == 1


def test_a_firecrawl_that_is_away_is_waited_for(
    mortal: Served, firecrawl: SpawnedSimulator
) -> None:
    mortal.start(firecrawl__url=firecrawl.url)
    firecrawl.set_faults([Fault("status", path="/v2/scrape", count=2, status=503)])
    assert mortal.result(change(mortal).json()["job_id"])["status"] == "success"


def test_no_address_of_an_event_is_fetched_but_through_firecrawl(
    mortal: Served, firecrawl: SpawnedSimulator
) -> None:
    """A server inside is named everywhere an event can name one; nobody ever calls it."""
    with SpawnedSimulator("firecrawl") as inside:
        mortal.start(firecrawl__url=firecrawl.url)
        assert mortal.result(change(mortal, inside.url + "/secret").json()["job_id"])["success"]
        body = orjson.dumps(
            {
                "success": True,
                "type": "crawl.page",
                "id": f"x@{inside.url}",
                "next": inside.url,
                "data": [
                    {
                        "markdown": f"![i]({inside.url}/image)",
                        "screenshot": f"{inside.url}/shot",
                        "links": [inside.url],
                        "metadata": {"url": f"{inside.url}/page", "ogImage": inside.url},
                    }
                ],
                "metadata": {"webhook": inside.url, "callback": inside.url},
            }
        )
        headers = {"x-firecrawl-signature": signature(body, WEBHOOK_SECRET)}
        event = httpx.post(
            f"{mortal.url}/api/webhook/firecrawl", content=body, headers=headers
        ).json()
        assert mortal.result(event["job_ids"][0])["success"]
        stats = inside.stats()
        assert (stats["connections_opened"], stats["scraped"]) == (1, []), "only this question"


@pytest.mark.parametrize(
    "url", ["", "file:///etc/passwd", "gopher://a.example/", "javascript:alert(1)", "/etc/passwd"]
)
def test_what_is_no_address_of_a_page_is_refused(served: Served, url: str) -> None:
    answer = change(served, url)
    assert answer.status_code == 400 or url.startswith("file:")


def test_change_events_need_a_signature_or_the_bearer(served: Served) -> None:
    url = f"{served.url}/api/webhook/changedetection"
    assert httpx.post(url, content=b"{}").status_code == 401
    wrong = {"x-signature": "sha256=" + "0" * 64}
    assert httpx.post(url, content=b"{}", headers=wrong).status_code == 401
    assert served.client.post("/api/webhook/changedetection", content=b"{}").status_code == 400


def test_without_a_firecrawl_nothing_is_asked_of_the_public_one(served: Served) -> None:
    result = served.result(change(served).json()["job_id"])
    assert "no Firecrawl is configured" in result["error"]
