"""What each exit code means, in the words of the documentation."""

from __future__ import annotations

from pulse_cli.errors import Exit

MEANINGS = {
    Exit.OK: "All done.",
    Exit.FATAL: "Stopped; the message says why and what to do.",
    Exit.USAGE: "Wrong flags or settings, a source that is missing, or an empty pipe.",
    Exit.DEAD_LETTERS: "Done, but some records are dead letters or a source was cut off.",
    Exit.REFUSED: "Refuses to resume (input, settings or checkpoint changed) or to prune.",
    Exit.LOCKED: "Another run is at work on these sources or this index.",
    Exit.UNAVAILABLE: "A service is down or a disk full; the same command goes on later.",
    Exit.INTERRUPTED: "Stopped by Ctrl-C; the same command goes on.",
    Exit.TERMINATED: "Stopped by SIGTERM; the same command goes on.",
}
