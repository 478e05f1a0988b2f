"""`pulse serve` as its callers know it: events in, jobs, searches, figures; and through crashes."""

from __future__ import annotations

import socket
import threading
from random import Random
from typing import Any

import httpx
import orjson
import pytest

from pulse_cli.serve.auth import signature
from tests.serve.conftest import API_SECRET, WEBHOOK_SECRET, Served


def page(url: str, text: str, title: str = "") -> dict[str, Any]:
    return {"markdown": text, "metadata": {"url": url, "title": title, "statusCode": 200}}


def post_event(served: Served, *pages: Any, kind: str = "crawl.page") -> httpx.Response:
    """As Firecrawl sends it: signed, without a bearer."""
    body = orjson.dumps({"success": True, "type": kind, "id": "crawl-1", "data": list(pages)})
    headers = {"x-firecrawl-signature": signature(body, WEBHOOK_SECRET)}
    return httpx.post(f"{served.url}/api/webhook/firecrawl", content=body, headers=headers)


def test_an_event_is_queued_indexed_and_found(served: Served) -> None:
    kettle = page("https://shop.example/kettle", "# Kettle\n\nCopper for boiling water.", "Kettle")
    answer = post_event(served, kettle, {"markdown": "without an address"})
    assert answer.status_code == 202
    assert answer.json()["queued_jobs"] == 1
    assert [one["error_type"] for one in answer.json()["failed_documents"]] == ["no-url"]
    result = served.result(answer.json()["job_ids"][0])
    assert (result["status"], result["document_url"]) == ("success", "https://shop.example/kettle")
    assert result["chunks_indexed"] == 1
    assert set(result["timing"]) == {"total_ms", "chunking_ms", "embedding_ms", "indexing_ms"}
    found = served.client.post("/api/search", json={"query": "copper", "mode": "keyword"}).json()
    assert set(found) == {"results", "total", "query", "mode"}
    assert found["results"][0]["url"] == "https://shop.example/kettle"
    assert set(found["results"][0]) == {
        *("id", "url", "title", "description", "text", "score", "metadata"),
    }


def test_what_an_agent_made_is_acknowledged(served: Served) -> None:
    """Its data are an answer, not a page; nothing has failed."""
    for kind in ("agent.completed", "extract.completed", "monitor.check.completed"):
        answer = post_event(served, {"answer": "42"}, kind=kind)
        assert answer.status_code == 200
        assert answer.json() == {"status": "acknowledged", "event_type": kind}


def test_a_search_may_leave_its_filters_empty(served: Served) -> None:
    asked = {"query": "anything", "mode": "bm25", "filters": None}
    assert served.client.post("/api/search", json=asked).status_code == 200


def test_a_delivery_that_is_repeated_makes_no_double(served: Served) -> None:
    pot = page("https://shop.example/pot", "# Pot\n\nAn earthenware pot.")
    for _ in range(3):
        served.result(post_event(served, pot).json()["job_ids"][0])
    found = served.client.post("/api/search", json={"query": "earthenware", "mode": "bm25"}).json()
    assert [one["url"] for one in found["results"]] == ["https://shop.example/pot"]


@pytest.mark.parametrize("mode", ["hybrid", "semantic", "keyword", "bm25"])
def test_a_single_page_is_indexed_and_found_in_every_mode(served: Served, mode: str) -> None:
    body = {"url": "https://shop.example/pan", "markdown": "# Pan\n\nIron pan.", "title": "Pan"}
    queued = served.client.post("/api/index", json=body)
    assert queued.status_code == 202
    assert set(queued.json()) == {"job_id", "status", "message"}
    assert served.result(queued.json()["job_id"])["success"]
    asked = {"query": "iron pan", "mode": mode, "filters": {"domain": "shop.example"}}
    found = served.client.post("/api/search", json=asked)
    assert found.status_code == 200
    assert found.json()["mode"] == mode
    assert "https://shop.example/pan" in [one["url"] for one in found.json()["results"]]
    elsewhere = {**asked, "filters": {"domain": "other.example"}}
    assert served.client.post("/api/search", json=elsewhere).json()["results"] == []


def test_test_index_tells_the_steps_at_once(served: Served) -> None:
    body = {"url": "https://shop.example/cup", "markdown": "# Cup\n\nA porcelain cup."}
    told = served.client.post("/api/test-index", json=body).json()
    assert (told["status"], told["url"]) == ("success", "https://shop.example/cup")
    assert [step["step"] for step in told["steps"]] == ["chunking", "embedding", "indexing"]
    assert told["summary"]["chunks_indexed"] == 1
    assert told["steps"][2]["details"] == {"chunks_indexed": 1, "collection": "pulse_docs"}
    again = served.client.post("/api/test-index", json=body).json()
    assert len(again["steps"]) == 3, "each step is taken, though nothing changed"


def test_test_index_says_why_a_page_is_not_indexed(served: Served) -> None:
    for url, text, kind in (("https://shop.example/e", "", "blank"), ("nowhere", "x", "bad-url")):
        asked = {"url": url, "markdown": text}
        told = served.client.post("/api/test-index", json=asked).json()
        assert (told["status"], told["url"], told["error_type"]) == ("failed", url, kind)
        assert told["error"]
        assert told["summary"]["indexed_to_qdrant"] is False


def test_health_and_figures(served: Served) -> None:
    told = httpx.get(f"{served.url}/health").json()
    assert told["status"] == "healthy"
    assert (told["qdrant"], told["tei"], told["database"]) == ("connected",) * 3
    assert told["redis"] == "not configured"
    stats = served.client.get("/api/stats").json()
    assert set(stats) == {
        *("total_documents", "total_chunks", "qdrant_points", "bm25_documents"),
        "collection_name",
    }
    assert "pulse_documents_total" in httpx.get(f"{served.url}/metrics").text
    assert "/api/search" in httpx.get(f"{served.url}/openapi.json").json()["paths"]


def test_operations_are_recorded(served: Served) -> None:
    served.result(post_event(served, page("https://a.example/r", "recorded")).json()["job_ids"][0])

    def recorded() -> bool:
        where: dict[str, Any] = {
            "hours": 24,
            "operation_type": "document_indexing",
            "success": True,
        }
        found = served.client.get("/api/metrics/operations", params=where).json()
        kinds = found["operations_by_type"]
        return bool(kinds) and kinds["document_indexing"]["success_count"] >= 1

    served.until(recorded)
    summary = served.client.get("/api/metrics/summary").json()
    assert summary["requests"]["total_requests"] > 0
    assert served.client.get("/api/metrics/crawls/unknown").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/index"),
        ("POST", "/api/test-index"),
        ("POST", "/api/search"),
        ("GET", "/api/stats"),
        ("GET", "/api/status"),
        ("GET", "/api/jobs/1.0"),
        ("GET", "/api/metrics/operations"),
    ],
)
def test_without_the_secret_nothing_is_told(served: Served, method: str, path: str) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}):
        answer = httpx.request(method, served.url + path, headers=headers, content=b"{}")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert API_SECRET not in answer.text


def test_unsigned_events_and_bad_bodies_are_refused(served: Served) -> None:
    url = f"{served.url}/api/webhook/firecrawl"
    assert httpx.post(url, content=b"{}").status_code == 401
    headers = {"x-firecrawl-signature": "sha256=nonsense"}
    assert httpx.post(url, content=b"{}", headers=headers).status_code == 400
    headers = {"x-firecrawl-signature": signature(b"no json", WEBHOOK_SECRET)}
    assert httpx.post(url, content=b"no json", headers=headers).status_code == 400
    assert served.client.post("/api/index", content=b"no json").status_code == 400
    assert served.client.post("/api/index", json={"markdown": "x"}).status_code == 422
    assert served.client.post("/api/search", json={"query": ""}).status_code == 422


def test_the_page_loads_nothing_from_elsewhere(served: Served) -> None:
    answer = httpx.get(f"{served.url}/")
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    for name in ("page.css", "page.js"):
        assert httpx.get(f"{served.url}/page/{name}").status_code == 200
    assert httpx.get(f"{served.url}/page/..%2Fservice.py").status_code == 404


def test_too_large_a_body_is_refused(mortal: Served) -> None:
    mortal.start(serve__max_body="2KiB")
    assert post_event(mortal, page("https://a.example/", "x" * 4000)).status_code == 413


def test_too_large_a_backlog_is_refused_for_now(mortal: Served) -> None:
    mortal.start(serve__max_backlog="1MiB", serve__worker="false")
    answer = post_event(mortal, page("https://a.example/", "x" * 800_000))
    assert answer.status_code == 202
    answer = post_event(mortal, page("https://a.example/", "x" * 800_000))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")


def test_a_second_service_on_one_inbox_is_refused(mortal: Served, simulated_tei: str) -> None:
    mortal.start()
    second = Served(mortal.folder, simulated_tei)
    with pytest.raises(AssertionError, match="another `pulse serve`"):
        second.start()
    second.close()


def test_an_address_that_is_taken_is_told_before_anything_is_opened(mortal: Served) -> None:
    with socket.create_server(("127.0.0.1", mortal.port)):
        assert mortal.run("serve", "--port", str(mortal.port)) == 1
    assert f"cannot listen on 127.0.0.1:{mortal.port}: Address already in use" in mortal.log
    assert "--port" in mortal.log
    assert "service pool ready" not in mortal.log


def test_a_disk_that_refuses_results_is_waited_for(mortal: Served) -> None:
    """The worker goes on by itself once it can; what was accepted stays meanwhile."""
    mortal.start()
    in_the_way = mortal.folder / "state" / "inbox" / "results"
    in_the_way.write_text("not a folder")
    job = post_event(mortal, page("https://a.example/w", "waits for the disk")).json()["job_ids"][0]

    def state() -> str:
        return str(mortal.client.get("/api/status").json()["queue"]["state"])

    mortal.until(lambda: state().startswith("waiting: "))
    assert "results" in state()
    in_the_way.unlink()
    assert mortal.result(job)["status"] == "success"


def test_it_ends_in_order_and_goes_on(mortal: Served) -> None:
    mortal.start(serve__worker="false")
    job = post_event(mortal, page("https://a.example/kept", "kept over a stop")).json()["job_ids"][
        0
    ]
    assert mortal.end() == 0
    mortal.start()
    assert mortal.result(job)["status"] == "success"


@pytest.mark.parametrize("kills", [3, pytest.param(300, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("store", ["edge", "qdrant"])
def test_kill_9_loses_nothing_that_was_accepted(
    mortal: Served, simulated_qdrant: str, store: str, kills: int
) -> None:
    """A sender repeats each event until it has a 2xx; the service dies again and again."""
    mortal.qdrant = simulated_qdrant if store == "qdrant" else ""
    random = Random(kills)
    accepted: dict[str, str] = {}
    done = threading.Event()

    def send() -> None:
        while not done.is_set():
            url = f"https://a.example/{len(accepted)}"
            try:
                answer = post_event(mortal, page(url, f"Page {url}."))
            except httpx.TransportError:
                continue
            if answer.status_code == 202:
                accepted[url] = answer.json()["job_ids"][0]

    mortal.start()
    sender = threading.Thread(target=send)
    sender.start()
    try:
        for _ in range(kills):
            enough = len(accepted) + random.randint(1, 40)
            Served.until(lambda enough=enough: len(accepted) >= enough)  # type: ignore[misc]
            mortal.kill()
            mortal.start()
    finally:
        done.set()
        sender.join()
    for job in accepted.values():
        assert mortal.result(job)["status"] == "success"
    stats = mortal.client.get("/api/stats").json()
    assert stats["total_documents"] == stats["total_chunks"] == len(accepted)


def test_pulse_index_and_the_service_take_turns_on_one_index(mortal: Served) -> None:
    mortal.start()
    jobs: list[str] = []
    done = threading.Event()

    def send() -> None:
        while not done.is_set():
            event = page(f"https://a.example/{len(jobs)}", f"Page number {len(jobs)}.")
            jobs.extend(post_event(mortal, event).json()["job_ids"])

    sender = threading.Thread(target=send)
    sender.start()
    try:
        for number in range(3):
            lines = orjson.dumps(page(f"https://b.example/{number}", "From a file."))
            (mortal.folder / "crawl.jsonl").write_bytes(lines)
            assert mortal.run("index", str(mortal.folder / "crawl.jsonl")) == 0
    finally:
        done.set()
        sender.join()
    assert mortal.result(jobs[-1])["status"] == "success"
    Served.until(lambda: mortal.client.get("/api/status").json()["queue"]["segments"] == 0)
    assert mortal.client.get("/api/stats").json()["total_documents"] == len(jobs) + 3
    assert len(jobs) > 3
