"""A short recording of the bundled network, and what it comes from."""

from pathlib import Path

import pytest

from cortexsim.experiments.record import RecordConfig, record


@pytest.fixture(scope="session")
def recorded(tmp_path_factory) -> Path:
    """cortex4 on 8 of the bundled photographs, all units, steps 1 to 6."""
    return record(
        RecordConfig(
            limit=8, steps=6, figure=False, out=str(tmp_path_factory.mktemp("recording") / "r.zarr")
        )
    )


@pytest.fixture(scope="session")
def sampled(tmp_path_factory) -> Path:
    """The same, 20 units of each state."""
    folder = tmp_path_factory.mktemp("sampled")
    return record(
        RecordConfig(limit=8, steps=6, keep="units:20", figure=False, out=str(folder / "s.zarr"))
    )
