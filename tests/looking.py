"""What the tests of pages share: small recordings, pages of them, a browser to look with."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cortexsim
from cortexsim.experiments.explorer.gather import gather
from cortexsim.experiments.explorer.page import file_page
from cortexsim.experiments.explorer.settings import Settings
from cortexsim.recording.settings import Settings as RecordSettings
from cortexsim.stimuli.images import load_stimuli

COUNT = 8
ALL = Settings()
PATIENCE = 600  # seconds for what must happen, on any machine


def record(folder: Path, name: str, net: Any = None, stimuli: Any = None, **settings: Any) -> str:
    """A recording of the first sample images."""
    path = folder / f"{name}.zarr"
    stimuli = load_stimuli("sample", limit=COUNT) if stimuli is None else stimuli
    net = cortexsim.load("cortex4") if net is None else net
    cortexsim.record_network(net, stimuli, settings=RecordSettings(**settings), out=path)
    return str(path)


def page_of(path: Path, recordings: list[str], settings: Settings = ALL, **more: Any) -> Path:
    """A page on disk."""
    path.write_bytes(file_page(gather(recordings, settings, **more), megabytes=8))
    return path


class Browser:
    """Headless Chromium with one page."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, page: Path | str) -> None:
        self.driver.get(page if isinstance(page, str) else page.as_uri())
        self.settle()

    def settle(self) -> None:
        """Until everything that is shown was read and drawn."""
        ready = "return document.documentElement.dataset.ready"
        self.until(
            lambda: self.run(ready) == "true" and not self.run("return explorer.isWaiting()")
        )

    def until(self, holds: Callable[[], Any]) -> Any:
        """Waits for what must happen."""
        end = time.monotonic() + PATIENCE
        while not (value := holds()):
            assert time.monotonic() < end, "it never happened"
            time.sleep(0.02)
        return value

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def choose(self, **what: Any) -> None:
        self.run("explorer.choose(arguments[0])", what)
        self.settle()

    def view(self) -> dict[str, Any]:
        return self.run("return explorer.view")

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def text(self, selector: str) -> str:
        return self.find(selector).text

    def keys(self, *keys: str, held: str = "") -> None:
        """To whatever has the focus, with a key held down or none."""
        from selenium.webdriver.common.action_chains import ActionChains

        actions = ActionChains(self.driver)
        if held:
            actions.key_down(held)
        actions.send_keys(*keys)
        if held:
            actions.key_up(held)
        actions.perform()
        self.settle()

    def at(self, selector: str, x: float, y: float, *, click: bool = False) -> None:
        """The pointer to a place of an element, in pixels from its corner."""
        from selenium.webdriver.common.action_chains import ActionChains

        element = self.find(selector)
        self.run("arguments[0].scrollIntoView({block: 'center'})", element)
        size = element.size
        move = ActionChains(self.driver, duration=0).move_to_element_with_offset(
            element, round(x - size["width"] / 2), round(y - size["height"] / 2)
        )
        (move.click() if click else move).perform()
        self.settle()

    def errors(self) -> list[str]:
        """What the console said since it was asked last."""
        return [entry["message"] for entry in self.driver.get_log("browser")]


def programs() -> tuple[str, str]:
    """The programs, or a skip with the reason; in CI they must be there."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    driver = shutil.which("chromedriver")
    if not chromium or not driver:
        why = "chromium and chromedriver are not installed (apt-get install chromium-driver)"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return chromium, driver
