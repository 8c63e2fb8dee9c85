"""Whom to cite for an output, as BibTeX: ``cortexsim cite PATH ...``.

cortexsim cite it.nc >> references.bib
cortexsim cite cichy92-fmri
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cortexsim.cli import command, option, parse, run


@dataclass(frozen=True)
class CiteConfig:
    """What was used."""

    sources: tuple[str, ...] = option(
        text="recordings, RDM movies, results (.nc), model cards, numbers of figures (.json), or "
        "names of benchmarks and networks",
        metavar="PATH",
    )


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of citing."""
    from cortexsim.experiments.cite import citations

    config = parse(CiteConfig, arguments, "cortexsim cite", __doc__ or "")
    print("\n\n".join(citations(list(config.sources)).values()))
    return 0


if __name__ == "__main__":
    run(main)
