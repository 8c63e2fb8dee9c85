"""The benchmarks: what each is, whose it is, and where its files come from, pinned by commit and by sha256."""

from __future__ import annotations

from cortexsim.neural.benchmarks.benchmark import Benchmark, BenchmarkError, File


def _zhang_desimone() -> tuple[str, ...]:
    """132 units: how many on each of 4 electrodes, for sessions 1001 to 1021; a letter tells the units of an electrode apart."""
    counts = "1111 1111 1122 1112 1113 1222 1112 1211 1212 2211 2111 1121 2111 2211 3213 2121 2221 4232 2312 2231 1133"
    folder = "data-raw/raster/Zhang_Desimone_7object_raster_data_mat"
    return tuple(
        f"{folder}/bp{1001 + session}spk_{electrode + 1:02d}{letter}_raster_data.mat"
        for session, electrodes in enumerate(counts.split())
        for electrode, units in enumerate(electrodes)
        for letter in "ABCD"[: int(units)]
    )


def _geirhos() -> tuple[str, ...]:
    """90 files: experiment and number of participants."""
    experiments = (
        "colour 4, contrast 4, cue-conflict 10, edge 10, eidolonI 4, eidolonII 4, eidolonIII 4, false-colour 4, high-pass 4, low-pass 4, "
        "phase-scrambling 4, power-equalisation 4, rotation 4, silhouette 10, sketch 7, stylized 5, uniform-noise 4"
    )
    return tuple(
        f"raw-data/{name}/{name}_subject-{subject + 1:02d}_session_1.csv"
        for name, count in (e.split() for e in experiments.split(", "))
        for subject in range(int(count))
    )


def _grootswagers() -> tuple[str, ...]:
    """256 gratings: four levels of each feature, contrast slowest and spatial frequency fastest."""
    return tuple(
        f"stimuli_small/stim{i:03d}_ori{i // 4 % 4}_sf{i % 4}_color{i // 16 % 4}_contrast{i // 64}.png"
        for i in range(256)
    )


_DEMOS = "demos/92imageData"
_ALL = (
    Benchmark(
        "kriegeskorte92",
        "kriegeskorte92",
        "92 object images: RDMs of monkey IT, of human IT by subject and session, of similarity judgements and of models; the images",
        "Monkey and human IT, similarity judgements and model RDMs of 92 object images",
        "Kriegeskorte, Mur, Ruff, Kiani, Bodurka, Esteky, Tanaka & Bandettini 2008, Neuron 60:1126-1141; monkey: Kiani, "
        "Esteky, Mirpour & Tanaka 2007, "
        "J Neurophysiol 97:4296-4309; judgements: Mur et al. 2013, Front Psychol 4:128",
        "repository MIT; the data's own licence is not stated (distributed with the RSA toolbox since 2013)",
        "10.1016/j.neuron.2008.10.043",
        "rsagroup/rsatoolbox",
        "f1f83cadb7243492a1aae7460466e0f0140b20ac",
        (
            File(
                "kriegeskorte2008_92images/kriegeskorte2008_92.npz",
                5809062,
                "925e1ac74ff938e885897415588a3850a3f05d069c65c6a38a799dcda690a86b",
                "images and all RDMs",
                (
                    f"{_DEMOS}/Kriegeskorte_Neuron2008_supplementalData.mat",
                    f"{_DEMOS}/92_brainRDMs.mat",
                    f"{_DEMOS}/92_behavRDMs.mat",
                    f"{_DEMOS}/92_modelRDMs.mat",
                    f"{_DEMOS}/rdm92_HMAXnatImPatch.mat",
                    "demos/rdms_inferring/modelRDMs_A2020.mat",
                ),
                converter="kriegeskorte92",
            ),
        ),
        "No time axis. monkey_IT: 674 neurons; human_IT: fMRI, 316 voxels. The published group RDM of human IT is the "
        "mean over subjects and sessions. "
        "In models, EVA is the RDM of human early visual cortex and monkeyIT is monkey_IT once more.",
    ),
    Benchmark(
        "cichy92-fmri",
        "cichy92",
        "human fMRI RDMs of EVC and IT, 15 subjects, the same 92 images",
        "RDMs of human early visual cortex and IT (fMRI) for the 92 object images, 15 subjects",
        "Cichy, Pantazis & Oliva 2014, Nat Neurosci 17:455-462; Cichy et al. 2019, arXiv:1905.05675 (Algonauts)",
        "repository BSD-3; the terms of the data are not stated there",
        "10.1038/nn.3635",
        "ToastyDom/Net2Brain",
        "897563d2a3a09396777a347e64798be342de2281",
        (
            File(
                "algonauts2019_fmri/92images_fmri_EVC_RDMs.npz",
                1015948,
                "8a7e7706d5478a2d33bc46b54b08a2fc3a95559f0970d11858c6de48c55a9d10",
                "RDMs of early visual cortex",
                ("input_data/brain_data/92images_fmri_EVC_RDMs.npz",),
                sha256="c73de20f9cb2229f1796085e79c153f63a4287b8bf7faaf7531571b1898d3f8b",
            ),
            File(
                "algonauts2019_fmri/92images_fmri_IT_RDMs.npz",
                1015948,
                "fcdd564ada3cfae98eebaf1ed61973d005e4c5b5569573f29463d53bb344d8c3",
                "RDMs of IT",
                ("input_data/brain_data/92images_fmri_IT_RDMs.npz",),
                sha256="ecf104457ae841d2a2bf503fb0dc16c6387e32d0cd74fb5217ca4ef859a805dd",
            ),
        ),
        "No time axis. The images are those of kriegeskorte92, in the same order.",
    ),
    Benchmark(
        "zhang-desimone-it",
        "zhang_desimone",
        "macaque IT, 132 neurons: spikes at 1 ms, 7 objects at 3 positions, about 20 trials of each",
        "Spikes of 132 neurons of macaque inferotemporal cortex for 7 objects at 3 positions",
        "Zhang, Meyers, Bichot, Serre, Poggio & Desimone 2011, Proc Natl Acad Sci USA 108:8850-8855",
        "package GPL-3; the data's own terms are not stated (public since 2012 with the Neural Decoding Toolbox)",
        "10.1073/pnas.1100999108",
        "emeyers/NeuroDecodeR",
        "826e2119a69d7879c3f58c75854272324dead2a7",
        (
            File(
                "zhang_desimone_it/zd_it_rasters.npz",
                901181,
                "b209ff919d677d3c27c45a7ff9b3fbc50a69b0fc88e486a5445ab584f04ad08c",
                "spike rasters of all trials",
                _zhang_desimone(),
                converter="zhang_desimone",
            ),
        ),
        "Sample t of the source counts the spikes in [t, t + 1) ms, so that its centre is t + 0.5. The units were "
        "recorded in 21 sessions, not all at once: "
        "a pseudo-population. The letter at the end of a unit's name follows from the order of the source's files. The images are not public.",
    ),
    Benchmark(
        "henaff-v1",
        "henaff",
        "macaque V1, 360 units: PSTH in 10 ms bins for frames of natural, synthetic and contrast sequences; RDM movie; latency of each session",
        "Responses of 360 units of anaesthetised macaque V1 to image sequences",
        "Henaff, Bai, Charlton, Nauhaus, Simoncelli & Goris 2021, Nat Commun 12:5982",
        "none stated (a copy of the authors' release)",
        "10.1038/s41467-021-25939-z",
        "wongyoJung/Primary-visual-cortex-straightens-natural-video-trajectories",
        "2e5e06035615ad9bdab698cd83c5417ab50ddb63",
        (
            File(
                "henaff2021_macaque_v1/henaff_v1.npz",
                1393645,
                "bd712b74c7b4379aefec85c5306a15f8f927200853bbc60edb1a272a50013bc5",
                "PSTH averaged over the 11 frames, mean counts by frame, session latencies",
                ("V1_responses",),
            ),
        ),
        "A stimulus is a sequence (zoom, category, movie) of 11 frames, each on for 200 ms and off for 100 ms; psth is "
        "the mean over its frames, from frame "
        "onset, so that the response to the frame before is in the first bins. The bins begin at the source's edges "
        "(time_ms is their centre). rdm is over units, of responses "
        "less their mean over the 44 stimuli. The main "
        "dimension holds the 44 sequences shown in all 9 sessions; the 16 others are in psth_partial and mean_count_partial, NaN where not shown.",
    ),
    Benchmark(
        "grootswagers-eeg",
        "grootswagers",
        "human EEG, 16 subjects: time course, onset and peak of decoding 4 features of 256 gratings at SOA 150 and 50 ms; the images",
        "Time-resolved coding of orientation, spatial frequency, colour and contrast of 256 gratings in human EEG",
        "Grootswagers, Robinson, Shatek & Carlson 2024, PLoS Comput Biol 20:e1011760",
        "none in the repository (the raw data, OpenNeuro ds004357, are CC0)",
        "10.1371/journal.pcbi.1011760",
        "Tijl/features-eeg",
        "dfc05dc5fb88d074b4e96cbf9f100b76b71faf3c",
        (
            File(
                "grootswagers2024_features_eeg/features_eeg.npz",
                337098,
                "97b5774ab3fef2efaa1bf5d7cd9592ea15aa02b41c04dfde5ec2c12cf5f4cfbd",
                "accuracies, onsets, peaks, correlations of RDMs",
                ("results/stats_decoding.mat", "results/stats_rsa.mat"),
                converter="grootswagers",
            ),
            File(
                "grootswagers2024_features_eeg/stimuli_256.npz",
                1684866,
                "5d4ad929300ce11eefe90308e5a56ec894ec9764897bdc3f385eca4544ce69c4",
                "256 images",
                _grootswagers(),
                converter="grootswagers_images",
            ),
        ),
        "The next image of the stream comes at the SOA and acts as a mask. EEG is sampled every 4 ms; onsets and peaks "
        "are as the authors computed them "
        "(Bayes factors, jackknife intervals).",
    ),
    Benchmark(
        "tang-masking",
        "tang",
        "human recognition of occluded objects, 23,400 trials: correct and reaction time by SOA, with and without a backward mask",
        "Human recognition of occluded objects with and without backward masking, trial by trial",
        "Tang, Schrimpf, Lotter, Moerman, Paredes, Ortega Caro, Hardesty, Cox & Kreiman 2018, Proc Natl Acad Sci USA 115:8835-8840",
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
        "The SOA is the presentation time; a mask, if any, follows at once. Chance is 0.2. The images are one example of "
        "an occluded rendering of each "
        "object, not what was shown in a trial; where the object was visible in a trial is in bubble. In experiment 2 "
        "some objects were whole; partial is the "
        "source's flag: it is said to be 0 behind an occluder, but trials with 0 resemble experiment 1 more than those with 1 do.",
    ),
    Benchmark(
        "maniquet-masking",
        "maniquet",
        "human recognition under 17 manipulations, 218 participants: accuracy and reaction time with and without a mask; confusions, also of models",
        "Human recognition under 17 image manipulations, with and without a backward mask, and the confusions of humans and models",
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
        "Tasks that a participant did not do are NaN. Confusions are counts of (true category, response).",
    ),
    Benchmark(
        "geirhos-behaviour",
        "geirhos",
        "human 16-way recognition under 17 kinds of degradation, 85,120 trials with reaction times",
        "Human 16-way object recognition under image degradations, trial by trial",
        "Geirhos, Temme, Rauber, Schuett, Bethge & Wichmann 2018, arXiv:1808.08750; Geirhos et al. 2019, arXiv:1811.12231; "
        "Geirhos et al. 2021, arXiv:2106.07411",
        "code MIT; responses: see licenses/LICENSES_OVERVIEW.md of the repository (ImageNet terms, CC-BY-4.0, MIT, by experiment)",
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
        "An image is shown for 200 ms, then a mask of 1/f noise for 200 ms. Chance is 1/16. A trial without a response "
        "('na') counts as not correct and has "
        "no reaction time.",
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
        "onset latencies of visual areas from the literature, with the source and standing of every number",
        "Onset latencies of the visual areas of primates, from the literature",
        "each row has its own source",
        "MIT (numbers from the literature, cited in each row)",
        notes="A start, to be checked against the papers: status says whether a number was read in the source or not.",
    ),
)
BENCHMARKS: dict[str, Benchmark] = {b.name: b for b in _ALL}


def benchmark(name: str) -> Benchmark:
    """The record of a benchmark; BenchmarkError that lists the names if there is none.

    >>> benchmark("henaff-v1").citation
    'Henaff, Bai, Charlton, Nauhaus, Simoncelli & Goris 2021, Nat Commun 12:5982'
    """
    if name not in BENCHMARKS:
        raise BenchmarkError(f"there is no benchmark {name!r}; choose from {', '.join(BENCHMARKS)}")
    return BENCHMARKS[name]


def list() -> dict[str, str]:
    """The benchmarks: name and one line each.

    >>> from cortexsim import neural
    >>> sorted(neural.list())[:3]
    ['cichy92-fmri', 'cifar10h', 'geirhos-behaviour']
    """
    return {b.name: b.line for b in BENCHMARKS.values()}
