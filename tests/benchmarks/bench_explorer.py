"""Pages of recordings: how large they are, how long they take to write and to open in Chromium.

    python tests/benchmarks/bench_explorer.py [--repeats 5] [--json FILE]

48 images of cortex4, one recording and two side by side (the second without V2->V1). Opening is
from asking for the file until everything that is shown is drawn, in a new browser each time;
a redraw is what every move of the pointer over an RDM takes. Medians.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import cortexsim
from cortexsim.experiments.explorer.gather import gather
from cortexsim.experiments.explorer.page import file_page
from cortexsim.experiments.explorer.settings import Settings

REDRAW = (
    "const began = performance.now(); for (let k = 0; k < 20; k++) {"
    "explorer.choose({pair: [1, 10 + k]}); explorer.draw(); }"
    "return (performance.now() - began) / 20"
)


def driver() -> Any:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("chromium-browser") or ""
    for argument in ("--headless", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    return webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))


def opened(page: Path) -> tuple[float, float]:
    """Seconds until all is drawn, and milliseconds of a redraw."""
    browser = driver()
    try:
        browser.get("about:blank")
        began = time.perf_counter()
        browser.get(page.as_uri())
        ready = "return document.documentElement.dataset.ready"
        while browser.execute_script(ready) != "true":
            time.sleep(0.01)
        return time.perf_counter() - began, browser.execute_script(REDRAW)
    finally:
        browser.quit()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        net = cortexsim.load("cortex4")
        for letter, one in (("a", net), ("b", net.lesioned("V2->V1"))):
            cortexsim.record_network(one, "sample", out=folder / f"{letter}.zarr", progress=False)
        for what, letters in (("one recording", "a"), ("two recordings", "ab")):
            began = time.perf_counter()
            paths = [str(folder / f"{letter}.zarr") for letter in letters]
            page = folder / f"{letters}.html"
            page.write_bytes(file_page(gather(paths, Settings()), megabytes=20))
            written = time.perf_counter() - began
            times = [opened(page) for _ in range(options.repeats)]
            results[what] = {
                "bytes": page.stat().st_size,
                "written_s": written,
                "opened_s": statistics.median(seconds for seconds, _ in times),
                "redraw_ms": statistics.median(ms for _, ms in times),
            }
            print(
                f"{what}: {page.stat().st_size:,} bytes, written in {written:.1f} s, opened in "
                f"{results[what]['opened_s']:.2f} s, redrawn in "
                f"{results[what]['redraw_ms']:.0f} ms"
            )
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
