"""The process of a worker that a command has started (`python -m … NAME`).

The first line of its standard input is a JSON object with its settings and the queue. When standard
input ends, its parent is gone, and the process ends at once.
"""

from __future__ import annotations

import json
import os
import sys
import threading

from pulse_cli.config import Settings
from pulse_cli.fleet.working import work


def main(name: str) -> None:
    stream = sys.stdin.buffer
    start = json.loads(stream.readline())

    def end_with_parent() -> None:
        stream.read()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    work(Settings.model_validate(start["settings"]), start["queue"], name=name)


if __name__ == "__main__":
    main(sys.argv[1])
