"""`pulse doctor`: everything a run depends on, one line each."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from pulse_cli.cli.exit_codes import Exit
from pulse_cli.cli.flags import Json, with_settings
from pulse_cli.cli.streams import write_stdout
from pulse_cli.sanitize import sanitize

if TYPE_CHECKING:
    from pulse_cli.config import Loaded
    from pulse_cli.doctor import Finding

_MARKS = {"ok": "ok", "warning": "WARN", "error": "FAIL"}


@with_settings("embed", "qdrant.url", "qdrant.collection", "state_dir")
def doctor(*, loaded: Loaded, as_json: Json = False) -> int:
    """Check services, limits, index, disk and state folder, and say how to fix what is wrong.

    Changes nothing and ends within a minute, also when services are down. Exits with 1 if
    something must be fixed before pages can be indexed, and with 0 after warnings only.

    Examples:
    pulse doctor
    pulse doctor --tei http://localhost:8080 --qdrant http://localhost:6333
    pulse doctor --json | jq '.findings[] | select(.level != "ok")'
    """
    from pulse_cli.app.loop import run
    from pulse_cli.doctor import examine

    findings: list[Finding] = []

    def tell(finding: Finding) -> None:
        findings.append(finding)
        if not as_json:
            write_stdout(_line(finding))

    run(examine(loaded.settings, tell))
    failed = sum(one.level == "error" for one in findings)
    warned = sum(one.level == "warning" for one in findings)
    if as_json:
        found = [asdict(one) for one in findings]
        write_stdout(
            json.dumps({"ok": not failed, "errors": failed, "warnings": warned, "findings": found})
        )
    else:
        write_stdout(f"\n{_conclusion(failed, warned)}")
    return Exit.FATAL if failed else Exit.OK


def _line(finding: Finding) -> str:
    line = f"{_MARKS[finding.level]:<5} {finding.check:<14} {sanitize(finding.message)}"
    if finding.level != "ok" and finding.mend:
        line += f"\n{'':<6}{'':<14} → {sanitize(finding.mend)}"
    return line


def _conclusion(failed: int, warned: int) -> str:
    from pulse_cli.numbers import plural

    if not failed and not warned:
        return "All is well."
    found = [plural(failed, "error")] if failed else []
    found += [plural(warned, "warning")] if warned else []
    return ", ".join(found) + ("." if failed else "; pages can be indexed.")
