"""The tools for agents, as the official MCP client sees them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import orjson
from mcp import Client, StdioServerParameters

from tests.serve.test_service import page


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
