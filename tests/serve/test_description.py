"""The description of the API is complete, and what the service answers is what it describes."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pulse_cli.serve import answer_models as models
from pulse_cli.serve import metrics_models
from pulse_cli.serve.auth import signature
from tests.serve.conftest import WEBHOOK_SECRET, Served

PAGE = {"url": "https://told.example/a", "markdown": "# Told\n\nA described page."}
CHANGE = {"watch_id": "w", "watch_url": PAGE["url"], "detected_at": "2026-05-01T12:00:00Z"}
OPEN = {"/health", "/metrics", "/api/webhook/firecrawl", "/api/webhook/changedetection"}


@pytest.fixture(scope="module")
def described(served: Served) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{served.url}/openapi.json").json()
    return found


def calls(described: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (path, call) for path, methods in described["paths"].items() for call in methods.values()
    ]


def model_of(described: dict[str, Any], content: dict[str, Any]) -> str:
    name: str = content["schema"]["$ref"].rpartition("/")[2]
    assert name in described["components"]["schemas"]
    return name


def test_every_call_tells_the_form_of_its_answer_with_an_example(described: dict[str, Any]) -> None:
    assert len(calls(described)) == 14
    for path, call in calls(described):
        for status, answer in call["responses"].items():
            if path == "/metrics":
                assert answer["content"]["text/plain"]["example"].startswith("# HELP")
                continue
            content = answer["content"]["application/json"]
            name = model_of(described, content)
            model = getattr(models, name, None) or getattr(metrics_models, name)
            if status < "300":
                model.model_validate(content["example"])


def test_every_body_is_described_with_an_example(described: dict[str, Any]) -> None:
    taking = [
        (path, call["requestBody"]) for path, call in calls(described) if "requestBody" in call
    ]
    assert len(taking) == 5
    for _, body in taking:
        content = body["content"]["application/json"]
        assert model_of(described, content)
        assert content["example"]


def test_where_the_secret_is_needed_is_told(described: dict[str, Any]) -> None:
    for path, call in calls(described):
        assert ("security" in call) == (path not in OPEN)
        assert path in OPEN or "401" in call["responses"]


def test_what_is_answered_is_what_is_described(served: Served) -> None:
    """Every call for real; a field too many or of another type fails."""

    def told(model: type[models.Answer], method: str, path: str, **more: Any) -> dict[str, Any]:
        answer = served.client.request(method, path, **more)
        model.model_validate_json(answer.content)
        found: dict[str, Any] = answer.json()
        return found

    def event(value: dict[str, Any]) -> dict[str, Any]:
        body = httpx.Request("POST", "http://x", json=value).content
        headers = {"x-firecrawl-signature": signature(body, WEBHOOK_SECRET)}
        return {"content": body, "headers": headers}

    hook = "/api/webhook/firecrawl"
    pages = {"type": "crawl.page", "id": "told", "data": [{"markdown": "x", "url": PAGE["url"]}, 5]}
    told(models.EventTaken, "POST", hook, **event(pages))
    told(models.EventAcknowledged, "POST", hook, **event({"type": "crawl.started", "id": "told"}))
    told(models.EventAcknowledged, "POST", hook, **event({"type": "crawl.page", "success": False}))
    change = told(models.ChangeTaken, "POST", "/api/webhook/changedetection", json=CHANGE)
    served.result(change["job_id"])
    told(models.JobState, "GET", f"/api/jobs/{change['job_id']}")
    taken = told(models.PageTaken, "POST", "/api/index", json=PAGE)
    bad = told(models.PageTaken, "POST", "/api/index", json={**PAGE, "url": "nowhere"})
    for one in (taken, bad):
        told(models.JobState, "GET", f"/api/jobs/{one['job_id']}")
        served.result(one["job_id"])
        told(models.JobState, "GET", f"/api/jobs/{one['job_id']}")
    told(models.Tested, "POST", "/api/test-index", json=PAGE)
    told(models.Tested, "POST", "/api/test-index", json={**PAGE, "url": "nowhere"})
    for mode in ("hybrid", "semantic", "keyword"):
        found = told(models.Findings, "POST", "/api/search", json={"query": "told", "mode": mode})
        assert found["results"]
    told(models.Stats, "GET", "/api/stats")
    told(models.ServiceStatus, "GET", "/api/status")
    told(models.HealthReport, "GET", "/health")
    served.until(
        lambda: (
            served.client.get("/api/metrics/crawls/told").status_code == 200
            and served.client.get("/api/metrics/operations").json()["total"] > 0
        )
    )
    for path, model in (
        ("operations", metrics_models.Operations),
        ("requests", metrics_models.Requests),
        ("summary", metrics_models.MetricsSummary),
        ("crawls/told", metrics_models.CrawlSession),
    ):
        told(model, "GET", f"/api/metrics/{path}")
    told(models.Refusal, "GET", "/api/metrics/crawls/unknown")
    told(models.Refusal, "POST", "/api/search", json={"query": 5})


def test_what_was_sent_is_not_repeated_in_a_refusal(served: Served) -> None:
    for answer in (
        served.client.get("/api/metrics/operations", params={"hours": "canary"}),
        served.client.post("/api/search", json={"query": "x", "limit": "canary"}),
    ):
        assert answer.status_code == 422
        assert set(answer.json()["detail"][0]) == {"loc", "msg", "type"}
        assert "canary" not in answer.text
