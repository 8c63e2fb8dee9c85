"""What a page is told at once, and which blobs there are."""

import json

import pytest

from cortexsim.errors import AnalysisError
from cortexsim.experiments.explorer.gather import gather
from cortexsim.experiments.explorer.settings import Settings


def test_the_index_is_json_and_every_blob_is_named_by_what_it_holds(whole, lesioned):
    contents = gather([whole, lesioned], Settings(limit=4, steps=(1, 4, 8)))
    told = json.loads(json.dumps(contents.index, allow_nan=False))
    assert told["images"]["recorded"] == 8
    assert [r["lesions"] for r in told["recordings"]] == [[], ["V2->V1", "V4->V2", "IT->V4"]]
    kinds = {key.split("/")[0] for key in contents.blobs}
    assert kinds == {"activity", "pictures", "logits", "rdm", "mds"}
    assert {f"activity/{r}/{i}" for r in (0, 1) for i in range(4)} <= set(contents.blobs)
    assert contents.packed("rdm/0/V1") == contents.packed("rdm/0/V1"), "the same bytes each time"


def test_a_state_that_is_never_populated_and_a_readout_that_never_is_have_no_blobs(whole):
    contents = gather([whole], Settings(steps=(1, 2)))
    assert contents.index["recordings"][0]["readout"] is None
    keys = [key for key in contents.blobs if not key.startswith("activity")]
    assert keys == ["pictures/0", "rdm/0/V1", "mds/0/V1", "rdm/0/V2", "mds/0/V2"]


def test_three_recordings_and_too_few_movies_are_refused(whole):
    with pytest.raises(AnalysisError, match="3 recordings; give one, or two"):
        gather([whole] * 3, Settings())
    with pytest.raises(AnalysisError, match="1 RDM movies for 2 recordings"):
        gather([whole] * 2, Settings(), movies=["m.zarr"])
