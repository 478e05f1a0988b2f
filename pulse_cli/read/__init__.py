"""Reading: from files, folders, pipes and remote crawls to documents, with exact positions."""

from pulse_cli.read.bytes.inputs import Change, changed_inputs
from pulse_cli.read.open_source import open_source
from pulse_cli.read.options import ReadOptions

__all__ = ["Change", "ReadOptions", "changed_inputs", "open_source"]
