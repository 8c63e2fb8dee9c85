"""The table of stimuli that Brain-Score hands over, and what of it goes into an assembly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

from cortexsim.errors import BrainScoreError

RESERVED = (
    "presentation",
    "neuroid",
    "time_bin",
    "neuroid_id",
    "time_bin_start",
    "time_bin_end",
    "choice",
)


def stimulus_table(stimuli: StimulusSet | Sequence[str]) -> StimulusSet:
    """A StimulusSet; of a list of image files, one whose ids are the paths."""
    if not isinstance(stimuli, StimulusSet):
        paths = [str(path) for path in stimuli]
        stimuli = StimulusSet({"stimulus_id": paths})
        stimuli.stimulus_paths = {path: path for path in paths}
        stimuli.identifier = None
    if not len(stimuli):
        raise BrainScoreError("there are no stimuli to look at; give at least one")
    if "stimulus_id" not in stimuli.columns:
        raise BrainScoreError(
            f"the stimulus set has no column 'stimulus_id'; it has {', '.join(map(str, stimuli.columns))}"
        )
    if clash := [c for c in stimuli.columns if c in RESERVED]:
        raise BrainScoreError(
            f"the stimulus set has columns called {', '.join(clash)}, which name other axes of a recording; rename them"
        )
    return stimuli


def presentations(table: StimulusSet) -> dict[str, Any]:
    """Coordinates of the presentations: every column of the stimulus set, and the path."""
    coords = {
        "stimulus_path": (
            "presentation",
            [str(table.get_stimulus(i)) for i in table["stimulus_id"]],
        )
    }
    return coords | {
        str(column): ("presentation", table[column].values) for column in table.columns
    }
