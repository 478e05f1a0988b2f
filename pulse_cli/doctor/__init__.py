"""Checks everything a run depends on, and says what is wrong and how to fix it.

Every check is bounded in time and independent of the others: a service that is down is one
finding, and the other checks go on. Nothing is changed, and no collection is created.
"""

from pulse_cli.doctor.examine import examine
from pulse_cli.doctor.finding import Finding, Level

__all__ = ["Finding", "Level", "examine"]
