"""Images are shown as the network saw them, and only if they are the recorded ones."""

import numpy as np
import pytest
from looking import COUNT

from cortexsim.errors import AnalysisError
from cortexsim.experiments.explorer.opened import opened
from cortexsim.experiments.explorer.pictures import Pictures
from cortexsim.experiments.explorer.settings import Settings
from cortexsim.models.preprocessing import Preprocessing
from cortexsim.stimuli.images import load_stimuli


def test_pictures_are_what_the_network_saw(whole):
    (shown,) = opened([whole], Settings(limit=3))
    pictures = Pictures(shown)
    told = pictures.described()
    assert (told["height"], told["width"]) == (32, 32)
    stimuli = load_stimuli("sample", limit=COUNT)
    seen = Preprocessing.from_dict(shown.known["preprocessing"]).fit(
        [stimuli.read(k) for k in range(3)]
    )
    drawn = np.frombuffer(pictures.block(0), "u1").reshape(3, 32, 32, 3)
    np.testing.assert_allclose(drawn, seen.permute(0, 2, 3, 1).numpy(), atol=0.51)


def test_images_that_are_not_found_are_told_and_other_images_are_refused(unknown, tmp_path):
    (shown,) = opened([unknown], Settings())
    pictures = Pictures(shown)
    assert pictures.stimuli is None
    assert "no stimuli at 'mine'" in pictures.described()["missing"]
    assert "--stimuli" in pictures.described()["missing"]
    with pytest.raises(AnalysisError, match="holds other images than were recorded"):
        Pictures(shown, "sample")
