"""A submission: one zip with a plugin folder that works where only Brain-Score is installed. Needs
files only, no Brain-Score.
"""

from __future__ import annotations

import ast
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import cortexsim
from cortexsim.brainscore.commitment import commit, preprocessing_of
from cortexsim.brainscore.plugin import COMMITMENT, WEIGHTS
from cortexsim.checksums import SEAL, seal
from cortexsim.errors import BrainScoreError
from cortexsim.files import atomic_write
from cortexsim.locks import holding
from cortexsim.models.weights import bundled, card_path
from cortexsim.models.zoo import load as load_network

ROOT = Path(cortexsim.__file__).resolve().parent.parent
ENTRIES = ("cortexsim.brainscore.plugin", "cortexsim.brainscore.model")
DATE = (1980, 1, 1, 0, 0, 0)  # of every file, so that the same submission is the same bytes

INIT = '''"""{identifier}: a recurrent model of visual cortex, packaged by cortexsim {version}."""

from brainscore_vision import model_registry

from .model import get_model

model_registry['{identifier}'] = get_model
'''

MODEL = '''"""{identifier}: {what}.

Regions and states: {regions}. {steps} steps; step 1 at {onset:g} ms after image onset,
{step_ms:g} ms a step. Time that the steps of a state do not cover: "{policy}". The modules in
vendored/ are those of cortexsim {version}, unchanged but for the lists of public names; the
weights are safetensors beside their model card.
"""

import filecmp
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENDORED = HERE / "vendored"

if "cortexsim" not in sys.modules:
    sys.path.insert(0, str(VENDORED))
    try:
        import cortexsim  # its own modules are found from here on, whatever the path
    finally:
        sys.path.remove(str(VENDORED))

_imported = Path(sys.modules["cortexsim"].__file__).resolve().parent.parent
_lists = {lists}  # of public names, which compute nothing
if _imported != VENDORED:
    _files = [f.relative_to(VENDORED).as_posix() for f in sorted(VENDORED.rglob("*.py"))]
    _files = [f for f in _files if f not in _lists]
    _, _other, _absent = filecmp.cmpfiles(VENDORED, _imported, _files, shallow=False)
    if _different := [*_other, *_absent]:
        raise ImportError(
            f"another version of cortexsim is already imported, from {{_imported}} "
            f"({{', '.join(_different[:3])}} differ); load {identifier} in a process of its own"
        )

from cortexsim.brainscore.plugin import open_plugin  # noqa: E402


def get_model():
    """The BrainModel, from the files of this folder."""
    return open_plugin(HERE)


def get_bibtex(model_identifier):
    return """@article{{liao2016bridging,
  title={{Bridging the Gaps Between Residual Learning, Recurrent Neural Networks
    and Visual Cortex}},
  author={{Liao, Qianli and Poggio, Tomaso}},
  journal={{arXiv preprint arXiv:1604.03640}},
  year={{2016}}
}}"""
'''

TEST = """import numpy as np
from PIL import Image

from brainscore_vision import load_model


def test_{folder}_records_over_time(tmp_path):
    path = tmp_path / "noise.png"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    model = load_model("{identifier}")
    assert model.identifier == "{identifier}"
    for region in {region_names}:
        model.start_recording(region, [(start, start + 10) for start in range(70, 250, 10)])
        recording = model.look_at([str(path)])
        assert recording.sizes["time_bin"] == 18
        assert np.isfinite(recording.values).all(){varies}
        model.start_recording(region, [(70, 170)])
        assert model.look_at([str(path)]).dims == ("presentation", "neuroid")
"""
VARIES = "\n        assert (recording.values[..., :1] != recording.values).any()"

REQUIREMENTS = "# all of it comes with brainscore-vision\nnumpy\npillow\ntorch\n"


def commitment_in(path: Path) -> dict[str, Any]:
    """What the network in a submission commits to, as :func:`cortexsim.brainscore.commit` does."""
    with zipfile.ZipFile(path) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith("/commitment.json"))
        return json.loads(archive.read(name))


def package(
    name_or_path: str | Path,
    out: Path,
    *,
    identifier: str | None = None,
    overwrite: bool = False,
    **options: Any,
) -> Path:
    """Write a submission.

    ``models/<identifier>/`` (with ``_`` for ``-``) with ``__init__.py, model.py, test.py,
    requirements.txt``, weights, card, commitment, modules. The modules of cortexsim that it needs
    are found by following imports and copied as they are. The same arguments give the same bytes.

    Parameters
    ----------
    name_or_path : str or path
        A network of the zoo, or a weights file with its card.
    out : path
        The .zip to write.
    identifier : str, optional
        Name in Brain-Score; by default that of the network.
    overwrite : bool
        Replace a file that exists.
    **options : Any
        Those of :func:`cortexsim.brainscore.commit`.

    Returns
    -------
    Path
        The zip.

    Raises
    ------
    BrainScoreError
        If ``out`` exists or is no ``.zip``.

    Examples
    --------
    >>> import tempfile
    >>> path = package("cortex4", Path(tempfile.mkdtemp()) / "submission.zip")
    >>> [Path(n).name for n in zipfile.ZipFile(path).namelist() if n.count("/") == 2][:4]
    ['__init__.py', 'commitment.json', 'model.py', 'requirements.txt']
    """
    out = Path(out)
    if out.suffix != ".zip":
        raise BrainScoreError(
            f"a submission is a .zip, and {str(out)!r} is none; give e.g. submission.zip"
        )
    with holding(out, error=BrainScoreError):
        if out.exists() and not overwrite:
            raise BrainScoreError(f"{out} exists; give --overwrite to replace it, or another --out")
        atomic_write(out, _zipped(_files(name_or_path, identifier, options)))
    return out


def _files(
    name_or_path: str | Path, identifier: str | None, options: dict[str, Any]
) -> dict[str, bytes]:
    """The files of a submission, by their names in the zip."""
    weights = (
        Path(name_or_path)
        if Path(name_or_path).suffix == ".safetensors"
        else bundled(str(name_or_path))
    )
    net = load_network(weights)
    preprocessing = preprocessing_of(net.card, str(name_or_path))
    c = commit(net, preprocessing, identifier or weights.stem, **options)
    axis = c.time_axis
    # A name that can be imported and collected by pytest.
    words = {
        "identifier": c.identifier,
        "folder": c.identifier.replace("-", "_"),
        "version": cortexsim.__version__,
        "what": f"{_harmless(str(net.card.get('name', weights.stem)))}, "
        f"{sum(p.numel() for p in net.parameters()):,} parameters",
        "regions": ", ".join(
            f"{region} is {_harmless(state)}" for region, state in c.regions.items()
        ),
        "region_names": json.dumps(list(c.regions)),
        "steps": c.steps,
        "onset": float(axis.time_ms(1)),
        "step_ms": axis.step_ms,
        "policy": c.policy,
        "varies": VARIES if c.policy == "hold" and _varies(c) else "",
    }
    modules = {f: f.relative_to(ROOT).as_posix() for f in modules_needed(ENTRIES)}
    words["lists"] = json.dumps([name for f, name in modules.items() if is_list_of_names(f)])
    folder = f"models/{words['folder']}"
    return {
        f"{folder}/__init__.py": INIT.format(**words).encode(),
        f"{folder}/model.py": MODEL.format(**words).encode(),
        f"{folder}/test.py": TEST.format(**words).encode(),
        f"{folder}/requirements.txt": REQUIREMENTS.encode(),
        f"{folder}/{COMMITMENT}": (json.dumps(c.options(), indent=1) + "\n").encode(),
        f"{folder}/{WEIGHTS}": weights.read_bytes(),
        f"{folder}/{Path(WEIGHTS).with_suffix('.json')}": card_path(weights).read_bytes(),
    } | {f"{folder}/vendored/{name}": vendored(f) for f, name in modules.items()}


def _harmless(text: str) -> str:
    """Text of a stranger's model card, fit for a docstring: no quotes, backslashes or line breaks
    that would end it and run as code.
    """
    return re.sub(r"[^\w .,:()+-]", "", text)[:200]


def _varies(commitment: Any) -> bool:
    """Whether every region has more than one step between 70 and 250 ms, as Brain-Score's check of
    variation over time asks.
    """
    bins = [(start, start + 10) for start in range(70, 250, 10)]
    return all((commitment.weights(r, bins) > 0).any(0).sum() > 1 for r in commitment.regions)


def _zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, DATE)
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, files[name])
        archive.comment = b" " * SEAL  # its length, which stands before it
    whole = buffer.getvalue()
    return whole[:-SEAL] + seal(whole[:-SEAL])


def is_list_of_names(file: Path) -> bool:
    """Whether a module is the face of a room: its public names stand in a stub beside it."""
    return file.with_suffix(".pyi").is_file()


def vendored(file: Path) -> bytes:
    """A module as it is in the zip: unchanged, but faces of rooms without their lazy names.

    ``lazy_loader``, which reads these names from the stub, is not there where Brain-Score runs.

    >>> import cortexsim
    >>> b"lazy" in vendored(Path(cortexsim.__file__))
    False
    """
    if not is_list_of_names(file):
        return file.read_bytes()
    text = file.read_text()
    kept = [
        ast.get_source_segment(text, node) or ""
        for node in ast.parse(text).body
        if isinstance(node, ast.Expr) or (isinstance(node, ast.ImportFrom) and not node.level)
    ]
    return ("\n\n".join(kept) + "\n").encode()


def modules_needed(entries: tuple[str, ...]) -> list[Path]:
    """The files of cortexsim that importing ``entries`` reads.

    Found by following imports at the top of modules (not those for type checkers).

    Parameters
    ----------
    entries : tuple of str
        Names of modules.

    Returns
    -------
    list of Path
        Sorted.

    Examples
    --------
    >>> [f.stem for f in modules_needed(("cortexsim.timeaxis",))]
    ['__init__', 'arguments', 'bare', 'errors', 'misfits', 'plain', 'timeaxis', 'version']
    """
    files: set[Path] = set()
    waiting = list(entries)
    while waiting:
        name = waiting.pop()
        file = _file_of(name)
        if file is None or file in files:
            continue
        files.add(file)
        if "." in name:
            waiting.append(name.rpartition(".")[0])
        waiting += _imports(ast.parse(file.read_text()))
    return sorted(files)


def _file_of(module: str) -> Path | None:
    base = ROOT.joinpath(*module.split("."))
    return next((f for f in (base.with_suffix(".py"), base / "__init__.py") if f.is_file()), None)


def _imports(tree: ast.AST) -> list[str]:
    """Modules of cortexsim that a tree imports when it is imported: nothing under ``if
    TYPE_CHECKING``, nothing inside functions.
    """
    names: list[str] = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            names += [n for child in node.orelse for n in _imports(ast.Module([child], []))]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names += _imports(node)
    return [n for n in names if n.partition(".")[0] == "cortexsim"]
