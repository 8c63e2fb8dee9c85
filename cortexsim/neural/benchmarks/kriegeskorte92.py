"""Kriegeskorte et al. 2008: 92 object images, RDMs of monkey and human IT, of behaviour and of
models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cortexsim.neural.benchmarks.content import Arrays
from cortexsim.neural.benchmarks.pieces import condensed_rdm, image, rdm, stimulus_coords, words
from cortexsim.neural.layout import pair_coords

if TYPE_CHECKING:
    import xarray

# Also of cichy92-fmri: the names of the public image files.
IDS = tuple(f"image_{k:02d}" for k in range(1, 93))
FLAGS = {
    "animate": "animate",
    "human": "human",
    "nonhumani": "nonhuman",
    "body": "body",
    "face": "face",
    "natObj": "natural_object",
    "artiObj": "artificial_object",
    "monkeyape": "monkey_or_ape",
}
PEARSON = "1 - Pearson"


def build(files: dict[str, Arrays]) -> xarray.Dataset:
    """RDMs of 92 images: of monkeys, people, behaviour and models; the images.

    Parameters
    ----------
    files : dict of str to dict of str to array
        What the files say, by the name of the file.

    Returns
    -------
    xarray.Dataset
        With monkey_IT ``(pair)``, human_IT ``(subject, session, pair)``, behaviour, models and
        alexnet, image; category flags of each stimulus.
    """
    import xarray

    data = files["kriegeskorte2008_92.npz"]
    # (subject, session, 3).
    names = np.array([[str(s).split(" | ") for s in row] for row in data["hIT_names"]])
    flags = {
        str(name): data["category_vectors"][:, k].astype(bool)
        for k, name in enumerate(data["category_labels"])
    }
    models = np.concatenate([data["rdm_models"], data["rdm_HMAX"][None]])
    coords = {
        **stimulus_coords(IDS, data["stim_category"]),
        **{ours: ("stimulus", flags[theirs]) for theirs, ours in FLAGS.items()},
        **pair_coords(IDS),
        "subject": words(names[:, 0, 1]),
        "session": words(str(s).removeprefix("Session: ") for s in names[0, :, 2]),
        "participant": words(str(s).split(" | ")[1] for s in data["behaviour_names"]),
        "model": words([*data["model_names"], "HMAX natural patches"]),
        "layer_model": words(
            f"{a} {b}" for a, b in zip(data["alexnet_layer"], data["alexnet_measmodel"])
        ),
        "layer": ("layer_model", words(data["alexnet_layer"])),
        "measurement_model": ("layer_model", words(data["alexnet_measmodel"])),
    }
    sessions = data["rdm_human_IT_subject_session"]
    arrangement = "distance in multi-arrangement of images"
    various = "as in the source, differs by model"
    variables = {
        "monkey_IT": rdm(
            data["rdm_monkey_IT"],
            (),
            area="IT",
            species="macaque",
            measure=PEARSON,
            pooled="two animals",
        ),
        "human_IT": rdm(
            sessions, ("subject", "session"), area="IT", species="human", measure=PEARSON
        ),
        "behaviour": rdm(
            data["rdm_behaviour"],
            ("participant",),
            area="behaviour",
            species="human",
            measure=arrangement,
        ),
        "models": rdm(models, ("model",), area="model", species="none", measure=various),
        "alexnet": condensed_rdm(
            data["alexnet_rdms_utv"],
            ("layer_model",),
            area="model",
            species="none",
            measure="Euclidean",
        ),
        "image": image(data["stimuli"]),
    }
    return xarray.Dataset(variables, coords)
