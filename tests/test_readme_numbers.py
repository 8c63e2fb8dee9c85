"""Numbers that README and docs/ quote are those of the JSON they come from: neither changes alone.

To quote another number, add a row to ``QUOTES``: the words around it, with ``{}`` for each number,
and where each stands, a file and the keys into it. What they say of masking, behaviour and
deadlines is held by tests/analyses/test_masking_readme.py.
"""

import json
import re
import tomllib
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from pages import everything

from cortexsim.models.scaling import multiply_adds
from cortexsim.models.zoo import spec

ROOT = Path(__file__).parents[1]
NUMBER = r"[-+]?\d[\d,]*(?:\.\d+)?"
BY_STEP = [str(step) for step in range(4, 13)]


@cache
def content(file):
    """A JSON of the repository; of a figure its results."""
    read = json.loads((ROOT / file).read_text())
    return read["results"] if file.startswith("figures/") else read


class At(NamedTuple):
    """Where a number stands, and what it is multiplied by to be what README quotes."""

    file: str
    keys: tuple
    times: float = 1.0

    def value(self):
        found = content(self.file)
        for key in self.keys:
            found = found[key]
        return self.times * found


LATENCY = "figures/neural_latency.json"
HALF_RATE = ("IT minus V1", "rate", "as recorded", "half_maximum")
HALF_SELECTIVITY = ("IT minus V1", "selectivity", "as recorded", "half_maximum")
SLOPE = ("IT, human (15 subjects)", "slope_per_100_ms", "IT")
COURSE = "figures/rsa_timecourse.json"
POSITIVE = {
    who: ("positive controls", target, "efficientnet-lite0", "models")
    for who, target in (("monkey", "IT, monkey"), ("people", "IT, human (15 subjects)"))
}
V4 = "figures/v4_encoding.json"
MASKING = "figures/masking.json"
PREDICTIONS = "figures/predictions.json"
LATER = "figures/fig10_readout_generalisation.json"
READOUT = "figures/fig08_readout_time.json"
FEW = "figures/fig07_few_parameters.json"
STATES = "figures/fig09_states_and_connections.json"
SEEDS = "figures/over_seeds.json"
ONCE = "figures/fig13_inhomogeneous.json"
SHARED = "figures/fig06_weight_sharing.json"
LEAD = "figures/coarse_to_fine.json"
DEPTH = "figures/depth_efficiency.json"
LOCAL = "figures/local_recurrence.json"
LATERAL = "F of all lateral transitions silenced"
CARD = "data/weights/{}.json"
RECIPES = "docs/fast_recipe.json"
SOFTENED = "docs/photographs.json"
SOFT = "softened_to_the_training_images"
TRAINED = "figures/trained_on.json"
ANEW = "test_error_with_statistics_estimated_anew"
"""Of which claims are, too; in short runs the statistics of training lag behind the weights."""
ITS, EVC = ("IT, human (15 subjects)", "IT, monkey"), "EVC, human (15 subjects)"


def with_interval(file, keys, name):
    """The places of a number and of the two ends of its interval."""
    return [At(file, (*keys, name)), *(At(file, (*keys, "interval", k)) for k in range(2))]


RSVP = "figures/rsvp_features.json"
TOLD = ("networks", "cortex4, SOA 150 ms", "orientation")
HEARD = ("people", "SOA 150 ms", "orientation")
DEADLINES = "figures/speed_accuracy.json"


QUOTES = {
    # words of README, with {} for each number: where the numbers stand
    "tells orientation from step {} on (95 % interval of the onset {} to {})": [
        At(RSVP, (*TOLD, "onset", 0)),
        *(At(RSVP, (*TOLD, "onset_interval", 0, k)) for k in range(2)),
    ],
    "which holds nothing longer than a step, tells it at step {}": [
        At(RSVP, ("networks", "cortex4-twin, SOA 150 ms", "orientation", "onset", 0))
    ],
    "lead in both nets, by {}, {} and {} steps (recurrent, three seeds) and {}, {} and {} "
    "(feed-forward)": [
        At(LEAD, ("nets", f"{kind}, every step", "lead_of_coarse_in_steps", seed, "value"))
        for kind in ("recurrent", "feed-forward")
        for seed in range(3)
    ],
    "they still lead in the recurrent net ({}, {} and {}), and not in the feed-forward one": [
        At(LEAD, ("nets", "recurrent, last step", "lead_of_coarse_in_steps", seed, "value"))
        for seed in range(3)
    ],
    "trained at 10, with errors of {}, {} and {} %, they lose {}, {} and {} points when they are "
    "read out at 6, {}, {} and {} at 12, and {}, {} and {} at 15; on average over the memo's times "
    "{} points, with an interval of {} to {}, where": [
        *(At(LATER, ("error_by_readout_time", "test", "10", "by_seed", k), 100) for k in range(3)),
        *(
            At(LATER, ("test_error_less_that_at_the_trained_time", t, "by_seed", k), 100)
            for t in ("6", "12", "15")
            for k in range(3)
        ),
        At(LATER, ("claims", 0, "difference"), 100),
        *(At(LATER, ("claims", 0, "interval", k), 100) for k in range(2)),
    ],
    "{} [{}, {}], {} [{}, {}] and {} [{}, {}] points of error in the 1-, 2- and 3-state nets": [
        At(SHARED, ("claims", k, *keys), 100)
        for k in range(3)
        for keys in (("difference",), ("interval", 0), ("interval", 1))
    ],
    "undecided ({} points worse [{}, {}]); it beats the 3-state one (supported, by {})": [
        At(SHARED, ("claims", 3, "difference"), -100),
        *(At(SHARED, ("claims", 3, "interval", k), -100) for k in (1, 0)),
        At(SHARED, ("claims", 4, "difference"), 100),
    ],
    "their mean test errors are {} and {} %, where chance is 90 %; the larger is better by {}": [
        *(At(FEW, ("nets", f"{n} features", ANEW, "mean"), 100) for n in (30, 64)),
        At(FEW, ("claims", 2, "difference"), 100),
    ],
    "errs {} points more than the one that sees it once, with an interval of {} to {}, within": [
        At(ONCE, ("claims", 0, *keys), 100)
        for keys in (("difference",), ("interval", 0), ("interval", 1))
    ],
    "Errors {} % (image at step 1) and {} % (at every step), {} % with all transitions": [
        At(ONCE, ("nets", net, ANEW, "mean"), 100)
        for net in ("adjacent", "adjacent, inhomogeneous", "full")
    ],
    "accuracy {} ({}) and {} % ({}), cross-entropy with people {} ({}) and {} ({}), orientation "
    "{} ({}) and {} % ({}), difficulty {} ({}) and {} ({}); V4 {} ({}) and {} ({}), human IT {} "
    "({}) and {} ({}).": [
        At(SEEDS, ("quantities", what, net, name))
        for what in ("accuracy", "cross_entropy", "orientation", "difficulty", "v4", "human_it")
        for net in ("cortex4", "cortex4-twin")
        for name in ("mean", "sd")
    ],
    "a mask costs {} points ({}) at readout step 12 and {} points ({}) at step 8": [
        At(SEEDS, ("quantities", what, "cortex4", name))
        for what in ("mask_12", "mask_8")
        for name in ("mean", "sd")
    ],
    "{} points more error, with an interval of {} to {}, within the 2": [
        At(STATES, ("claims", 0, *keys), 100)
        for keys in (("difference",), ("interval", 0), ("interval", 1))
    ],
    "With four states all transitions are better, by {} points": [
        At(STATES, ("claims", 1, "difference"), 100)
    ],
    "three states {} % (all transitions) and {} % (neighbours), with four {} and {} %": [
        At(STATES, ("nets", f"{n} states, {which}", ANEW, "mean"), 100)
        for n in (3, 4)
        for which in ("full", "adjacent")
    ],
    "T = 3 is better than T = 2 by {} points and T = 10 by {}": [
        At(READOUT, ("claims", k, "difference"), 100) for k in (0, 3)
    ],
    "Errors {}, {}, {} and {} % at T = 2, 3, 5 and 10": [
        At(READOUT, ("nets", f"T = {t}", ANEW, "mean"), 100) for t in (2, 3, 5, 10)
    ],
    "for {}, {} and {} points of error more than with weights of its own at every step, at depth "
    "2, 4 and 9 (three seeds)": [At(DEPTH, ("claims", k, "difference"), 100) for k in range(3)],
    "At depth 9 {} parameters instead of {} and {} units instead of {}. The intervals of the cost "
    "at depth 4 and 9 are {} to {} and {} to {} points": [
        *(
            At(DEPTH, ("nets", f"{net}, T = 10", what))
            for what in ("parameters", "units")
            for net in ("recurrent", "feed-forward")
        ),
        *(At(DEPTH, ("claims", claim, "interval", k), 100) for claim in (1, 2) for k in range(2)),
    ],
    "larger in the feed-forward net by {} steps [{}, {}] (supported) and, as the mean difference "
    "of the two shares of the gain at steps 2 to 9, by {} [{}, {}] (undecided); in the recurrent "
    "net by {} steps [{}, {}] (undecided), and by the shares it makes it smaller, by {} [{}, {}] "
    "(against)": [
        At(LEAD, ("claims", k, *keys), sign)
        for k, sign, ends in ((5, 1, (0, 1)), (4, 1, (0, 1)), (2, 1, (0, 1)), (1, -1, (1, 0)))
        for keys in (("difference",), *(("interval", end) for end in ends))
    ],
    "orientation is told from {} ms on ({} to {})": [
        At(RSVP, (*HEARD, "onset_ms")),
        *(At(RSVP, (*HEARD, "onset_interval_ms", k)) for k in range(2)),
    ],
    "reaches half of its maximum {} ms after that of V1 (95 % interval with the bins {} to {})": (
        with_interval(LATENCY, HALF_RATE, "difference_ms")
    ),
    "variance of its rates over stimuli {} ms after ({} to {})": (
        with_interval(LATENCY, HALF_SELECTIVITY, "difference_ms")
    ),
    "onset of V1's rate is {} ms in spikes/s and {} ms in standard deviations": [
        At(LATENCY, ("measured", "V1", "rate", scale, "onset", "latency_ms"))
        for scale in ("as recorded", "by baseline")
    ],
    "In the same bins of {} ms": [At(LATENCY, ("bin_ms",))],
    "slope {} per 100 ms, 95 % interval {} to {}": with_interval(COURSE, SLOPE, "slope"),
    "cortex4 and human IT ({} subjects, {} images)": [
        At(COURSE, ("IT, human (15 subjects)", "settings", name))
        for name in ("subjects", "conditions")
    ],
    "Spearman correlation of {} with IT of the monkey and of {} with that of {} people (92 images; "
    "block 0: {} and {})": [
        *(At(COURSE, (*POSITIVE[who], "block13", "evaluation")) for who in ("monkey", "people")),
        At(COURSE, (*POSITIVE["people"][:-1], "settings", "subjects")),
        *(At(COURSE, (*POSITIVE[who], "block0", "evaluation")) for who in ("monkey", "people")),
    ],
    "nearly always by V4 at step 4, reaches {}, its feed-forward twin {}, the untrained network "
    "{}, efficientnet-lite0 {}.": [
        At(V4, ("best_chosen_elsewhere", net, "r_noise_corrected"))
        for net in ("cortex4", "twin", "untrained", "efficientnet-lite0")
    ],
    "than V2 at step 3 by {} [{}, {}] and than IT at step 5 by {} [{}, {}]; the twin's V4 is "
    "better by {} [{}, {}]": [
        At(V4, ("tests", row, *keys), sign)
        for row, sign, ends in ((1, 1, (0, 1)), (2, 1, (0, 1)), (6, -1, (1, 0)))
        for keys in (("difference",), *(("interval", end) for end in ends))
    ],
    "V4 is better than IT at p < 0.05 in {} of {} divisions, the twin's V4 better than cortex4's "
    "in {} of them": [
        At(V4, ("other_folds", "less", "IT@5 of cortex4", "p_below_0.05")),
        At(V4, ("other_folds", "seeds", -1)),  # 1, 2, 3, ...
        At(V4, ("other_folds", "less", "V4@3 of twin", "p_below_0.05")),
    ],
    "accuracy at step 8 is {} (intact {}), without that of one area {} (V1), {} (V2), {} (V4) and "
    "{} (IT), without feedback {}.": [
        At(LOCAL, ("accuracy_with_statistics_of_the_lesion", lesion, "8"))
        for lesion in (
            *(LATERAL, "intact"),
            *(f"F of {area}->{area} silenced" for area in ("V1", "V2", "V4", "IT")),
            "feedback blocked",
        )
    ],
    "of V4, human IT and difficulty {}, {} and {}, without the first seed {}, {} and {}": [
        At(SEEDS, ("quantities", what, "test", *keys))
        for keys in (("p_holm",), ("without_the_first_seed", "p_holm"))
        for what in ("v4", "human_it", "difficulty")
    ],
    "monkey IT than cortex4 has p = {}, {} and {} over trainings in this family of 20 tests, and "
    "{} (V4, human IT) in that of over_seeds": [
        *(
            At(TRAINED, ("targets", it, "over_trainings", "recurrence", "p_holm"))
            for it in ("V4, macaque (neurons)", *ITS)
        ),
        At(SEEDS, ("quantities", "v4", "test", "p_holm")),
    ],
    "(p = {} in one family of tests, {} in another, for these people and images": [
        At(SEEDS, ("quantities", "human_it", "test", "p_holm")),
        At(TRAINED, ("targets", ITS[0], "over_trainings", "recurrence", "p_holm")),
    ],
    "would seem to leave {}, {} and {} of an accuracy of {}": [
        At(LOCAL, ("accuracy_of_the_readout", lesion, "8"))
        for lesion in (LATERAL, "F of V1->V1 silenced", "feedback blocked", "intact")
    ],
    "at readout step 12, {} points of accuracy instead of {}.": [
        At(MASKING, ("networks", "cortex4", *keys, "losses", "loss", 8), 100)  # steps from 4 on
        for keys in (("bundled_statistics",), ())
    ],
    "| test error, % |" + " {} |" * 4 + " **{}** |" + " {} |" * 4: [
        At(CARD.format("cortex4"), ("test_error_by_readout", step), 100) for step in BY_STEP
    ],
    "trained alike (same recipe, seed, epochs): {} % at every step from 4 on": [
        At(CARD.format("cortex4-twin"), ("test_error",), 100)
    ],
    "cortex4 {}, {}, {}, {} and {} % for seeds 0 to 4, the twin {}, {}, {}, {} and {} % for seeds "
    "0 to 4": [
        At(CARD.format(f"{net}{seed}"), ("test_error",), 100)
        for net in ("cortex4", "cortex4-twin")
        for seed in ("", "-seed1", "-seed2", "-seed3", "-seed4")
    ],
    "human IT ({}) and monkey IT ({}) than each of its five trainings on CIFAR-10 ({} to {} and {} "
    "to {}); over trainings that is not shown (p = {} and {}, Holm), and its twin is less similar "
    "to human IT ({}) than each of the twins of CIFAR-10 ({} to {})": [
        *(At(TRAINED, ("targets", it, "networks", "photographs", "value")) for it in ITS),
        *(
            At(TRAINED, ("targets", it, "trainings", "cortex4", k))
            for it, ends in zip(ITS, ((3, 4), (0, 3)), strict=True)
            for k in ends
        ),
        *(At(TRAINED, ("targets", it, "over_trainings", "images", "p_holm")) for it in ITS),
        At(TRAINED, ("targets", ITS[0], "networks", "photographs twin", "value")),
        *(At(TRAINED, ("targets", ITS[0], "trainings", "twin", k)) for k in (3, 1)),
    ],
    "worse over units and images (by {} [{}, {}]), and their twin is better than it by {} "
    "[{}, {}]": [
        At(TRAINED, ("targets", "V4, macaque (neurons)", "contrasts", contrast, *keys), -1)
        for contrast in ("images", "recurrence, photographs")
        for keys in (("difference",), ("interval", 1), ("interval", 0))
    ],
    "A network of ImageNet at its full size reaches {} and {} in IT. In early visual cortex five "
    "trainings of one net and recipe lie between {} and {}, and that network is at {}": [
        *(At(TRAINED, ("targets", it, "networks", "efficientnet-lite0", "value")) for it in ITS),
        *(At(TRAINED, ("targets", EVC, "trainings", "cortex4", k)) for k in (2, 1)),
        At(TRAINED, ("targets", EVC, "networks", "efficientnet-lite0", "value")),
    ],
    "The nets of photographs, one training each, name {} and {} % of images of 200 classes": [
        At(CARD.format(f"cortex4-{net}photographs"), ("test_error",), 100) for net in ("", "twin-")
    ],
    "(neighbouring pixels differ by {} and {} of 255), so that the errors include a change of": [
        At(SOFTENED, ("mean_difference_of_horizontal_neighbours", which))
        for which in ("validation", "training")
    ],
    "as sharp as the training images, {} and {} %": [
        At(SOFTENED, ("networks", "cortex4-photographs", SOFT, f"top{k}_error"), 100)
        for k in (1, 5)
    ],
    "it errs on {} % ({} % among five; softened {} and {} %)": [
        *(
            At(CARD.format("cortex4-twin-photographs"), (name,), 100)
            for name in ("test_error", "test_error_top5")
        ),
        *(
            At(SOFTENED, ("networks", "cortex4-twin-photographs", SOFT, f"top{k}_error"), 100)
            for k in (1, 5)
        ),
    ],
    "it errs on {} % at step 8, on {} % among its five best answers": [
        At(CARD.format("cortex4-photographs"), (name,), 100)
        for name in ("test_error", "test_error_top5")
    ],
    "it errs on {} % at step 4, {} % at step 8 and {} % at step 12; under the presentations of its "
    "training, masked and not, on {} % at step 12": [
        *(
            At(CARD.format("cortex4-masked"), ("test_error_by_readout", t), 100)
            for t in ("4", "8", "12")
        ),
        At(
            CARD.format("cortex4-masked"),
            ("presentation", "test_error_by_readout", "all", "12"),
            100,
        ),
    ],
    "trained at every step from 4 on, it is {} points [{}, {}], in cortex4 {} [{}, {}]; from step "
    "8 to 12 cortex4's accuracy falls by {} [{}, {}].": [
        At(PREDICTIONS, ("table", row, *keys), sign)
        for row, sign, ends in ((14, 100, (0, 1)), (4, 100, (0, 1)), (5, -100, (1, 0)))
        for keys in (("effect",), *(("interval", end) for end in ends))
    ],
    "A decoder reads {} and {} % from cortex4's V1 and V2 without a mask": [
        At(PREDICTIONS, ("table", row, "accuracies", 0), 100) for row in (6, 7)
    ],
    "what it loses after one is {} points [{}, {}] in V1 and {} [{}, {}] in V4 (not shown, "
    "corrected), {} and {} in V2 and IT. In an earlier training of this seed it was V4 and not V2, "
    "beside IT. The distance from the course without a mask is {} in V1, nearly that of two images "
    "({}), and {} in IT ({}).": [
        *(
            At(PREDICTIONS, ("table", row, *keys), 100)
            for row in (6, 8)
            for keys in (("effect",), ("interval", 0), ("interval", 1))
        ),
        *(At(PREDICTIONS, ("table", row, "effect"), 100) for row in (7, 9)),
        *(
            At(PREDICTIONS, ("table", row, *keys))
            for row in (6, 9)
            for keys in (("distance", "value"), ("distance_of_different_images",))
        ),
    ],
    "In the 300 images of the lesions the mask costs {} points at step 12": [
        At(MASKING, ("networks", "cortex4", "lesions", "none", "losses", "loss", 8), 100)
    ],
    "(Spearman's rho {} [{}, {}] over {}).": [
        At(MASKING, ("networks", "cortex4", "people", "maniquet", "spearman", *keys))
        for keys in (("value",), ("interval", 0), ("interval", 1), ("tasks",))
    ],
    "points at 25 ms, 86 %, and {} % at 50 ms": [
        At(MASKING, ("people", "losses", "share_above_chance", 1), 100)
    ],
    "and than at step 12 ({}). Beside its twin's": [
        At("figures/behavior.json", ("nets", "cortex4", "cross_entropy", "cross_entropy", 8))
    ],
    "rise or fall (V2's {} per 100 ms [{}, {}])": with_interval(
        COURSE, (*SLOPE[:-1], "V2"), "slope"
    ),
    "matters to V4, which falls (p = {}), and to IT, which rises ({}; not corrected": [
        At(COURSE, ("controls, human IT", state, "trend_p_shuffled")) for state in ("V4", "IT")
    ],
    "b = {} ms [{}, {}], more than the declared 20 to 50, and a = {} ms [{}, {}], where 0": [
        At(DEADLINES, ("networks", "cortex4", "mapping", "free", *keys))
        for of in ("b_ms", "a_ms")
        for keys in ((of,), (f"{of}_interval", 0), (f"{of}_interval", 1))
    ],
    "V1 is below zero at every step ({} to {}); that the best state moves from V1 to IT is "
    "not shown ({} [{}, {}]).": [
        *(At(COURSE, (EVC, "models", "V1", "evaluation", k)) for k in (2, 1)),  # least and most
        *with_interval(COURSE, ("shift from EVC to IT",), "contrast"),
    ],
    "By {} to {} ms, as the criterion is chosen": [
        At(LATENCY, ("IT minus V1", measure, scale, "half_maximum", "difference_ms"))
        for measure, scale in (("selectivity", "by baseline"), ("rate", "as recorded"))
    ],
    "selectivity no delay is shown ({} ms, {} to {}).": with_interval(
        LATENCY, (*HALF_SELECTIVITY[:-1], "onset"), "difference_ms"
    ),
    "near chance, even without noise ({} % at most, people {} %). With noise at full contrast b is "
    "{} ms [{}, {}] and {} ms [{}, {}] are left for all that is not steps": [
        At(DEADLINES, ("networks", "cortex4", "accuracy", "noise 0", 6), 100),
        At(DEADLINES, ("people", "curves", "noise 0", "accuracy", -1), 100),
        *(
            At(DEADLINES, ("networks", "cortex4, noise at full contrast", "mapping", "free", *keys))
            for of in ("b_ms", "a_ms")
            for keys in ((of,), (f"{of}_interval", 0), (f"{of}_interval", 1))
        ),
    ],
    "no published network here passes {} (the ceiling begins at {})": [
        At(COURSE, ("positive controls", EVC, "resnet56", "models", "block25", "evaluation")),
        At(COURSE, ("positive controls", EVC, "resnet56", "ceiling", 0)),
    ],
    "images (p = {}, without the first seed {}): over people and images": [
        At(SEEDS, ("quantities", "human_it_slope", "test", *keys, "p_holm"))
        for keys in ((), ("without_the_first_seed",))
    ],
    "trained on CIFAR-10, {} parameters": [At(CARD.format("cortex4"), ("parameters",))],
    "with lateral and feedback transitions between neighbours | 8 | {} |": [
        At(CARD.format("cortex4"), ("parameters",))
    ],
    "its feed-forward twin (any `NAME-twin` can be built) | 8 | {} |": [
        At(CARD.format("cortex4-twin"), ("parameters",))
    ],
    "{} % errors instead of {} for `cortex4`, {} instead of {} for its twin": [
        At("docs/mirror.json", ("networks", net, what), 100)
        for net in ("cortex4", "cortex4-twin")
        for what in ("mirrored_test_error", "test_error")
    ],
    "30 epochs of all images its test error is {} instead of": [
        At(CARD.format("cortex4"), ("test_error",), 100)
    ],
    "ends at {} ± {} % error with it, at {} ± {} % with `modern`, at {} ± {} % with Muon alone": [
        At(RECIPES, ("choices", choice, name), 100)
        for choice in ("m06-all", "modern", "m06")
        for name in ("held_out_error_mean", "sd")
    ],
    "as in training: {} ± {} % with `--ema 0.95`, {} ± {} % with 0.98.": [
        At(RECIPES, ("choices", choice, name), 100)
        for choice in ("all-ema95", "all-ema98")
        for name in ("held_out_error_mean", "sd")
    ],
    "on {} % of the 5,000 held out with `fast`, on {} % with `modern` and on {} % with `memo`": [
        At(RECIPES, ("curves", "recipes", recipe, "held_out_error_by_epoch", -1), 100)
        for recipe in ("fast", "modern", "memo")
    ],
    "After 16 epochs of all 50,000 training images `fast` ends at {} % error on the 10,000 test": [
        At(RECIPES, ("sixteen_epochs", "test_error"), 100)
    ],
}
# What else a caption may hold: names, years, confidence, and rounded words of the sentence itself.
NO_RESULTS = r"et al\. \d{4}|cortex4|V4 at step 4|V[124]\b|95 %|100 ms|CIFAR-10H?"
CHECKED = ("neural_latency", "rsa_timecourse", "v4_encoding")  # nothing there is unread


def spoken(words):
    """The pattern of a quotation, one group a number."""
    parts = [re.escape(part) for part in " ".join(words.split()).split("{}")]
    return f"({NUMBER})".join(parts)


def disagreement(quoted, value):
    """What the file says where a quoted number is not it, rounded to as many digits."""
    number = Decimal(quoted.replace(",", ""))
    places = max(0, -number.as_tuple().exponent)
    half = 0.5 * 10.0**-places
    return None if abs(float(number) - value) <= half * 1.0001 else f"{value:.{places + 2}f}"


@pytest.mark.parametrize("words", QUOTES)
def test_a_number_of_readme_is_that_of_its_file(words):
    found = re.findall(spoken(words), everything())
    assert len(found) == 1, f"README says {words!r} {len(found)} times: mend QUOTES, or README"
    quoted = found if isinstance(found[0], str) else list(found[0])
    expected = QUOTES[words]
    assert len(quoted) == len(expected)
    wrong = {
        q: (said, place)
        for q, place in zip(quoted, expected, strict=True)
        if (said := disagreement(q, place.value())) is not None
    }
    assert not wrong, f"README quotes {wrong}: (what the file says, where)"


@pytest.mark.parametrize("figure", CHECKED)
def test_no_number_of_a_caption_is_left_unread(figure):
    entry = tomllib.loads((ROOT / "docs" / "gallery.toml").read_text())[figure]
    caption = " ".join(f"{entry['answer']} {entry['caption']}".split())
    for words in QUOTES:
        caption = re.sub(spoken(words), "", caption)
    left = re.findall(NUMBER, re.sub(NO_RESULTS, "", caption))
    assert not left, f"the caption of {figure} quotes {left}, which no row of QUOTES reads"


CLAIMED = sorted(
    path.stem
    for path in (ROOT / "figures").glob("*.json")
    if "claims" in json.loads(path.read_text())["results"]
)
VERDICTS = re.compile(r"\b(supported|against|undecided)\b", re.IGNORECASE)


def verdicts(text):
    """The words of verdict that a text has."""
    return {word.lower() for word in VERDICTS.findall(text)}


@pytest.mark.parametrize("figure", CLAIMED)
def test_the_verdicts_that_pages_give_are_those_of_the_claims(figure):
    claims = json.loads((ROOT / "figures" / f"{figure}.json").read_text())["results"]["claims"]
    found = {one["verdict"] for one in claims}
    entry = tomllib.loads((ROOT / "docs" / "gallery.toml").read_text())[figure]
    assert verdicts(f"{entry['answer']} {entry.get('caption', '')}") == found
    memo = (ROOT / "docs" / "explanation" / "memo.md").read_text().splitlines()
    rows = [line for line in memo if f"/{figure}.md)" in line]
    assert [verdicts(row) for row in rows] == [found] * figure.startswith("fig")


def test_least_and_most_are_read_where_they_stand():
    """Quotations name places; of the least and the most of several numbers these must be theirs."""
    course, trained = content(COURSE), content(TRAINED)["targets"]
    v1 = course[EVC]["models"]["V1"]["evaluation"]
    assert (min(v1), max(v1)) == (v1[2], v1[1])
    upper = course[EVC]["models"]["V1"]["interval"][1]
    assert max(upper) < 0  # below zero at every step
    for it, (least, most) in zip(ITS, ((3, 4), (0, 3)), strict=True):
        trainings = trained[it]["trainings"]["cortex4"]
        assert (min(trainings), max(trainings)) == (trainings[least], trainings[most])
    twins = trained[ITS[0]]["trainings"]["twin"]
    assert (min(twins), max(twins)) == (twins[3], twins[1])
    noise = content(DEADLINES)["networks"]["cortex4"]["accuracy"]["noise 0"]
    assert max(noise) == noise[6]
    slopes = course["IT, human (15 subjects)"]["slope_per_100_ms"].values()
    assert all(one["interval"][0] < 0 < one["interval"][1] for one in slopes)  # none shown


def kept():
    """The cards of the kept runs of the memo's figures."""
    return [
        json.loads(path.with_suffix(".json").read_text())
        for path in sorted(ROOT.glob("data/memo/*/*.json"))
        if path.stem in path.parent.name and "seconds" in path.read_text()
    ]


def test_the_errors_of_the_kept_runs_are_those_that_the_memos_page_gives():
    errors = [100 * card["test_error"] for card in kept()]
    assert len(errors) == 75
    assert max(errors) < 35
    assert np.median(errors) < 20
    said = f"All {len(errors)} trainings err on less than 35 % of the test images, on {{}} % at "
    said += "most, half of them on {} % or less"
    expected = [max(errors), np.median(errors)]
    found = re.findall(spoken(said), everything())
    assert len(found) == 1
    assert [disagreement(q, v) for q, v in zip(found[0], expected, strict=True)] == [None, None]


def test_the_core_hours_and_rates_of_the_weights_page_are_those_of_the_cards():
    weights = [json.loads(f.read_text()) for f in ROOT.glob("data/weights/*.json")]
    recipe = content(RECIPES)
    trials = [*recipe["trials"], *recipe["curves"]["recipes"].values(), recipe["sixteen_epochs"]]
    hours = [sum(run["seconds"] for run in runs) / 3600 for runs in (weights, kept(), trials)]
    said = (
        "{} hours for these weights (on one thread each, cortex4 from its seventh epoch on two), "
    )
    said += "{} "
    said += "for the 75 trainings of the memo's figures and {} "
    found = re.findall(spoken(said + "for the trials of the recipe `fast`"), everything())
    assert len(found) == 1
    assert [disagreement(q, v) for q, v in zip(found[0], hours, strict=True)] == [None] * 3
    four = {
        net: [10 * c["seconds"] / 3600 for c in kept() if c["name"] == net]
        for net in ("cortex4-adjacent", "cortex4-full")
    }
    said_of_four = "{} core-hours a seed with neighbours only, {} with all transitions"
    found = re.findall(spoken(said_of_four + " (ten times"), everything())
    means = [np.mean(hours) for hours in four.values()]
    assert [disagreement(q, v) for q, v in zip(found[0], means, strict=True)] == [None, None]
    limit = 110e9  # multiply-adds a second of a bare product in bfloat16 on one thread
    rates = []
    for net in ("cortex4", "cortex4-twin"):
        seconds = [c["seconds"] for c in weights if re.fullmatch(f"{net}-seed[1-4]", c["name"])]
        rate = 4 * 30 * 50_000 / sum(seconds)
        rates += [rate, 100 * 3 * rate * multiply_adds(spec(net)) / limit]
    said = "cortex4 learned from {} images a second, {} % of the 110 G multiply-adds a second of a "
    said += "bare matrix product on that core, its twin from {}, {} %"
    found = re.findall(spoken(said), everything())
    assert len(found) == 1
    assert [disagreement(q, v) for q, v in zip(found[0], rates, strict=True)] == [None] * 4


@pytest.mark.parametrize(
    ("quoted", "value", "agrees"),
    [
        ("46", 46.397, True),
        ("46", 46.51, False),
        ("13.4", 13.36, True),
        ("13.3", 13.36, False),
        ("-0.024", -0.023975, True),
        ("0.024", -0.023975, False),
        ("209,530", 209530, True),
        ("209,531", 209530, False),
        ("12.1", 12.15, True),  # either way
        ("12.2", 12.15, True),
    ],
)
def test_quotations_agree_to_the_digits_they_have(quoted, value, agrees):
    assert (disagreement(quoted, value) is None) == agrees
