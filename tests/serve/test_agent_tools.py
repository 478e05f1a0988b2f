"""The tools for agents, as the official MCP client sees them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import httpx2
import orjson
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from tests.serve.conftest import BEARER, Served
from tests.serve.test_service import page, post_event


def index(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run(command, env=environment, check=True, timeout=60)


async def test_an_agent_searches_reads_and_lists_over_stdio(
    tmp_path: Path, simulated_tei: str
) -> None:
    crawl = tmp_path / "crawl.jsonl"
    crawl.write_bytes(orjson.dumps(page("https://tea.example/pot", "# Pot\n\nA teapot.", "Pot")))
    where = [
        *("--tei", simulated_tei, "--qdrant", str(tmp_path / "index")),
        *("--state-dir", str(tmp_path / "state")),
    ]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "pulse_cli"]
    index([*command, "index", str(crawl), *where], environment)
    started = StdioServerParameters(
        command=command[0], args=[*command[1:], "mcp", *where], env=environment
    )
    async with Client(started) as client:
        tools = await client.list_tools()
        assert {tool.name for tool in tools.tools} == {"search", "get_page", "list_sources"}
        found = await client.call_tool("search", {"query": "teapot"})
        (hit,) = found.structured_content["results"]
        assert (hit["url"], hit["title"]) == ("https://tea.example/pot", "Pot")
        assert "A teapot." in hit["text"]
        stored = await client.call_tool("get_page", {"url": "https://tea.example/pot#lid"})
        assert stored.structured_content["text"].endswith("A teapot.")
        missing = await client.call_tool("get_page", {"url": "https://tea.example/cup"})
        assert missing.structured_content["stored"] is False
        sources = await client.call_tool("list_sources", {})
        assert sources.structured_content == {"sources": [{"domain": "tea.example", "pages": 1}]}
        elsewhere = await client.call_tool("search", {"query": "teapot", "domain": "no.example"})
        assert elsewhere.structured_content["results"] == []


async def test_an_agent_searches_over_http_with_the_secret(served: Served) -> None:
    pages = page("https://kiln.example/a", "# Kiln\n\nA kiln burns.", "Kiln")
    served.result(post_event(served, pages).json()["job_ids"][0])
    async with httpx2.AsyncClient(headers=BEARER) as http:
        over_http = streamable_http_client(f"{served.url}/mcp", http_client=http)
        async with Client(over_http) as client:
            asked = {"query": "kiln", "domain": "kiln.example"}
            found = await client.call_tool("search", asked)
            urls = [one["url"] for one in found.structured_content["results"]]
            assert urls == ["https://kiln.example/a"]


def test_over_http_nothing_is_told_without_the_secret(served: Served) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}):
        answer = httpx.post(f"{served.url}/mcp", json={}, headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_a_start_does_not_wait_for_the_library_of_the_agents() -> None:
    program = "import sys, pulse_cli.serve.running; sys.exit('mcp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
