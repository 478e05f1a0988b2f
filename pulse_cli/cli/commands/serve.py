"""`pulse serve`: takes Firecrawl's events over HTTP, indexes their pages, answers searches."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pulse_cli.cli.exit_codes import Exit
from pulse_cli.cli.flags import with_settings
from pulse_cli.errors import Fatal, Kind

if TYPE_CHECKING:
    from pulse_cli.config import Loaded


@with_settings("embed.url", "qdrant.url", "qdrant.collection", "serve", "log", "state_dir")
def serve(*, loaded: Loaded) -> int:
    """Take Firecrawl's events over HTTP, index their pages, and answer searches.

    An event is answered when its pages are on disk, so a crash loses none of them. No other
    server is needed: by default the local model and an index on disk are used. API and page are
    at http://127.0.0.1:52100, the description of the API at /docs.

    Examples:
    pulse serve
    PULSE_SERVE__API_SECRET=... PULSE_SERVE__WEBHOOK_SECRET=... pulse serve --host 0.0.0.0
    """
    from pulse_cli.app.loop import run_until_signal
    from pulse_cli.cli.lines import Lines

    try:
        from pulse_cli.serve.running import serve as serving
    except ImportError as error:
        raise Fatal(
            f"the service needs the package {error.name}",
            hint="install pulse with its extra `serve`",
            kind=Kind.USAGE,
        ) from None
    settings = loaded.settings
    observer = Lines(sys.stderr, as_json=settings.log.format == "json", level="info")
    run_until_signal(lambda stop: serving(settings, observer, stop))
    return int(Exit.OK)
