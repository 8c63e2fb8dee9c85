"""Small recordings to be looked at, and a browser to look with."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from looking import COUNT, PATIENCE, Browser, programs, record

import cortexsim
from cortexsim.neural import from_rdms
from cortexsim.stimuli.images import Stimuli, load_stimuli


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("explorer")


@pytest.fixture(scope="session")
def whole(folder) -> str:
    return record(folder, "whole")


@pytest.fixture(scope="session")
def lesioned(folder) -> str:
    """Without feedback, and of the images in another order."""
    stimuli = load_stimuli("sample", limit=COUNT)
    return record(
        folder,
        "lesioned",
        cortexsim.load("cortex4").lesioned("feedback"),
        stimuli.select(range(COUNT - 1, -1, -1)),
    )


@pytest.fixture(scope="session")
def means(folder) -> str:
    return record(folder, "means", keep="mean")


@pytest.fixture(scope="session")
def unknown(folder) -> str:
    """Units of images that cannot be found again, in the classes of the network."""
    shown = load_stimuli("sample", limit=COUNT)
    pixels = np.stack([shown.read(k) for k in range(COUNT)])
    labels = tuple(["ship", "<b>cat</b>"] * (COUNT // 2))
    ids = tuple(f"</script><script>alert({k})</script>" for k in range(COUNT))
    stimuli = Stimuli("mine", ids, labels, pixels)
    return record(folder, "unknown", stimuli=stimuli, keep="units:6")


@pytest.fixture(scope="session")
def brain(folder, whole) -> str:
    """RDMs of five people at four times, of the images in another order."""
    ids = cortexsim.open_recording(whole)["V1"].stimulus_id.values.tolist()[::-1]
    rdms = np.random.default_rng(0).random((5, 4, COUNT * (COUNT - 1) // 2))
    data = from_rdms(rdms, stimulus_id=ids, time_ms=[40.0, 80.0, 120.0, 160.0], bin_ms=40.0)
    path = folder / "brain.nc"
    data.to_netcdf(path)
    return str(path)


@pytest.fixture(scope="session")
def still_brain(folder, whole) -> str:
    """RDMs of five people without time."""
    ids = cortexsim.open_recording(whole)["V1"].stimulus_id.values.tolist()
    rdms = np.random.default_rng(1).random((5, COUNT * (COUNT - 1) // 2))
    path = folder / "still.nc"
    from_rdms(rdms, stimulus_id=ids).to_netcdf(path)
    return str(path)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    binary, service = programs()
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(service))
    driver.set_page_load_timeout(PATIENCE)
    driver.set_script_timeout(PATIENCE)
    size = {"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        yield Browser(driver)
    finally:
        driver.quit()


@pytest.fixture
def browser(chromium) -> Iterator[Browser]:
    """The browser; a test fails if the console says anything."""
    chromium.errors()
    yield chromium
    assert chromium.errors() == []
