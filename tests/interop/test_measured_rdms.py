"""RDMs without their Dataset: the error says which one is wanted."""

import pytest

from cortexsim.errors import AnalysisError
from cortexsim.interop import to_mne_rsa, to_rsatoolbox
from cortexsim.neural import from_rdms


@pytest.mark.parametrize("to", [to_rsatoolbox, to_mne_rsa])
def test_an_array_of_rdms_asks_for_its_dataset(to):
    ours = from_rdms([[1.0, 2, 3, 4, 5, 6]], stimulus_id=["cat", "dog", "car", "cup"])
    with pytest.raises(AnalysisError, match="give the Dataset with the variable rdm"):
        to(ours.rdm)
    with pytest.raises(AnalysisError, match="say variable="):
        to(ours.rename(rdm="other"))
