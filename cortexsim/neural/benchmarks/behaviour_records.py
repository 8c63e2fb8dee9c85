"""The records of benchmarks of behaviour and of the literature: what each is, and whose."""

from __future__ import annotations

from cortexsim.neural.benchmarks.benchmark import Benchmark, File


def _geirhos() -> tuple[str, ...]:
    """90 files: experiment and number of participants."""
    experiments = (
        "colour 4, contrast 4, cue-conflict 10, edge 10, eidolonI 4, eidolonII 4, eidolonIII 4, "
        "false-colour 4, high-pass 4, low-pass 4, phase-scrambling 4, power-equalisation 4, "
        "rotation 4, silhouette 10, sketch 7, stylized 5, uniform-noise 4"
    )
    return tuple(
        f"raw-data/{name}/{name}_subject-{subject + 1:02d}_session_1.csv"
        for name, count in (e.split() for e in experiments.split(", "))
        for subject in range(int(count))
    )


def _kumbhar() -> tuple[str, ...]:
    """33 files: the day and time at which each observer's was saved, in the order of observers."""
    saved = {
        "all_noise_final": "20210428 234345 234352 234404 234410 234438 234453, "
        "20210506 122947 122955 123005 155542 155553 155608, "
        "20210523 104052 104104 104115 104126 104135 104149 104201 104221",
        "blur_results": "20210526 111124 111130 111135 111223 111232",
        "blur_results/new_res": "20210526 111240 111247",
        "color_gray": "20210523 222817 222823 222827 222832 222838 222843",
    }
    return tuple(
        f"human_data/{folder}/jatos_results_{day}{time}.txt"
        for folder, days in saved.items()
        for day, *times in (d.split() for d in days.split(", "))
        for time in times
    )


BEHAVIOUR = (
    Benchmark(
        "tang-masking",
        "tang",
        "human recognition of occluded objects, 23,400 trials: correct and reaction time by SOA, "
        "with and without a backward mask",
        "Human recognition of occluded objects with and without backward masking, trial by trial",
        "Tang, Schrimpf, Lotter, Moerman, Paredes, Ortega Caro, Hardesty, Cox & Kreiman 2018, "
        "Proc Natl Acad Sci USA 115:8835-8840",
        "none stated",
        "10.1073/pnas.1719397115",
        "kreimanlab/occlusion-classification",
        "94514806fb90da6f91193e86d97de7653c4a0247",
        (
            File(
                "tang2018_pattern_completion/exp1_v2.csv.gz",
                894770,
                "f07e1e2a5c033c7641ad53dc7ee97bbecabc6600283dff45996a505b65366cc8",
                "13,000 trials of experiment 1",
                ("data/data_occlusion_klab325v2.mat",),
            ),
            File(
                "tang2018_pattern_completion/exp2_v3.csv.gz",
                619399,
                "9271744b639e79f038a4fd52366e1da501bafc559e4a9b34b2087a53653acef6",
                "10,400 trials of experiment 2",
                ("data/data_occlusion_klab325v3.mat",),
            ),
            File(
                "tang2018_pattern_completion/stimuli_occluded_example_325.npz",
                1699842,
                "a092e9052d8b0087bb8784be8344a6615094a565b80560737669caaa2dd13afc",
                "one occluded rendering of each object",
                ("data/KLAB325-occluded.mat",),
            ),
        ),
        "The SOA is the presentation time; a mask, if any, follows at once. Chance is 0.2. The "
        "images are one example of an occluded rendering of each object, not what was shown in a "
        "trial; where the object was visible in a trial is in bubble. In experiment 2 some "
        "objects were whole; partial is the source's flag: it is said to be 0 behind an occluder, "
        "but trials with 0 resemble experiment 1 more than those with 1 do.",
    ),
    Benchmark(
        "maniquet-masking",
        "maniquet",
        "human recognition under 17 manipulations, 218 participants: accuracy and reaction time "
        "with and without a mask; confusions, also of models",
        "Human recognition under 17 image manipulations, with and without a backward mask, and "
        "the confusions of humans and models",
        "Maniquet, Op de Beeck & Costantino 2025, Sci Rep, doi:10.1038/s41598-025-20245-w",
        "MIT",
        "10.1038/s41598-025-20245-w",
        "TimManiquet/recurrent_issues_DNNs",
        "a8245984f0ba94ad43db7a985354dfc2d9542860",
        tuple(
            File(
                f"maniquet2025_masking/{name}",
                size,
                content,
                what,
                ("data/processed", "data/external/lists.json"),
            )
            for name, size, content, what in (
                (
                    "human_by_task.csv",
                    5031,
                    "53c6111b82a78e8596f1c76459ac9b53b419b3c98b779ee0d9905d543dd22fcb",
                    "accuracy and reaction time by task",
                ),
                (
                    "performance_vectors_humans_and_models.csv",
                    6170,
                    "622c9d0cc8e19fdee2d7072e636d6a4e8a80ce4092dc29fdaf1d487af61c69dc",
                    "accuracy by task and reaction time",
                ),
                (
                    "participants.npz",
                    11956,
                    "6ed069f6f288f3a898bf18c68f606ffe0605bf1a98ec75e070c53e827acf1344",
                    "accuracy and reaction time by participant",
                ),
                (
                    "confusion_matrices.npz",
                    49648,
                    "6987cc34a34d77d2c21bc0280c4758805ea35fc21d0e4999b6eb1f9c210b013c",
                    "confusion matrices",
                ),
            )
        ),
        "Tasks that a participant did not do are NaN. Confusions are counts of (true category, "
        "response).",
    ),
    Benchmark(
        "geirhos-behaviour",
        "geirhos",
        "human 16-way recognition under 17 kinds of degradation, 85,120 trials with reaction times",
        "Human 16-way object recognition under image degradations, trial by trial",
        "Geirhos, Temme, Rauber, Schuett, Bethge & Wichmann 2018, arXiv:1808.08750; Geirhos et "
        "al. 2019, arXiv:1811.12231; Geirhos et al. 2021, arXiv:2106.07411",
        "code MIT; responses: see licenses/LICENSES_OVERVIEW.md of the repository (ImageNet "
        "terms, CC-BY-4.0, MIT, by experiment)",
        "",
        "bethgelab/model-vs-human",
        "79ed7cd1d9ac3a114e71b6638f0a98bdd627316c",
        (
            File(
                "geirhos_model_vs_human/human_trials.csv.gz",
                1936631,
                "3db3723a3597f67595a684deab8da280de23d97ae091bfec1260b5d09ebaea88",
                "all trials",
                _geirhos(),
                converter="geirhos",
            ),
        ),
        "An image is shown for 200 ms, then a mask of 1/f noise for 200 ms. Chance is 1/16. A "
        "trial without a response ('na') counts as not correct and has no reaction time.",
    ),
    Benchmark(
        "kumbhar-deadlines",
        "kumbhar",
        "human recognition of CIFAR-10 images with the answer due at 200 to 1000 ms, 33 people, "
        "43,500 trials: clean, noisy, blurred, grey",
        "Speed and accuracy of people on CIFAR-10 images with forced deadlines, trial by trial",
        "Kumbhar, Subramanian, Sizikova, Majaj & Pelli 2021, Using Dynamic Neural Networks to "
        "Model the Speed-Accuracy Trade-Off in People; data: https://osf.io/zkvep",
        "CC BY 4.0 (the data)",
        "",
        "omkar-kumbhar/anytime-prediction",
        "e91bf2ae37068c8719a38cb2361d393fce30da6d",
        (
            File(
                "kumbhar2021_speed_accuracy/trials.csv.gz",
                386495,
                "0a73ba4fc420e37ce80d73f4da4fd19fd72984b6c5426cf7c608e4cd8bf090a2",
                "all trials but the tutorials",
                _kumbhar(),
                converter="kumbhar",
            ),
        ),
        "A beep at the deadline; the answer was due within 60 ms of it. The authors keep answers "
        "within 100 ms of the deadline: from_trials(..., within_ms=100). Ten keys; some observers "
        "seem not to have known them (0.15 to 0.89 correct on clean images, late). The number of "
        "an image counts within its class in the experiment's folder: no CIFAR index is given, so "
        "that images cannot be matched one by one. Twelve answers have no reaction time.",
    ),
    Benchmark(
        "cifar10h",
        "cifar10h",
        "how about 50 people labelled each of the 10,000 CIFAR-10 test images",
        "Human label distributions of the CIFAR-10 test images",
        "Peterson, Battleday, Griffiths & Russakovsky 2019, ICCV, arXiv:1908.07086",
        "CC BY-NC-SA 4.0",
        "",
        "jcpeterson/cifar-10h",
        "48da312b193b82e6939ec20f23d1f09cbdd849c8",
        (
            File(
                "cifar10h/cifar10h-counts.npy",
                800128,
                "2b7f08acce99844eafb4d0b47435dc4d447c25999655718007e705f94892a787",
                "counts",
                ("data/cifar10h-counts.npy",),
                sha256="9b36b4550349af56c79083356312eb4af856cc5fd3caf1f669d40b9d0bbb69ff",
            ),
            File(
                "cifar10h/cifar10h-probs.npy",
                800128,
                "54aab4ce13fbcbca20573d9a7387a17c422b06ec7b164c1946e9f05114bfbf08",
                "probabilities",
                ("data/cifar10h-probs.npy",),
                sha256="436ae98620e00073f9d08585ac870573b588853e7af9f54eb1647408114af77d",
            ),
        ),
        "The ids are those of `--stimuli cifar10`.",
    ),
    Benchmark(
        "latencies",
        "latencies",
        "onset latencies of visual areas from the literature, with the source and standing of "
        "every number",
        "Onset latencies of the visual areas of primates, from the literature",
        "each row has its own source",
        "MIT (numbers from the literature, cited in each row)",
        notes="status says whether a number was read in the source (or its abstract) or in a "
        "secondary one, whose page the note names; numbers that nobody read are not in the table.",
    ),
)
