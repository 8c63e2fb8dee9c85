"""The records of benchmarks of neural data: what each is, and where its files come from."""

from __future__ import annotations

from cortexsim.neural.benchmarks.benchmark import Benchmark, File


def _zhang_desimone() -> tuple[str, ...]:
    """132 units: how many on each of 4 electrodes, for sessions 1001 to 1021.

    A letter tells the units of an electrode apart.
    """
    counts = (
        "1111 1111 1122 1112 1113 1222 1112 1211 1212 2211 2111 1121 2111 2211 3213 2121 2221 "
        "4232 2312 2231 1133"
    )
    folder = "data-raw/raster/Zhang_Desimone_7object_raster_data_mat"
    return tuple(
        f"{folder}/bp{1001 + session}spk_{electrode + 1:02d}{letter}_raster_data.mat"
        for session, electrodes in enumerate(counts.split())
        for electrode, units in enumerate(electrodes)
        for letter in "ABCD"[: int(units)]
    )


def _grootswagers() -> tuple[str, ...]:
    """256 gratings: four levels of each feature, contrast slowest and spatial frequency fastest."""
    return tuple(
        f"stimuli_small/stim{i:03d}_ori{i // 4 % 4}_sf{i % 4}_color{i // 16 % 4}"
        f"_contrast{i // 64}.png"
        for i in range(256)
    )


_DEMOS = "demos/92imageData"

NEURAL = (
    Benchmark(
        "kriegeskorte92",
        "kriegeskorte92",
        "92 object images: RDMs of monkey IT, of human IT by subject and session, of similarity "
        "judgements and of models; the images",
        "Monkey and human IT, similarity judgements and model RDMs of 92 object images",
        "Kriegeskorte, Mur, Ruff, Kiani, Bodurka, Esteky, Tanaka & Bandettini 2008, Neuron "
        "60:1126-1141; monkey: Kiani, Esteky, Mirpour & Tanaka 2007, J Neurophysiol 97:4296-4309; "
        "judgements: Mur et al. 2013, Front Psychol 4:128",
        "repository MIT; the data's own licence is not stated (distributed with the RSA toolbox "
        "since 2013)",
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
        "No time axis. monkey_IT: one RDM over 674 neurons of two animals pooled; human_IT: fMRI, "
        "316 voxels. The published group RDM of human IT is the mean over subjects and sessions. "
        "In models, EVA is the RDM of human early visual cortex and monkeyIT is monkey_IT once "
        "more.",
    ),
    Benchmark(
        "cichy92-fmri",
        "cichy92",
        "human fMRI RDMs of EVC and IT, 15 subjects, the same 92 images",
        "RDMs of human early visual cortex and IT (fMRI) for the 92 object images, 15 subjects",
        "Cichy, Pantazis & Oliva 2014, Nat Neurosci 17:455-462; Cichy et al. 2019, "
        "arXiv:1905.05675 (Algonauts)",
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
        "macaque IT, 132 neurons: spikes at 1 ms, 7 objects at 3 positions, about 20 trials of "
        "each",
        "Spikes of 132 neurons of macaque inferotemporal cortex for 7 objects at 3 positions",
        "Zhang, Meyers, Bichot, Serre, Poggio & Desimone 2011, Proc Natl Acad Sci USA "
        "108:8850-8855",
        "package GPL-3; the data's own terms are not stated (public since 2012 with the Neural "
        "Decoding Toolbox)",
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
        "Sample t of the source counts the spikes in [t, t + 1) ms, so that its centre is t + "
        "0.5. The units were recorded in 21 sessions, not all at once: a pseudo-population. The "
        "letter at the end of a unit's name follows from the order of the source's files. The "
        "images are not public.",
    ),
    Benchmark(
        "cowley-v4",
        "cowley",
        "macaque V4, 50 neurons: spike counts of 6 to 10 trials of each of 640 images; the images",
        "Spike counts of 50 neurons of macaque V4 for 640 natural and synthesised images",
        "Cowley, Stan, Pillow & Smith 2023, bioRxiv, doi:10.1101/2023.11.22.568315; 2026, Nature, "
        "doi:10.1038/s41586-026-10150-1",
        "repository GPL-3; the terms of the images are not stated",
        "10.1101/2023.11.22.568315",
        "cowleygroup/V4_compact_models",
        "f4552ad9d34a466ebc66658f72a08a8e5038f1cf",
        (
            File(
                "cowley2023_v4/responses.npz",
                177292,
                "d5083963ecc28078baf13bb68d1a84efe3e534c5d6e532ea70523009bca71139",
                "spike counts of all trials",
                ("data_V4_responses/responses_raw/responses_210325.npy",),
                converter="cowley",
            ),
            File(
                "cowley2023_v4/images.zip",
                1841475,
                "b59fe816148cad4b986fb57ed533918d43dc66cbe0d31113b1121605c57a46b6",
                "640 images as JPEG",
                ("data_V4_responses/images/images_210325.zip",),
                sha256="992774eca3508a2ad01accb1a31f5f3e3d90248c49f4eec314f2a915a263e454",
            ),
        ),
        "No time axis: one bin of 100 ms. Session 210325, one of the authors' test sessions; its "
        "images are those of Bashivan et al. 2019. A stimulus shown fewer than 10 times is NaN in "
        "the repeats that it lacks. Images are 112 x 112 pixels; a decoder of JPEG may give a "
        "pixel one grey level more or less.",
    ),
    Benchmark(
        "henaff-v1",
        "henaff",
        "macaque V1, 360 units: PSTH in 10 ms bins for frames of natural, synthetic and contrast "
        "sequences; RDM movie; latency of each session",
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
        "A stimulus is a sequence (zoom, category, movie) of 11 frames, each on for 200 ms and "
        "off for 100 ms; psth is the mean over its frames, from frame onset, so that the response "
        "to the frame before is in the first bins. The bins begin at the source's edges (time_ms "
        "is their centre). rdm is over units, of responses less their mean over the 44 stimuli. "
        "The main dimension holds the 44 sequences shown in all 9 sessions; the 16 others are in "
        "psth_partial and mean_count_partial, NaN where not shown.",
    ),
    Benchmark(
        "grootswagers-eeg",
        "grootswagers",
        "human EEG, 16 subjects: time course, onset and peak of decoding 4 features of 256 "
        "gratings at SOA 150 and 50 ms; the images",
        "Time-resolved coding of orientation, spatial frequency, colour and contrast of 256 "
        "gratings in human EEG",
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
        "The next image of the stream comes at the SOA and acts as a mask. EEG is sampled every 4 "
        "ms; onsets and peaks are as the authors computed them (Bayes factors, jackknife "
        "intervals).",
    ),
)
