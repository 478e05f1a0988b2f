"""Settings: the tree, where its values come from, and how they are shown.

Guarantees: an unknown key, a duplicate or a wrong type is refused with its place. A secret
never appears in a message, a repr or a dump. User and password are removed from URLs at once.

Importing this package imports pydantic (0.1 s of CPU), so the command line does it only when a
command needs settings. pydantic-settings is not used: it would cost another 0.1 s, would refuse
PulseAudio's PULSE_* variables, and could not say which variable is misspelt.
"""

from pulse_cli.config.load import Loaded, load
from pulse_cli.config.settings import Settings

__all__ = ["Loaded", "Settings", "load"]
