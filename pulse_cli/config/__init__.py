"""Settings: the tree, where its values come from, and how they are shown.

Guarantees: an unknown key, a duplicate or a wrong type is refused with its place; a secret
never appears in a message, a repr or a dump; user-info in URLs is taken out at once.
Importing this costs pydantic (0.1 s of CPU), so the command line does it only when a
command needs settings. pydantic-settings is not used: it would cost another 0.1 s, trip
over PulseAudio's PULSE_* variables and could not say which variable is misspelt.
"""

from pulse_cli.config.load import Loaded, load
from pulse_cli.config.settings import Settings

__all__ = ["Loaded", "Settings", "load"]
