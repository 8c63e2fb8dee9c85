"""kumbhar-deadlines: the shares correct of the data, and the table again from event streams in the
layout of the public files.
"""

import json

import numpy as np
import pytest

from cortexsim import neural
from cortexsim.neural.benchmarks.content import content_sha256, parsed, read
from cortexsim.neural.benchmarks.originals import CONVERTERS
from cortexsim.neural.benchmarks.registry import BENCHMARKS

FILE = BENCHMARKS["kumbhar-deadlines"].files[0]
DEADLINES = [200, 400, 600, 800, 1000]
# By deadline, of answers within 100 ms of it, as counted when the data were chosen.
SHARES = {
    ("noise", 0.0): (0.11, 0.11, 0.32, 0.57, 0.60),
    ("noise", 0.16): (0.12, 0.10, 0.14, 0.23, 0.21),
    ("blur", 0.0): (0.09, 0.08, 0.49, 0.71, 0.68),
    ("blur", 3.0): (0.09, 0.08, 0.13, 0.22, 0.22),
}


@pytest.fixture(scope="module")
def trials(data_folder):
    return neural.load("kumbhar-deadlines")


def test_the_shares_correct_come_out(trials):
    table = trials.to_dataframe()
    answered = table[(table.response != "") & ((table.rt_ms - table.deadline_ms).abs() <= 100)]
    shares = answered.groupby(["study", "level", "deadline_ms"]).correct.mean().unstack()
    assert shares.columns.tolist() == DEADLINES
    for key, expected in SHARES.items():
        np.testing.assert_allclose(shares.loc[key], expected, atol=0.006)


def test_what_the_table_holds(trials):
    assert trials.sizes["trial"] == 43500
    counts = {
        s: len({*trials.subject.values[trials.study.values == s]})
        for s in ("noise", "blur", "color")
    }
    assert counts == {"noise": 20, "blur": 7, "color": 6}
    none = trials.response.values == ""
    assert (none == (trials.ended_on.values == "timeout")).all()
    assert not trials.correct.values[none].any()
    assert np.isnan(trials.rt_ms.values).sum() == 12
    assert len({*trials.label.values}) == 10


def events(rows):
    """What one observer's browser wrote, in the layout of lab.js, with what is left out."""
    person = {"sender": "Visual Noise Study v3", "please-enter-your-age": "24", "duration": 40.1}
    stream = [person, {"sender": "Tutorial", "duration": 1.0}]
    stream += trial({**rows[0], "response": "dog", "rt_ms": "1.5"}, "Trial_tutorial_1000")
    for row in rows:
        stream += trial(row, f"Trial_{row['deadline_ms']}")
    return [*stream, {"sender": "Trial200", "duration": 9.5}, {"sender": "root", "sender_id": None}]


def trial(row, sender):
    shared = {"category": row["category"], "looper": int(row["trial"])}
    answer = {"sender": "Response", **shared, "ended_on": row["ended_on"], "duration": None}
    if row["rt_ms"]:
        answer["duration"] = float(row["rt_ms"]) + 0.0399
    if row["response"]:
        answer |= {"response": row["response"], "correctResponse": row["category"]}
    shown = f"{row['level']}_{row['category']}_{row['image']}.png"
    between = {"sender": "inter-stimulus", **shared, "response": "space", "correctResponse": shown}
    return [
        answer,
        {**between, "ended_on": "response", "duration": 88.1},
        {"sender": sender, **shared},
    ]


@pytest.mark.slow
def test_event_streams_give_the_pinned_content(data_folder, tmp_path):
    table = parsed(read(data_folder / FILE.path))
    rows = [dict(zip(table, row)) for row in zip(*table.values(), strict=True)]
    subjects = list(dict.fromkeys(table["subject"]))
    assert len(subjects) == len(FILE.originals) == 33
    paths = {}
    for subject, original in zip(subjects, FILE.originals, strict=True):
        study = {"all_noise_final": "noise", "blur_results": "blur", "color_gray": "color"}
        assert subject.startswith(study[original.split("/")[1]])
        paths[original] = tmp_path / f"{subject}.txt"
        mine = [row for row in rows if row["subject"] == subject]
        paths[original].write_text(json.dumps(events(mine)))
    assert content_sha256(CONVERTERS[FILE.converter](paths)) == FILE.content
