"""The networks of the zoo, listed: ``cortexsim models``."""

from __future__ import annotations

from cortexsim import cli


def models(arguments: list[str]) -> int:
    """List the networks of the zoo, or with --trained those whose weights are bundled."""
    from cortexsim.models.weights import split_seed, weights_folder
    from cortexsim.models.zoo import zoo

    names = zoo()
    if models_parser().parse_args(arguments).trained:
        bundled = sorted(path.stem for path in weights_folder().glob("*.safetensors"))
        names = {name: _trained(name, *split_seed(name), names) for name in bundled}
    print("\n".join(f"{name:28s} {text}" for name, text in names.items()))
    return 0


def _trained(name: str, network: str, seed: int, names: dict[str, str]) -> str:
    """What a line says of bundled weights.

    The network, of which others are other seeds; of a name of its own, what its card says.
    """
    from cortexsim.errors import CortexsimError
    from cortexsim.models.weights import load_card, weights_folder

    if seed:
        return f"{network}, trained from seed {seed}"
    if name in names:
        return names[name]
    try:
        card = load_card(weights_folder() / f"{name}.safetensors")
        return f"{card['recipe']['model']}, trained on {card['data']['name']}"
    except (CortexsimError, KeyError):
        return "weights of your own in this folder"


def models_parser() -> cli.Parser:
    """The options of ``cortexsim models``."""
    parser = cli.Parser(prog="cortexsim models", description=models.__doc__)
    parser.add_argument("--trained", action="store_true", help="only those with bundled weights")
    return parser
