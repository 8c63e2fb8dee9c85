"""What the pages say of masking, behaviour and deadlines is what the figures' JSON says."""

import re
from pathlib import Path

import pytest
from pages import everything

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def readme() -> str:
    return everything()


def at(found: dict, step: int, key: str):
    return found[key][found["readout_steps"].index(step)]


def points(found: dict, step: int) -> str:
    low, high = (100 * v for v in at(found, step, "loss_interval"))
    return f"{100 * at(found, step, 'loss'):.1f} points [{low:.1f}, {high:.1f}]"


def test_losses_are_those_of_masking_json(readme, results):
    found = results("masking")
    mine = found["networks"]["cortex4"]
    own = mine["losses"]
    later = points(own, 12).replace(" points", "")
    shares = [f"{at(own, t, 'share_above_chance'):.0%}".replace("%", " %") for t in (8, 12)]
    assert f"costs cortex4 {points(own, 8)} at readout step 8 and {later} at step 12" in readme
    assert f"{shares[0]} and {shares[1]} of its accuracy above chance" in readme
    people = found["people"]["losses"]
    assert f"lose {100 * people['loss'][0]:.1f} points at 25 ms, " in readme
    assert f"{people['share_above_chance'][0]:.0%}".replace("%", " %") in readme
    masked = found["networks"]["cortex4-masked"]["losses"]
    assert masked["loss_interval"][masked["readout_steps"].index(12)][0] <= 0
    assert f"no loss is shown ({points(masked, 12)} at step 12)" in readme
    bundled = mine["bundled_statistics"]
    seeming = 100 * at(bundled["losses"], 12, "loss")
    assert f"would seem to cost {seeming:.1f} points" in readme
    courses = {
        key: next(u for u in one["unmasked"] if u["readout_step"] == 12)["accuracy"]
        for key, one in (("own", mine), ("file", bundled))
    }
    ends = {k: [round(100 * v[0]), round(100 * v[-1])] for k, v in courses.items()}
    assert f"would fall from {ends['file'][0]} to {ends['file'][1]} %" in readme
    assert f"(own: {ends['own'][0]} and {ends['own'][1]} %)" in readme


def test_the_lesion_is_that_of_masking_json(readme, results):
    lesions = results("masking")["networks"]["cortex4"]["lesions"]
    k = lesions["readout_steps"].index(12)
    change = lesions["feedback"]["change"][0][k]
    low, high = lesions["feedback"]["change_interval"][0][k]
    less = f"{-100 * change:.1f} points [{-100 * high:.1f}, {-100 * low:.1f}]"
    assert f"Without feedback cortex4 loses {less} less at step 12" in readme
    unmasked = [round(100 * lesions[name]["unmasked"][0][k]) for name in ("feedback", "none")]
    assert f"accuracy is {unmasked[0]} % there, intact {unmasked[1]} %" in readme


def test_no_sentence_on_masking_is_without_its_readout_step(results):
    for line in results("masking")["sentences"]:
        assert re.search(r"readout (step|at step) \d+", line)


def test_which_areas_a_mask_disrupts_is_that_of_predictions_json(readme, results):
    rows = [r for r in results("predictions")["table"] if r["prediction"] == 3 and r["testable"]]
    where = {
        net: [r["what"] for r in rows if r["network"] == net and r["supported"]]
        for net in ("cortex4", "cortex4-masked")
    }
    said = f"read less well, at step 12, from {' and '.join(where['cortex4'])} of cortex4, from "
    assert said + f"{where['cortex4-masked'][0]} alone of cortex4-masked" in readme
    # Moved by the mask it is: by the distance every state, of which V1 most.
    for net in where:
        moved = {r["what"]: r["distance"] for r in rows if r["network"] == net}
        assert min(one["interval"][0] for one in moved.values()) > 0
        assert max(moved, key=lambda what: moved[what]["value"]) == "V1"
    assert len(where["cortex4-masked"]) == 1


def test_behaviour_is_that_of_behavior_json(readme, results):
    nets = results("behavior")["nets"]
    mine, twin = nets["cortex4"], nets["cortex4-twin"]
    surprise = {
        name: dict(zip(one["steps"], one["cross_entropy"]["cross_entropy"], strict=True))
        for name, one in nets.items()
    }
    early, late = surprise["cortex4"][4], surprise["cortex4"][8]
    assert f"than at step 4 (cross-entropy {late:.2f} and {early:.2f})" in readme
    assert f"(twin {surprise['cortex4-twin'][8]:.2f})" in readme
    k = mine["steps"].index(8)
    ends = [[b[k] for b in one["cross_entropy"]["interval"]] for one in (mine, twin)]
    assert ends[0][0] > ends[1][1]  # less close
    for measure, bounds in (("confusions", "interval"), ("difficulty_i1n", "rate_interval")):
        a, b = ([side[k] for side in one[measure][bounds]] for one in (mine, twin))
        assert a[0] < b[1]
        assert b[0] < a[1]
    tau = mine["time_or_certainty"]
    low, high = tau["difference_interval"]
    assert low < 0 < high
    assert f"ties alike, {tau['difference']:+.3f} [{low:+.3f}, {high:+.3f}])" in readme
    helps = mine["time_helps"]["result"]
    scales = helps["interaction"], helps["log_odds_interaction"]
    assert f"({scales[0]:+.3f} in accuracy, {scales[1]:+.3f} in log odds)" in readme
    low, high = helps["interaction_interval"]
    assert low < 0 < high  # not shown
    assert helps["log_odds_interval"][1] < 0  # helps them less


def test_distorted_levels_are_counted_as_in_behavior_distortions_json(readme, results):
    kinds = results("behavior_distortions")["nets"]["cortex4"]
    levels = [  # what each level gains less the first, on both scales, and accuracy at step 8
        (one, accuracy[found["steps"].index(8)])
        for found in kinds.values()
        for one, accuracy in zip(
            found["interaction_with_the_first_level"], found["accuracy"][1:], strict=True
        )
    ]
    both = ("interaction_interval", "log_odds_interval")
    less = [accuracy for one, accuracy in levels if all(one[k][1] < 0 for k in both)]
    more = [one for one, _ in levels if any(one[k][0] > 0 for k in both)]
    assert f"gains less at {len(less)} of {len(levels)} distorted levels" in readme
    assert len(more) == 1
    assert more[0] == kinds["low-pass"]["interaction_with_the_first_level"][1]
    low, high = (100 * v for v in more[0]["interaction_interval"])
    gain = f"by {100 * more[0]['interaction']:.1f} points [{low:.1f}, {high:.1f}]"
    assert f"and more at {len(more)} (a faint blur, {gain})" in readme
    near = sum(accuracy <= 0.12 for accuracy in less)
    assert f"At {near} of the {len(less)} it is near chance" in readme
    noise = kinds["uniform-noise"]
    assert noise["levels"][0] == 0
    least = 100 * noise["accuracy"][0][noise["steps"].index(8)]
    assert f"leaves 30 % of the contrast ({least:.0f} % correct)" in readme
    quantities = results("over_seeds")["quantities"]
    for name in ("gain_distorted", "gain_distorted_odds"):
        assert max(quantities[name]["cortex4"]["values"]) < 0


def test_deadlines_are_those_of_speed_accuracy_json(readme, results):
    found = results("speed_accuracy")
    mine = found["networks"]["cortex4"]
    assert sum(found["people"]["participants"].values()) == 33
    free = mine["mapping"]["free"]
    low, high = free["b_ms_interval"]
    assert f"cortex4 has b = {free['b_ms']:.0f} ms [{low:.0f}, {high:.0f}]" in readme
    gaps = found["held_out"]["differences"]
    for b in (20, 25, 50):
        assert gaps[f"cortex4, free less cortex4, {b} ms a step"]["interval"][1] > 0
    gap = gaps["cortex4, free less cortex4-twin, free"]
    low, high = (100 * v for v in gap["interval"])
    assert f"is {100 * gap['value']:.1f} points [{low:.1f}, {high:.1f}] larger" in readme
    full = ", noise at full contrast"
    low, high = gaps[f"cortex4{full}, free less cortex4-twin{full}, free"]["interval"]
    assert low < 0 < high
    halves = found["people"]["category_correlation_of_halves"]
    r = mine["category_correlation"]
    assert f"(r = {r:.2f}; halves of the people {halves:.2f})" in readme
