"""Reading: from files, folders, pipes and remote crawls to documents, with exact positions."""

from pulse_cli.read.bytes.inputs import Change, changed_inputs
from pulse_cli.read.objects.finding import find_objects
from pulse_cli.read.open_source import open_source
from pulse_cli.read.options import ObjectOptions, ReadOptions

__all__ = [
    "Change",
    "ObjectOptions",
    "ReadOptions",
    "changed_inputs",
    "find_objects",
    "open_source",
]
