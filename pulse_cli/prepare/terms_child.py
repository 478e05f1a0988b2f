"""The process that weighs terms for `terms_process`: reads texts, answers their weights in order.

It is started with `python -m pulse_cli.prepare.terms_child` and ends with its input, hence
with the parent, however that ends. It holds nothing, so being killed loses nothing.

The first frame has the `PrepareOptions` as its header. Every further one has a list of texts;
the answer's header is the number of terms of each text, its body first all their indices
(uint32), then all their weights (float32).
"""

from __future__ import annotations

import contextlib
import sys
from array import array
from typing import BinaryIO

from pulse_cli.ipc import ignore_signals, pack_message, read_message
from pulse_cli.prepare.options import PrepareOptions
from pulse_cli.prepare.terms import TermWeights


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    if (first := read_message(requests)) is None:
        return
    weights = TermWeights(PrepareOptions(**first[0]))
    while (frame := read_message(requests)) is not None:
        found = weights.of_chunks(frame[0])
        indices, values = array("I"), array("f")
        for terms in found:
            indices.extend(terms.indices)
            values.extend(terms.values)
        counts = [len(terms.indices) for terms in found]
        answers.write(pack_message(counts, indices.tobytes() + values.tobytes()))
        answers.flush()


def main() -> None:
    ignore_signals()
    with contextlib.suppress(BrokenPipeError):
        serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
