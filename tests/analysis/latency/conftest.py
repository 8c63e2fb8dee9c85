"""A small recording, made once."""

import pytest

from cortexsim.record import RecordConfig, record


@pytest.fixture(scope="session")
def recording(tmp_path_factory):
    """cortex4 on the bundled photographs."""
    path = tmp_path_factory.mktemp("r") / "a.zarr"
    return record(RecordConfig(keep="units:40", steps=8, figure=False, out=str(path)))
