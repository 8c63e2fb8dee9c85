"""``cortexsim explore`` as a user meets it."""

import functools
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

import cortexsim
from cortexsim.errors import AnalysisError
from cortexsim.explore import main
from cortexsim.stimuli.images import load_stimuli


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("explore") / "r.zarr"
    cortexsim.record_network(cortexsim.load("cortex4"), load_stimuli("sample", limit=5), out=path)
    return str(path)


@pytest.mark.slow
def test_a_page_is_written_whole_or_not_at_all(recording, tmp_path, capsys):
    out = tmp_path / "page.html"
    assert main([recording, "--out", str(out), "--limit", "4"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"wrote .*page\.html: 4 images, [\d.]+ kB\nnext: open it in a browser", said)
    before = out.read_bytes()
    with pytest.raises(AnalysisError, match="exists; give another --out, or --overwrite"):
        main([recording, "--out", str(out)])
    with pytest.raises(AnalysisError, match=r"at most 100,000 are asked for: give .*--serve"):
        main([recording, "--out", str(out), "--overwrite", "--megabytes", "0.1"])
    assert out.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]
    main([recording, "--out", str(out), "--overwrite", "--maps", "rms"])
    assert out.read_bytes() != before


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--out", "page.pdf"], r"a page ends in \.html"),
        (["--megabytes", "0"], "give more than 0"),
        (["--steps", "9"], "holds no step 9"),
        (["--limit", "0"], "--limit 0: give a number of at least 1"),
        (["--rdm", "a", "b"], "2 RDM movies for 1 recordings"),
        (["--rdm", "absent.zarr"], "there is no RDM movie"),
        (["--neural", "nobody"], "there are no neural data 'nobody'"),
        (["--stimuli", "absent"], "no stimuli at 'absent'.*--stimuli"),
    ],
)
def test_what_cannot_be_done_is_said_in_options(recording, options, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AnalysisError, match=says):
        main([recording, *options])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_it_is_served_until_it_is_interrupted(recording, tmp_path):
    command = [sys.executable, "-m", "cortexsim", "explore", recording, "--serve"]
    # A run in the background of a shell ignores SIGINT, and its children with it.
    listening = functools.partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, preexec_fn=listening
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = re.findall(r"serving at (http://127\.0\.0\.1:\d+/) ", line)[0]
        with urllib.request.urlopen(url, timeout=600) as answer:
            assert b"cortexsim explorer" in answer.read()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=600) == 130
    assert list(tmp_path.iterdir()) == []
