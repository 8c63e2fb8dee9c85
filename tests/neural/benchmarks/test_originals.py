"""Original files in every format give the pinned content."""

import csv
import gzip
import io

import numpy as np
import pytest
import scipy.io

from cortexsim.neural.benchmarks.content import content_sha256, parsed, read
from cortexsim.neural.benchmarks.download import contents
from cortexsim.neural.benchmarks.originals import CONVERTERS, FEATURES, SOAS
from cortexsim.neural.benchmarks.registry import BENCHMARKS


def structs(**fields):
    """A MATLAB array of structs from the values of each field."""
    count = len(next(iter(fields.values())))
    array = np.empty(count, dtype=[(name, object) for name in fields])
    for name, values in fields.items():
        for k, value in enumerate(values):
            array[name][k] = value
    return array[None]


def cells(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def kriegeskorte92(data):
    from scipy.spatial.distance import squareform

    pictures = {f: data[f] for f in ("human", "face", "animal", "natural")}
    both = [squareform(data[k]) for k in ("rdm_monkey_IT", "rdm_human_IT")]
    sessions = structs(
        RDM=data["rdm_human_IT_subject_session"].reshape(8, 92, 92),
        name=data["hIT_names"].ravel().tolist(),
    )
    return {
        "Kriegeskorte_Neuron2008_supplementalData.mat": {
            "stimuli_92objs": structs(
                image=data["stimuli"], category=data["stim_category"].tolist(), **pictures
            ),
            "categoryLabels": cells(data["category_labels"].tolist())[None],
            "categoryVectors": data["category_vectors"],
            "RDMs_mIT_hIT_fig1": structs(name=["a", "b"], color=[0, 0], RDM=both),
        },
        "92_brainRDMs.mat": {"RDMs": sessions.reshape(1, 4, 2)},
        "92_behavRDMs.mat": {
            "rdms_behav_92": structs(
                RDM=data["rdm_behaviour"], name=data["behaviour_names"].tolist()
            )
        },
        "92_modelRDMs.mat": {
            "Models": structs(RDM=data["rdm_models"], name=data["model_names"].tolist())
        },
        "rdm92_HMAXnatImPatch.mat": {"rdm92_HMAXnatImPatch": data["rdm_HMAX"]},
        "modelRDMs_A2020.mat": {
            "modelRDMs": structs(
                model=data["alexnet_layer"].tolist(),
                measurement=data["alexnet_measmodel"].tolist(),
                square=[0] * 63,
                vector=data["alexnet_rdms_utv"][:, None],
            )
        },
    }


def zhang_desimone(data):
    spikes = np.unpackbits(data["spikes_packed"], axis=1)
    files = {}
    for unit, original in enumerate(BENCHMARKS["zhang-desimone-it"].files[0].originals):
        mine = data["trial_unit"] == unit
        labels = cells(data["condition"][data["trial_condition"][mine]].tolist())
        files[original.rpartition("/")[2]] = {
            "raster_data": spikes[mine].astype(np.float64),
            "raster_labels": {"combined_ID_position": labels[None]},
        }
    return files


def grootswagers(data):
    fields = {
        "mu_all": "accuracy",
        "bf": "bf",
        "onset": "onset_ms",
        "onsetci": "onset_ci",
        "peak": "peak_ms",
        "peakci": "peak_ci",
    }
    stats = {
        soa: {
            feature: {theirs: data[ours][s, f] for theirs, ours in fields.items()}
            for f, feature in enumerate(FEATURES)
        }
        for s, soa in enumerate(SOAS)
    }
    return {
        "stats_decoding.mat": {"stats": {**stats, "timevect": data["time_ms"]}},
        "stats_rsa.mat": {"rmodel": data["rsa_rmodel"], "rmodel_bf": data["rsa_rmodel_bf"]},
    }


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("kriegeskorte92", kriegeskorte92),
        ("zhang-desimone-it", zhang_desimone),
        ("grootswagers-eeg", grootswagers),
    ],
)
def test_matlab_originals_give_the_pinned_content(name, make, data_folder, tmp_path):
    file = BENCHMARKS[name].files[0]
    for stem, variables in make(read(data_folder / file.path)).items():
        scipy.io.savemat(tmp_path / stem, variables)
    paths = {original: tmp_path / original.rpartition("/")[2] for original in file.originals}
    assert content_sha256(CONVERTERS[file.converter](paths)) == file.content


def test_png_originals_give_the_pinned_content(data_folder, tmp_path):
    from PIL import Image

    file = BENCHMARKS["grootswagers-eeg"].files[1]
    data = read(data_folder / file.path)
    for pixels, name in zip(data["stimuli"], data["name"]):
        Image.fromarray(pixels).convert("RGBA").save(tmp_path / str(name))
    paths = {original: tmp_path / original.rpartition("/")[2] for original in file.originals}
    assert content_sha256(CONVERTERS[file.converter](paths)) == file.content


@pytest.mark.slow
def test_tables_of_geirhos_give_the_pinned_content(data_folder, tmp_path):
    file = BENCHMARKS["geirhos-behaviour"].files[0]
    table = parsed(read(data_folder / file.path))
    header = [name for name in table if name != "experiment"]
    rows = np.stack([table[name] for name in header], axis=1)
    who = np.array([f"{e}_{s}" for e, s in zip(table["experiment"], table["subj"])])
    paths = {}
    for original in file.originals:
        name = original.rpartition("/")[2]
        mine = rows[who == name.removesuffix("_session_1.csv")]
        mine[mine[:, header.index("rt")] == "", header.index("rt")] = "NaN"
        paths[original] = tmp_path / name
        with open(paths[original], "w", newline="") as opened:
            csv.writer(opened).writerows(
                [[h.replace("session", "Session") for h in header], *mine.tolist()]
            )
    assert content_sha256(CONVERTERS[file.converter](paths)) == file.content


def test_a_table_keeps_its_content_when_it_is_compressed_again(data_folder):
    file = BENCHMARKS["geirhos-behaviour"].files[0]
    text = read(data_folder / file.path)
    again = gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(text, 1))).read()
    assert content_sha256(again) == file.content


def test_contents_are_named_by_file(data_folder):
    assert set(contents(BENCHMARKS["cifar10h"])) == {"cifar10h-counts.npy", "cifar10h-probs.npy"}
