"""`facsim models` and `adopt`: which networks there are, what is known of them, and others' weights made facsim's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facsim.commands.console import show_json, show_text, stdout_kept, table_text, tell
from facsim.commands.options import AsJson

if TYPE_CHECKING:
    from facsim.models.catalogue import NetworkCard

__all__ = ["adopt", "models"]


def _complete_networks(incomplete: str) -> list[str]:
    from facsim.models.catalogue import NETWORK_CARDS

    return [card.name for card in NETWORK_CARDS if card.name.startswith(incomplete)]


def _complete_weights(incomplete: str) -> list[str]:
    from facsim.models.catalogue import PUBLIC_WEIGHTS

    return [weights.name for weights in PUBLIC_WEIGHTS if weights.name.startswith(incomplete)]


# models


def models(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="Show all of this network.", autocompletion=_complete_networks)
    ] = "",
    json: AsJson = False,
) -> None:
    """List the networks, with size, cost and published scores.

    Parameters and multiply-adds (which papers call FLOPs) are counted, for seven classes at the network's own size of
    picture. Scores are their authors', with what is known against them. facsim brings no weights: with a name, the
    command says which public ones load, on what terms, and how.

    \b
    Examples:
      facsim models
      facsim models poster
      facsim models --json
    """
    from facsim.models.catalogue import NETWORK_CARDS, find_network_card

    described = [_described(find_network_card(name))] if name else [_described(card) for card in NETWORK_CARDS]
    if json:
        show_json(described[0] if name else described)
    elif name:
        show_text(_network_text(described[0]))
    else:
        show_text(_networks_text(described))


def _described(card: NetworkCard) -> dict[str, Any]:
    """All that is known of a network, plain JSON, with its cost as it is counted now."""
    from dataclasses import asdict

    from facsim.models.catalogue import PUBLIC_WEIGHTS, empty_network
    from facsim.models.cost import cost_of

    channels = 3 if card.colour == "rgb" else 1
    cost = cost_of(empty_network(card), channels=channels, side_px=card.side_px)
    public = [asdict(weights) for weights in PUBLIC_WEIGHTS if weights.network == card.name]
    return {**asdict(card), "cost": asdict(cost), "configuration": _configuration(card), "public_weights": public}


def _configuration(card: NetworkCard) -> dict[str, Any]:
    """Every setting that a recipe can give, with its value for seven classes."""
    from dataclasses import asdict

    from facsim.models.catalogue import empty_network

    config: Any = empty_network(card).config
    return asdict(config)


def _networks_text(described: list[dict[str, Any]]) -> str:
    heads = ("network", "parameters", "learn", "multiply-adds", "input", "published accuracy, %")
    rows = [(entry["name"], *_costs(entry["cost"]), _input(entry), _scores_in_short(entry)) for entry in described]
    return "\n".join(
        [
            table_text([heads, *rows]),
            "",
            "facsim models NAME says where scores come from, what is against them, and which weights load",
        ]
    )


def _costs(cost: dict[str, int]) -> tuple[str, str, str]:
    parameters, learn = (f"{cost[key] / 1e6:.1f} M" for key in ("parameters", "trainable"))
    adds = cost["multiply_adds"]
    return parameters, learn, f"{adds / 1e9:.1f} G" if adds >= 1e9 else f"{adds / 1e6:.0f} M"


def _input(entry: dict[str, Any]) -> str:
    return f"{entry['side_px']} px {entry['colour']}"


def _scores_in_short(entry: dict[str, Any]) -> str:
    """Each score, with a star where something is known against it."""
    shown = [f"{score['dataset']} {score['accuracy']:.2f}{'*' if score['caveat'] else ''}" for score in entry["scores"]]
    return ", ".join(shown)


def _network_text(entry: dict[str, Any]) -> str:
    parameters, learn, adds = _costs(entry["cost"])
    lines = [
        f"{entry['name']}: {entry['summary']}",
        "",
        f"{parameters} parameters, {learn} learn; {adds} multiply-adds at {_input(entry)}",
        f"source  {entry['source']}",
        *(f"note    {note}" for note in entry["notes"]),
        "",
        "settings",
        table_text([(key, value) for key, value in entry["configuration"].items()], indent="  "),
    ]
    if entry["scores"]:
        rows = [(s["dataset"], f"{s['accuracy']:.2f}", s["source"], s["caveat"]) for s in entry["scores"]]
        lines += ["", "published accuracy, %", table_text(rows, indent="  ")]
    for weights in entry["public_weights"]:
        lines += ["", *_weights_lines(weights)]
    return "\n".join(lines)


def _weights_lines(weights: dict[str, Any]) -> list[str]:
    told = [
        ("file", weights["file"]),
        ("page", weights["page"]),
        ("terms", weights["terms"]),
        ("trained on", weights["trained_on"]),
        ("settings", ", ".join(f"{key} = {value}" for key, value in weights["settings"].items())),
        ("outputs", ", ".join(weights["classes"])),
        ("channels", "blue, green, red" if weights["colour"] == "bgr" else ""),
        ("note", weights["note"]),
        ("to load it", _how_to_load(weights)),
    ]
    return [f"weights {weights['name']}", table_text([row for row in told if row[1]], indent="  ")]


def _how_to_load(weights: dict[str, Any]) -> str:
    if weights["outputs"] in (7, 8):
        names = "" if weights["classes"] else f" --classes NAME,... ({weights['outputs']} of them)"
        return f"facsim adopt {weights['name']} FILE --out MODEL{names}"
    if weights["outputs"]:
        return "facsim.models.official.load_official(network, FILE, head=False)"
    part = f', part="{weights["part"]}"' if weights["part"] else ""
    return f"facsim.models.official.load_official(network, FILE{part})"


# adopt


def adopt(
    weights: Annotated[
        str,
        typer.Argument(
            metavar="WEIGHTS", help="Which public weights, as in `facsim models`.", autocompletion=_complete_weights
        ),
    ],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Their file: what torch.save wrote, or safetensors.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="MODEL", help="The model's folder.")],
    classes: Annotated[
        str,
        typer.Option("--classes", metavar="NAME,...", help="Names of the outputs, in order, where nobody says them."),
    ] = "",
    json: AsJson = False,
) -> None:
    """Make a model of a checkpoint that others published.

    The model is then used like any other, by `facsim evaluate` too. A file that is cut off, of another architecture, or
    that would run a program is refused; nothing but tensors is taken from it. Its terms stay its makers'.

    \b
    Example:
      facsim adopt poster-rafdb rafdb_best.pth --out models/poster
    """
    from facsim.models.adoption import adopt_weights
    from facsim.models.weights import save_classifier

    named = tuple(word.strip() for word in classes.split(",") if word.strip())
    with stdout_kept():
        saved = save_classifier(adopt_weights(weights, file, classes=named), out)
    tell(f"terms: {saved.provenance['terms']}")
    found = {"model": str(out), "sha256": saved.sha256, "classes": list(saved.classes), **saved.provenance}
    if json:
        show_json(found)
    else:
        show_text(f"{out}: {weights}, classes {', '.join(saved.classes)}; next: facsim evaluate {out} --on SOURCE")
