"""From the files that the public repositories hold to the files that the benchmarks read.

Each function takes the originals by their path in the repository and returns what the file says. A
function that is wrong, or a source that has changed, cannot give a wrong number: ``download``
refuses whatever does not have the pinned sha256.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
Paths = dict[str, Path]

SOAS = ("soa150", "soa50")
FEATURES = ("ori", "sf", "color", "contrast")


def _matlab(paths: Paths, ending: str) -> dict[str, Any]:
    """The variables of a .mat file, structs as objects with attributes."""
    from scipy.io import loadmat

    path = next(p for name, p in paths.items() if name.endswith(ending))
    return loadmat(path, struct_as_record=False, squeeze_me=True)


def _square(rdm: Any) -> np.ndarray:
    """A square RDM, also from its vector of pairs."""
    from scipy.spatial.distance import squareform

    array = np.asarray(rdm)
    return array if array.ndim == 2 else squareform(array)


def _structs(array: Any) -> list[Any]:
    return list(np.atleast_1d(array).ravel())


def kriegeskorte92(paths: Paths) -> Arrays:
    """Images and RDMs from rsatoolbox's demos.

    Parameters
    ----------
    paths : dict of str to Path
        Where each original lies.

    Returns
    -------
    dict of str to array
        Images with category flags; RDMs of monkey and human IT, behaviour, models and AlexNet.
    """
    data = _matlab(paths, "supplementalData.mat")
    images = _structs(data["stimuli_92objs"])
    monkey, human = (_square(s.RDM) for s in _structs(data["RDMs_mIT_hIT_fig1"]))
    # (subject, session) in this order.
    sessions = _structs(_matlab(paths, "92_brainRDMs.mat")["RDMs"])
    behaviour = _structs(_matlab(paths, "92_behavRDMs.mat")["rdms_behav_92"])
    models = _structs(_matlab(paths, "92_modelRDMs.mat")["Models"])
    alexnet = _structs(_matlab(paths, "modelRDMs_A2020.mat")["modelRDMs"])
    layer, measurement, _, vector = alexnet[0]._fieldnames[:4]
    model_rdms = np.stack([_square(s.RDM) for s in models]).astype(np.float64)
    return {
        "stimuli": np.stack([s.image for s in images]),
        "stim_category": np.array([s.category for s in images]),
        **{
            flag: np.array([getattr(s, flag) for s in images], np.int64)
            for flag in ("human", "face", "animal", "natural")
        },
        "category_labels": np.array([str(s) for s in data["categoryLabels"]]),
        "category_vectors": np.asarray(data["categoryVectors"]),
        "rdm_monkey_IT": monkey,
        "rdm_human_IT": human,
        "rdm_human_IT_subject_session": np.stack([_square(s.RDM) for s in sessions])
        .reshape(4, 2, 92, 92)
        .astype(np.float32),
        "hIT_names": np.array([s.name for s in sessions]).reshape(4, 2),
        "rdm_behaviour": np.stack([_square(s.RDM) for s in behaviour]),
        "behaviour_names": np.array([s.name for s in behaviour]),
        "rdm_models": model_rdms,
        "model_names": np.array([s.name for s in models]),
        "rdm_V1model": model_rdms[[s.name for s in models].index("V1")],
        "rdm_HMAX": _square(_matlab(paths, "rdm92_HMAXnatImPatch.mat")["rdm92_HMAXnatImPatch"]),
        "alexnet_rdms_utv": np.stack([np.ravel(getattr(s, vector)) for s in alexnet]).astype(
            np.float32
        ),
        "alexnet_layer": np.array([getattr(s, layer) for s in alexnet]),
        "alexnet_measmodel": np.array([getattr(s, measurement) for s in alexnet]),
    }


def zhang_desimone(paths: Paths) -> Arrays:
    """Spikes from one file for each unit.

    Each holds raster_data (trial, 1000 ms) and, for each trial, raster_labels.combined_ID_position.

    Parameters
    ----------
    paths : dict of str to Path
        Where each original lies.

    Returns
    -------
    dict of str to array
        The trials of all units.
    """
    objects = ("car", "couch", "face", "flower", "guitar", "hand", "kiwi")
    conditions = [f"{o}_{p}" for o in objects for p in ("upper", "middle", "lower")]
    place = {name: k for k, name in enumerate(conditions)}
    spikes, units, shown = [], [], []
    names = [name.rpartition("/")[2].removesuffix("_raster_data.mat") for name in paths]
    for unit, original in enumerate(paths):
        data = _matlab(paths, original)
        raster = np.asarray(data["raster_data"])
        if not np.isin(raster, (0, 1)).all():
            raise ValueError(f"{original} has entries other than 0 and 1")
        spikes.append(np.packbits(raster.astype(np.uint8), axis=1))
        units.append(np.full(len(raster), unit, np.uint8))
        shown.append(
            np.array([place[str(s)] for s in data["raster_labels"].combined_ID_position], np.uint8)
        )
    return {
        "spikes_packed": np.concatenate(spikes),
        "trial_unit": np.concatenate(units),
        "trial_condition": np.concatenate(shown),
        "condition": np.array(conditions),
        "unit_name": np.array(names, dtype="<U12"),  # without the letter, as the pinned file has it
        "unit_session": np.array([int(name[2:6]) for name in names], np.int64),
        "time_ms": np.arange(-500, 500),
    }


def grootswagers(paths: Paths) -> Arrays:
    """Results of the decoding and the RSA.

    The source has stats.<soa>.<feature> of the decoding, and rmodel of the RDMs (subject, time,
    model, soa), whose last model is behaviour.

    Parameters
    ----------
    paths : dict of str to Path
        Where each original lies.

    Returns
    -------
    dict of str to array
        By SOA and feature.
    """
    stats = _matlab(paths, "stats_decoding.mat")["stats"]
    rsa = _matlab(paths, "stats_rsa.mat")

    def of(field: str, dtype: Any) -> np.ndarray:
        each = [[getattr(getattr(getattr(stats, s), f), field) for f in FEATURES] for s in SOAS]
        return np.array(each).astype(dtype)

    rmodel = np.asarray(rsa["rmodel"])
    return {
        "time_ms": np.asarray(stats.timevect, np.float64),
        "soa_ms": np.array([150, 50]),
        "feature": np.array(FEATURES),
        "accuracy": of("mu_all", np.float64),
        "bf": of("bf", np.float64),
        "onset_ms": of("onset", np.int64),
        "onset_ci": of("onsetci", np.uint8),
        "peak_ms": of("peak", np.int64),
        "peak_ci": of("peakci", np.uint8),
        "rsa_rmodel": rmodel,
        "rsa_rmodel_bf": np.asarray(rsa["rmodel_bf"]),
        "rsa_behaviour": np.moveaxis(rmodel[:, :, 4], -1, 0),
    }


def grootswagers_images(paths: Paths) -> Arrays:
    """The 256 gratings, from as many small PNG files.

    Parameters
    ----------
    paths : dict of str to Path
        Where each original lies.

    Returns
    -------
    dict of str to array
        Pixels and names.
    """
    from PIL import Image

    pixels = []
    for path in paths.values():
        with Image.open(path) as image:
            pixels.append(np.asarray(image.convert("RGB")))
    return {
        "stimuli": np.stack(pixels),
        "name": np.array([name.rpartition("/")[2] for name in paths]),
    }


def geirhos(paths: Paths) -> bytes:
    """The tables of all participants, one after the other, with the experiment in front.

    Parameters
    ----------
    paths : dict of str to Path
        Where each original lies.

    Returns
    -------
    bytes
        One table as text.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for k, (name, path) in enumerate(paths.items()):
        with open(path, newline="") as file:
            header, *rows = csv.reader(file)
        header = [column.lower() for column in header]
        if k == 0:
            writer.writerow(["experiment", *header])
        columns = [_plain(column) for column in zip(*rows, strict=True)]
        writer.writerows([name.split("/")[1], *row] for row in zip(*columns, strict=True))
    return text.getvalue().encode()


def _plain(column: tuple[str, ...]) -> list[str]:
    """Numbers in their shortest form, NaN as nothing, text as it is."""
    for kind in (int, float):
        try:
            values = [kind(text) for text in column]
        except ValueError:
            continue
        return ["" if value != value else str(value) for value in values]
    return list(column)


NOT_A_NUMBER = np.uint32(0xFFC00000).view(np.float32)  # of the pinned file, whose sha256 has it


def cowley(paths: Paths) -> Arrays:
    """Spike counts (unit, stimulus, repeat) as single precision, with one kind of NaN.

    Parameters
    ----------
    paths : dict of str to Path
        Where each original lies.

    Returns
    -------
    dict of str to array
        The responses.
    """
    (path,) = paths.values()
    counts = np.load(path, allow_pickle=False).astype(np.float32)
    return {"responses": np.where(np.isnan(counts), NOT_A_NUMBER, counts)}


STUDIES = {"all_noise_final": "noise", "blur_results": "blur", "color_gray": "color"}
TRIALS = (
    "subject",
    "study",
    "deadline_ms",
    "level",
    "category",
    "image",
    "response",
    "rt_ms",
    "trial",
    "ended_on",
)


def kumbhar(paths: Paths) -> bytes:
    """The trials of all observers from the event streams of their browsers.

    A trial is the last ``Response`` and ``inter-stimulus`` before its ``Trial_<deadline>``, the
    second of which names the image. Tutorials and what concerns the person are left out.

    Parameters
    ----------
    paths : dict of str to Path
        Where each original lies.

    Returns
    -------
    bytes
        One table as text.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(TRIALS)
    seen: dict[str, int] = {}
    for name, path in paths.items():
        study = STUDIES[name.split("/")[1]]
        subject = f"{study}{seen.setdefault(study, 0):02d}"
        seen[study] += 1
        last: dict[str, dict[str, Any]] = {}
        for event in json.loads(path.read_text()):
            kind, _, deadline = str(event.get("sender")).rpartition("_")
            if kind == "Trial":
                writer.writerow([subject, study, deadline, *_trial(last, event)])
            last[str(event.get("sender"))] = event
    return text.getvalue().encode()


def _trial(last: dict[str, dict[str, Any]], event: dict[str, Any]) -> list[Any]:
    """Level, category, image, response, reaction time, number and end of one trial."""
    answer, shown = last["Response"], str(last["inter-stimulus"]["correctResponse"])
    level, category, image = shown.removesuffix(".png").split("_")
    took = answer["duration"]
    return [
        level,
        category,
        image,
        answer.get("response", ""),
        "" if took is None else round(took, 1),
        event["looper"],
        answer["ended_on"],
    ]


CONVERTERS: dict[str, Callable[[Paths], Arrays | bytes]] = {
    "kriegeskorte92": kriegeskorte92,
    "zhang_desimone": zhang_desimone,
    "grootswagers": grootswagers,
    "grootswagers_images": grootswagers_images,
    "geirhos": geirhos,
    "cowley": cowley,
    "kumbhar": kumbhar,
}
