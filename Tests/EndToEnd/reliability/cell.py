"""One row of the matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from .ends import Either, Failed, GoesOn, Killed, Stopped, Unread
from .faults import Fault
from .scenes import Scene

End = Union[Either, Failed, GoesOn, Killed, Stopped, Unread]

#: A hard limit that strikes soon: 4 s of what counts. A boot takes a fraction of it.
SHORT_LIMIT = {"BOOT_BUDGET_MS": 2000, "BOOT_HARD_LIMIT_MULTIPLIER": 2}


@dataclass(frozen=True)
class Cell:
    #: The state the run has reached when the fault strikes.
    state: str
    fault: str
    #: Brings the run there.
    scene: Scene
    strike: Fault
    end: End
    #: Seconds from the fault to the end.
    within: float
    #: Must be root: to mount, or to start the run as another user.
    root: bool = False

    @property
    def name(self) -> str:
        return f"{self.state}: {self.fault}"
