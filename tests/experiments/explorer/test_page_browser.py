"""The page in headless Chromium: what is shown is what was recorded, by pointer and by keys."""

import base64
import io
import json

import numpy as np
import pytest
from looking import COUNT, page_of, record
from PIL import Image
from scipy.spatial.distance import pdist, squareform
from scipy.special import softmax
from scipy.stats import rankdata

import cortexsim
from cortexsim.experiments.explorer.settings import Settings
from cortexsim.stimuli.forms import read_presentation

STATES = ("V1", "V2", "V4", "IT")
LEFT, UP, RIGHT, DOWN, ESCAPE, ENTER, HOME, END, SHIFT, TAB = (
    chr(0xE000 + k) for k in (0x12, 0x13, 0x14, 0x15, 0x0C, 0x07, 0x11, 0x10, 0x08, 0x04)
)


@pytest.fixture(scope="module")
def page(folder, whole):
    return page_of(folder / "page.html", [whole])


@pytest.fixture(scope="module")
def pair(folder, whole, lesioned, brain):
    return page_of(folder / "pair.html", [whole, lesioned], Settings(n=20), neural=brain)


@pytest.fixture(scope="module")
def tree(whole):
    return cortexsim.open_recording(whole)


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def as_shown(x: float, digits: int = 4) -> float:
    return float(f"{x:.{digits}g}")


def bold(browser, selector: str) -> list[float]:
    elements = browser.driver.find_elements("css selector", f"{selector} b")
    return [number(e.text) for e in elements]


def test_the_numbers_of_every_state_are_those_of_the_recording(browser, page, tree):
    browser.open(page)
    for image, moment in ((0, 7), (3, 4), (7, 2), (2, 0)):
        browser.choose(image=image, moment=moment)
        for state in STATES:
            maps = tree[state].activation.values[image, moment].astype(float)
            box = f".map p[data-state='{state}']"
            if np.isnan(maps).all():
                assert browser.text(box) == ""
                continue
            rms = np.sqrt((maps**2).mean())
            (shown,) = bold(browser, box)
            assert shown == pytest.approx(as_shown(rms), rel=2e-4)
            data = browser.find(box).get_property("dataset")
            over_channels = np.sqrt((maps**2).mean(0))
            assert float(data["value"]) == pytest.approx(rms, rel=1e-6)
            assert float(data["high"]) == pytest.approx(over_channels.max(), rel=1e-6)
            low, high = browser.text(box).split("\n")[1].split(" … ")
            assert number(low) == pytest.approx(as_shown(over_channels.min(), 3), rel=2e-3)
            assert number(high) == pytest.approx(as_shown(over_channels.max(), 3), rel=2e-3)


def test_a_channel_of_a_state_is_shown_by_its_mean(browser, page, tree):
    browser.open(page)
    browser.choose(image=1, moment=6, state="V2")
    browser.choose(row=5)
    assert browser.text(".map.chosen .name") == "V2, channel 4"
    maps = tree["V2"].activation.values[1, 6, 4].astype(float)
    (shown,) = bold(browser, ".map p[data-state='V2']")
    assert shown == pytest.approx(as_shown(maps.mean()), rel=2e-4)
    select = browser.find("#channel")
    assert select.get_property("value") == "5"
    assert len(select.find_elements("css selector", "option")) == 17


def test_the_pixels_of_a_map_are_the_recorded_ones_by_luminance(browser, page, tree):
    browser.open(page)
    browser.choose(image=2, moment=7, state="IT", scale="map")
    browser.choose(row=3)
    maps = tree["IT"].activation.values[2, 7, 2].astype(float)
    url = browser.run("return document.querySelector('.map.chosen canvas').toDataURL()")
    picture = Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB")
    drawn = np.asarray(picture)[14::28, 14::28].reshape(16, 3).astype(float)
    luminance = (drawn / 255) ** 2.2 @ [0.2126, 0.7152, 0.0722]
    order = rankdata(maps.ravel().round(3))
    assert np.corrcoef(rankdata(luminance), order)[0, 1] > 0.99


def test_probabilities_and_ranks_are_those_of_the_logits(browser, page, tree):
    browser.open(page)
    logits = tree["readout"].logits.values.astype(float)
    classes = [str(c) for c in tree["readout"]["class"].values]
    p = softmax(logits, axis=-1)
    for image, moment in ((0, 7), (5, 4)):
        browser.choose(image=image, moment=moment)
        values = json.loads(browser.find(".answers .values").get_attribute("data-values"))
        np.testing.assert_allclose(values, p[image, moment], rtol=1e-12)
        best = np.argsort(-p[image, moment])[:3]
        assert bold(browser, ".answers .values") == [
            pytest.approx(as_shown(v, 3), rel=2e-3) for v in p[image, moment, best]
        ]
        assert browser.text(".answers .values").startswith(classes[best[0]])
        last = logits[image, 7].argmax()
        text = browser.text(".ranks .values")
        among_classes = int(rankdata(-p[image, moment], "min")[last])
        among_images = int(rankdata(-p[:, moment, last], "min")[image])
        assert text == f"{among_classes} of 10 classes, {among_images} of {COUNT} images"
    browser.choose(moment=0)
    assert browser.text(".answers .values") == "the readout is not populated at this time"


def test_hovering_a_cell_shows_its_two_images_and_a_click_pins_them(browser, page, tree):
    browser.open(page)
    browser.choose(state="V4", moment=5)
    maps = tree["V4"].activation.values[:, 5].astype(float).reshape(COUNT, -1)
    rdm = squareform(pdist(maps, "correlation"))
    side = float(browser.find(".matrix").get_attribute("data-side")) / COUNT
    ids = tree["V1"].stimulus_id.values
    i, j = 2, 6
    browser.at(".matrix", (j + 0.5) * side, (i + 0.5) * side)
    captions = browser.driver.find_elements("css selector", ".pair figcaption")
    assert [c.text for c in captions] == [ids[i], ids[j]]
    assert bold(browser, ".pair .values") == [pytest.approx(rdm[i, j], abs=6e-5)]
    assert "pinned" not in browser.text(".pair .values")
    browser.at(".matrix", (j + 0.5) * side, (i + 0.5) * side, click=True)
    browser.at("h1", 5, 5)
    assert "(pinned)" in browser.text(".pair .values")
    assert browser.view()["pair"] is None
    browser.choose(moment=2)
    other = pdist(
        tree["V4"].activation.values[:, 2].astype(float).reshape(COUNT, -1), "correlation"
    )
    value = browser.find(".pair .values").get_attribute("data-value")
    assert float(value) == pytest.approx(squareform(other)[i, j], rel=1e-4)
    browser.keys(ESCAPE)
    assert browser.text(".pair").startswith("Hover a cell")


def test_the_diagonal_has_no_pair_and_keys_move_one(browser, page):
    browser.open(page)
    side = float(browser.find(".matrix").get_attribute("data-side")) / COUNT
    browser.at(".matrix", 3.5 * side, 3.5 * side)
    assert browser.view()["pair"] is None
    browser.at("h1", 5, 5)
    browser.run("document.querySelector('.matrix').focus()")
    browser.keys(RIGHT, held=SHIFT)
    assert browser.view()["pair"] == [0, 1]
    browser.keys(DOWN, held=SHIFT)  # past the diagonal
    assert browser.view()["pair"] == [2, 1]
    browser.keys(ENTER)
    assert browser.view()["pinned"] == [2, 1]
    assert browser.view()["image"] == 0, "the arrows were those of the pair"


def test_the_cursor_is_dragged_through_all_states(browser, page):
    from selenium.webdriver.common.action_chains import ActionChains

    browser.open(page)
    cursor = browser.find("#cursor")
    data = {k: float(cursor.get_attribute(f"data-{k}")) for k in ("left", "right")}

    def x_of(ms):
        return data["left"] + ms / 400 * (data["right"] - data["left"])

    middle = cursor.size["width"] / 2
    actions = ActionChains(browser.driver, duration=0)
    actions.move_to_element_with_offset(cursor, round(x_of(200) - middle), 0).click_and_hold()
    actions.move_by_offset(round(x_of(104) - x_of(200)), 0).perform()
    browser.settle()
    assert cursor.get_attribute("aria-valuenow") == "100"
    assert browser.text("#time-text") == "100 ms (declared range 80–200 ms), step 4"
    assert browser.text(".map p[data-state='IT']").startswith("rms")
    ActionChains(browser.driver, duration=0).move_by_offset(
        round(x_of(30) - x_of(104)), 0
    ).release().perform()
    browser.settle()
    assert cursor.get_attribute("aria-valuetext").startswith("25 ms (declared range 20–50 ms)")
    assert browser.text(".map p[data-state='IT']") == ""
    # Charts drag it too.
    canvas = browser.find(".courses canvas")
    left, right = (float(canvas.get_attribute(f"data-{k}")) for k in ("left", "right"))
    browser.at(".courses canvas", left + 150 / 225 * (right - left), 40, click=True)
    assert cursor.get_attribute("aria-valuenow") == "150"


def test_keys_go_through_time_images_states_and_channels(browser, page):
    browser.open(page)
    browser.keys(LEFT, LEFT)
    assert browser.view()["moment"] == 5
    browser.keys(HOME)
    assert browser.text("#time-text").startswith("25 ms")
    browser.keys(LEFT)
    assert browser.view()["moment"] == 0
    browser.keys(END)
    assert browser.view()["moment"] == 7
    browser.keys(RIGHT, DOWN, DOWN, UP)
    assert (browser.view()["moment"], browser.view()["image"]) == (7, 1)
    selected = browser.driver.find_elements("css selector", "#images [aria-selected='true']")
    assert [e.get_attribute("id") for e in selected] == ["image-1"]
    browser.keys("S", "c", "c")
    assert (browser.view()["state"], browser.view()["row"]) == ("V4", 2)
    browser.keys("C", "C", "C")
    assert browser.view()["row"] == 32
    browser.keys("s", "m")
    assert (browser.view()["state"], browser.view()["row"]) == ("IT", 0)
    assert browser.view()["scale"] == "map"
    browser.keys("?")
    assert browser.find("#help").is_displayed()
    assert "declared, not measured" in browser.text("#help-time")
    browser.keys(ESCAPE)
    browser.until(lambda: not browser.find("#help").is_displayed())


def test_every_control_is_reached_by_tab_has_a_name_and_a_visible_focus(browser, page):
    browser.open(page)
    browser.run("document.activeElement.blur()")
    reached = {}
    for _ in range(20):
        browser.keys(TAB)
        script = (
            "const e = document.activeElement; const s = getComputedStyle(e);"
            "return [e.id || e.className || e.textContent, s.outlineStyle, parseFloat("
            "s.outlineWidth), e.getAttribute('aria-label') || e.textContent || e.title]"
        )
        name, style, width, label = browser.run(script)
        if name in reached or browser.run("return document.activeElement === document.body"):
            break
        reached[name] = (style, width, label)
    assert {"state", "channel", "scale", "theme", "help-button", "images", "play", "cursor"} <= set(
        reached
    )
    for name, (style, width, label) in reached.items():
        if name:
            assert style == "solid", name
            assert width >= 1, name
            assert label, name
    unnamed = browser.run(
        "return [...document.querySelectorAll('canvas[role]')].filter("
        "(c) => !c.closest('[hidden]') && !c.getAttribute('aria-label')).length"
    )
    assert unnamed == 0


def test_a_menu_keeps_its_arrows_until_escape(browser, page):
    browser.open(page)
    browser.run("document.getElementById('channel').focus()")
    browser.keys(DOWN)
    assert (browser.view()["image"], browser.view()["row"]) == (0, 1)
    browser.keys(ESCAPE, DOWN)
    assert (browser.view()["image"], browser.view()["row"]) == (1, 1)


def test_channels_and_images_are_clicked(browser, page):
    browser.open(page)
    gallery = browser.find(".gallery")
    side = float(gallery.get_attribute("data-side")) + 2
    browser.at(".gallery", 2.4 * side, 0.4 * side, click=True)
    assert (browser.view()["state"], browser.view()["row"]) == ("IT", 3)
    browser.at(".map:first-child canvas", 20, 20, click=True)
    assert (browser.view()["state"], browser.view()["row"]) == ("V1", 0)
    browser.at("#image-3", 20, 8, click=True)
    assert browser.view()["image"] == 3
    point = browser.run("return document.querySelector('.mds canvas').points[6]")
    browser.at(".mds canvas", *point, click=True)
    assert browser.view()["image"] != 3


@pytest.mark.slow
def test_two_recordings_are_on_one_cursor_and_each_shows_its_own(browser, pair, whole, lesioned):
    browser.open(pair)
    browser.choose(image=1, moment=6, state="V1")
    boxes = browser.driver.find_elements("css selector", ".map p[data-state='V1'] b")
    shown = [number(b.text) for b in boxes]
    for value, path, place in zip(shown, (whole, lesioned), (1, COUNT - 2), strict=True):
        maps = cortexsim.open_recording(path)["V1"].activation.values[place, 6].astype(float)
        assert value == pytest.approx(as_shown(np.sqrt((maps**2).mean())), rel=2e-4)
    assert shown[0] != shown[1]
    titles = [e.text for e in browser.driver.find_elements("css selector", ".recording h2")]
    assert titles == [
        "A: cortex4 (whole.zarr)",
        "B: cortex4 without V2->V1, V4->V2, IT->V4 (lesioned.zarr)",
    ]
    index = json.loads(browser.run("return document.getElementById('index').textContent"))
    expected = []
    for course in index["brain"]["targets"][0]["recordings"]:
        v1 = next(s for s in course["states"] if s["name"] == "V1")
        expected.append(v1["value"][course["time"].index(160.0)])
    shown = json.loads(browser.find("#brain-text").get_attribute("data-values"))
    assert shown == expected
    assert browser.text("#brain-text").endswith("in the bin at 160 ms")


@pytest.mark.slow
def test_masked_and_not_masked_show_what_is_on_both_screens(browser, folder, whole):
    masked = record(folder, "masked", presentation=read_presentation("backward:25,50,50,grey"))
    browser.open(page_of(folder / "masked.html", [whole, masked]))
    both = browser.find("#cursor").size["height"]
    assert browser.run("return explorer.lanes") == 2
    browser.open(page_of(folder / "twice.html", [whole, whole]))
    assert browser.run("return explorer.lanes") == 1
    assert browser.find("#cursor").size["height"] < both


@pytest.mark.slow
def test_the_similarity_at_the_cursor_is_that_of_its_bin(browser, folder, whole, still_brain):
    page = page_of(folder / "still.html", [whole], Settings(n=20), neural=still_brain)
    browser.open(page)
    browser.choose(state="IT", moment=5)
    index = json.loads(browser.run("return document.getElementById('index').textContent"))
    course = index["brain"]["targets"][0]["recordings"][0]
    it = next(s for s in course["states"] if s["name"] == "IT")
    (shown,) = bold(browser, "#brain-text")
    assert shown == pytest.approx(as_shown(it["value"][5]), rel=2e-4)
    low, high = (as_shown(c[0], 3) for c in course["ceiling"])
    text = browser.text("#brain-text").replace("−", "-")
    assert f"ceiling {low:g} to {high:g}, 5 subjects" in text


@pytest.mark.sampled(1)
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1000, 800)])
@pytest.mark.parametrize("which", ["page", "pair"])
def test_nothing_is_cut_off(browser, request, which, width, height):
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        browser.open(request.getfixturevalue(which))
        browser.choose(image=4, pinned=[0, 5])
        cut = browser.run(
            "const out = []; const all = document.querySelectorAll('.panel, .panel *, header *');"
            "for (const e of all) { const b = e.getBoundingClientRect();"
            "if (b.width && b.right > innerWidth + 0.5) out.push(e.className || e.tagName);"
            "const p = e.closest('.panel'); if (!p) continue;"
            "const q = p.getBoundingClientRect();"
            "if (b.right > q.right + 0.5 || b.bottom > q.bottom + 0.5)"
            "out.push(`${p.className}: ${e.className || e.tagName}`); } return out"
        )
        assert cut == []
        assert browser.run("return document.documentElement.scrollWidth") <= width
    finally:
        size = {**size, "width": 1280}
        browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_is_that_of_the_system_and_a_key_turns_it(browser, page, scheme):
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    try:
        browser.open(page)
        colour = "return getComputedStyle(document.body).backgroundColor"
        before = browser.run(colour)
        assert (before == "rgb(255, 255, 255)") == (scheme == "light")
        browser.keys("t")
        assert (browser.run(colour) == "rgb(255, 255, 255)") == (scheme == "dark")
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.slow
def test_recordings_without_maps_or_images_say_what_is_not_there(browser, folder, means, unknown):
    browser.open(page_of(folder / "means.html", [means]))
    assert "kept: mean, so there are no maps" in browser.text("h2")
    assert "no maps" in browser.find(".map canvas").get_attribute("aria-label")
    values = cortexsim.open_recording(means)["IT"].activation.values[0, 7].astype(float)
    (shown,) = bold(browser, ".map p[data-state='IT']")
    assert shown == pytest.approx(as_shown(np.sqrt((values**2).mean())), rel=2e-4)
    browser.open(page_of(folder / "unknown.html", [unknown]))
    assert browser.text("#image-0 span").startswith("</script>")
    browser.keys("?")
    assert "the images were not found again" in browser.text("#help-recordings")
    browser.keys(ESCAPE)


def test_few_images_and_early_steps_say_why_there_is_no_rdm_and_no_readout(browser, folder, whole):
    browser.open(page_of(folder / "few.html", [whole], Settings(limit=3, steps=(1, 2))))
    label = browser.find(".matrix").get_attribute("aria-label")
    assert "not populated" in label
    browser.choose(state="V1")
    assert "needs at least 4" in browser.find(".matrix").get_attribute("aria-label")
    assert browser.text(".answers .values") == "no readout was recorded at these steps"


@pytest.mark.slow
def test_steps_without_milliseconds_are_steps(browser, folder, whole):
    from torch import nn

    net = cortexsim.wrap(
        nn.Sequential(nn.Conv2d(3, 4, 3, 9), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.Flatten()),
        states={"first": "0", "second": "2"},
    )
    path = record(folder, "foreign", net)
    browser.open(page_of(folder / "foreign.html", [path]))
    assert "no milliseconds were declared" in browser.text("#time-text")
    assert "step" in browser.text("#time-text")
    browser.open(page_of(folder / "mixed.html", [whole, path]))
    browser.keys(HOME)
    assert browser.text("#time-text").startswith("step 1")
