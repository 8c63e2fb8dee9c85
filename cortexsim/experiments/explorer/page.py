"""The page as one file: template, style, scripts and, unless it is served, all that it shows."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from importlib import resources
from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.experiments.explorer.gather import Contents
from cortexsim.experiments.explorer.geometry import NoGeometry
from cortexsim.experiments.explorer.readout import BLOCK

SCRIPTS = (
    "data",
    "canvas",
    "chart",
    "timeline",
    "images",
    "activity",
    "readout",
    "rdm",
    "mds",
    "brain",
    "app",
)
MEGABYTE = 1_000_000
ACTIVITY, GEOMETRY = "activity/", ("rdm/", "mds/")
SAMPLED = 8  # images whose activity tells how large all of it will be
SAFE = 1.02  # what is told to fit is by so much smaller: images differ
SURE = 1.05  # so many times what is asked for is refused before everything is made


def file_page(
    contents: Contents, *, megabytes: float, progress: Callable[[], object] = lambda: None
) -> bytes:
    """The page with everything in it, to be opened without a server.

    Parameters
    ----------
    contents : Contents
        What it shows.
    megabytes : float
        How large it may be (10^6 bytes).
    progress : callable
        Called after each blob.

    Raises
    ------
    AnalysisError
        If it would be larger; it says how large, and what to do.
    RecordingError
        Where the recording is damaged.
    """
    most = int(megabytes * MEGABYTE)
    failures: dict[str, str] = {}
    parts: list[bytes] = []

    def added(key: str) -> int:
        """The bytes that a blob adds to the page."""
        progress()
        try:
            packed = contents.packed(key)
        except NoGeometry as error:  # a state without variance has no RDM, the rest is shown
            failures[key] = str(error)
            return 0
        name = html.escape(key, quote=True).encode()
        text = base64.b64encode(packed)
        parts.append(b'<script type="application/gzip" id="%s">%s</script>\n' % (name, text))
        return len(parts[-1])

    sizes = dict.fromkeys(("activity", "geometry", "others"), 0)
    of_images = [key for key in contents.blobs if key.startswith(ACTIVITY)]
    for key in contents.blobs:
        if not key.startswith(ACTIVITY):
            sizes["geometry" if key.startswith(GEOMETRY) else "others"] += added(key)
    sizes["others"] += len(_document({**contents.index, "failures": failures}, b""))
    for done, key in enumerate(of_images, start=1):
        sizes["activity"] += added(key)
        if sum(sizes.values()) > most:
            sizes["activity"] = round(sizes["activity"] / done * len(of_images))
            raise AnalysisError(_too_large(contents, sizes, most))
    return _document({**contents.index, "failures": failures}, b"".join(parts))


def refuse_large(contents: Contents, *, megabytes: float) -> None:
    """What is certainly too large for a page is refused before all of it is made.

    The size is told from a few images; what comes near the limit is left to :func:`file_page`.

    Parameters
    ----------
    contents : Contents
        What the page would show.
    megabytes : float
        How large it may be (10^6 bytes).

    Raises
    ------
    AnalysisError
        As :func:`file_page`.
    """
    most, images = int(megabytes * MEGABYTE), len(contents.index["images"]["id"])
    kinds: dict[str, list[str]] = {}
    for key in contents.blobs:
        kinds.setdefault(key.rpartition("/")[0], []).append(key)
    sizes = {"activity": 0, "others": len(_document({**contents.index, "failures": {}}, b""))}
    sizes["geometry"] = sum(_of_geometry(shown) for shown in contents.index["recordings"])
    for kind, keys in kinds.items():
        if kind.startswith(ACTIVITY):
            tried = keys[:: max(1, len(keys) // SAMPLED)]
            each = sum(_in_page(contents.packed(key)) for key in tried) / len(tried)
            sizes["activity"] += round(each * len(keys))
        elif not kind.startswith(GEOMETRY):  # blocks of many images, the first of them whole
            share = images / min(images, BLOCK)
            sizes["others"] += round(_in_page(contents.packed(keys[0])) * share)
    if sum(sizes.values()) > SURE * most:
        raise AnalysisError(_too_large(contents, sizes, most))


def _of_geometry(shown: dict[str, Any]) -> int:
    """About how many bytes the RDMs of a recording are in a page."""
    geometry = shown["geometry"]
    frames = sum(sum(state["populated"]) for state in shown["states"])
    return round(frames * geometry["count"] * (geometry["count"] - 1) / 2 * 4 * 4 / 3)


def _in_page(packed: bytes) -> int:
    """Bytes of a blob as text, in its tag."""
    return 4 * -(-len(packed) // 3) + 60


def _too_large(contents: Contents, sizes: dict[str, int], most: int) -> str:
    """How large a page would be, and the way round."""
    images, recordings = len(contents.index["images"]["id"]), len(contents.index["recordings"])
    drawn = contents.index["recordings"][0]["geometry"]["count"]

    def size(fewer: int) -> float:
        """Of a page of fewer images; RDMs grow with the square, up to as many as are drawn."""
        linear = sizes["activity"] + sizes["others"]
        return linear * fewer / images + sizes["geometry"] * (min(fewer, drawn) / drawn) ** 2

    fixed = len(_text("page.html") + _text("page.css") + "".join(_text(f"{n}.js") for n in SCRIPTS))
    most_told = most / SAFE - fixed
    fits = next((k for k in range(images - 1, 0, -1) if size(k) < most_told), 0)
    way = f"`limit={fits}` (or fewer), " if fits else ""
    beside = " of 2 recordings" if recordings == 2 else ""
    return (
        f"a page of {images:,} images{beside} would have some {sum(sizes.values()):,} bytes, and "
        f"at most {most:,} are asked for: give {way}fewer `steps`, `maps=rms` (no single "
        "channels), a larger `megabytes`, or `serve` it, which reads what is looked at"
    )


def served_page(contents: Contents) -> bytes:
    """The page without its blobs, which it asks its server for.

    Parameters
    ----------
    contents : Contents
        What it shows.
    """
    return _document({**contents.index, "failures": {}}, b"", served=True)


def colours() -> np.ndarray:
    """The colour map of the page, by luminance: uint8 ``(256, 3)`` of viridis."""
    import matplotlib

    return np.round(matplotlib.colormaps["viridis"](np.arange(256))[:, :3] * 255).astype(np.uint8)


def _document(index: dict[str, Any], blobs: bytes, *, served: bool = False) -> bytes:
    """Template, style and scripts with what they show."""
    index = {
        **index,
        "served": served,
        "colours": base64.b64encode(colours().tobytes()).decode(),
    }
    told = json.dumps(index, allow_nan=False).replace("<", "\\u003c")
    names = [f"{r['model']} ({r['name']})" for r in index["recordings"]]
    filled = {
        "title": html.escape(" beside ".join(names)),
        "connect": "'self'" if served else "'none'",
        "style": _text("page.css"),
        "index": told,
        "script": "\n".join(_text(f"{name}.js") for name in SCRIPTS),
    }
    document = _text("page.html")
    for name, text in filled.items():
        document = document.replace(f"<!--{name}-->", text, 1)
    head, _, tail = document.partition("<!--blobs-->")
    return head.encode() + blobs + tail.encode()


def _text(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")
