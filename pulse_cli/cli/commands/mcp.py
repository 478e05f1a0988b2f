"""`pulse mcp`: offers the index as tools for agents, over stdin and stdout."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pulse_cli.cli.exit_codes import Exit
from pulse_cli.cli.flags import with_settings
from pulse_cli.errors import Fatal, Kind

if TYPE_CHECKING:
    from pulse_cli.config import Loaded


@with_settings("embed.url", "qdrant.url", "qdrant.collection", "state_dir")
def mcp(*, loaded: Loaded) -> int:
    """Give agents the tools search, get_page and list_sources (MCP over stdio).

    An agent starts this command itself and ends it by closing its stdin.

    Examples:
    pulse mcp --qdrant http://localhost:6333
    """
    from pulse_cli.app.loop import run
    from pulse_cli.cli.lines import Lines

    try:
        from pulse_cli.serve.agent_tools import over_stdio
    except ImportError as error:
        raise Fatal(
            f"the tools for agents need the package {error.name}",
            hint="install pulse with its extra `mcp`",
            kind=Kind.USAGE,
        ) from None
    run(over_stdio(loaded.settings, Lines(sys.stderr, as_json=False, level="warning")))
    return int(Exit.OK)
