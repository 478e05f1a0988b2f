"""Clean, chunk, count, weigh, name: documents in, chunks out, nothing else touched.

Pure functions behind `ports.Preparer`; importing this package loads nothing heavy.
"""

from pulse_cli.prepare.counters import open_counter, vendored_tokenizer
from pulse_cli.prepare.hard_sample import HARD_SAMPLE
from pulse_cli.prepare.options import PrepareOptions
from pulse_cli.prepare.preparer import open_preparer

__all__ = [
    "HARD_SAMPLE",
    "PrepareOptions",
    "open_counter",
    "open_preparer",
    "vendored_tokenizer",
]
