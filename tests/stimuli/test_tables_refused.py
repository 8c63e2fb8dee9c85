"""Things that are no images, and no records of a screen."""

import pytest

from cortexsim.errors import StimulusError
from cortexsim.stimuli.screen import in_words
from cortexsim.stimuli.tables import stimuli_of


@pytest.mark.parametrize("images", [None, 3, 2.5, True])
def test_what_is_no_images_is_refused(images):
    with pytest.raises(StimulusError, match="give a folder, paths, uint8 arrays"):
        stimuli_of(images)


@pytest.mark.parametrize("steps", [None, {}, (1,), "12", (1, None)])
def test_steps_that_are_no_first_and_last_are_refused(steps):
    with pytest.raises(StimulusError, match="not each a first and a last"):
        in_words([{"shows": "image", "steps": steps, "ms": None}])
