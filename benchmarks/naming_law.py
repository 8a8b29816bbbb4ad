"""What a law of names says of a face at rest, and of the same face when one thing about it changes.

    python benchmarks/naming_law.py --renders runs/renders --law recipes/namings/fer2013.json

Faces are the run's renders of neutral, variant `rest`, with nothing before them and turned by less than 20°: at most
`--count`. Each line changes the columns that it names in all of them, asks the law again and takes the mean. So a line
says what a unit, a pose or a hand is called by whoever taught the law, other things being as they are in such renders.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

from facsim.coding import parse_coding
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.facs import split_key
from facsim.manifest import Manifest, open_manifest
from facsim.models.naming_law import NamingLaw, load_law

__all__ = ["CHANGES", "faces_at_rest", "main", "units_changed"]

CODINGS = (
    *("1C", "2C", "1C+2C", "1C+2C+5C", "4C", "1C+4C", "5C", "6C", "7C", "9C", "10C", "12C", "6C+12C", "12C+25C"),
    *("15C", "17C", "20C", "24C", "43C", "25C+26C", "1C+2C+5C+25C+26C", "1C+2C+4C+5C+20C+25C", "1C+4C+15C"),
    *("4C+7C+24C", "4C+10C+25C+26C", "9C+10C+17C"),
)


def units_changed(text: str) -> dict[str, float]:
    """The columns of the stronger side, `AU12`, of a coding such as `6C+12C`."""
    found: dict[str, float] = {}
    for key, intensity in parse_coding(text).items():
        name = f"AU{split_key(key)[0].code}"
        found[name] = max(found.get(name, 0.0), intensity)
    return found


CHANGES: Mapping[str, Mapping[str, Any]] = {
    "at rest": {},
    **{coding: units_changed(coding) for coding in CODINGS},
    "head down by 20°": {"pitch_deg": -20.0},
    "hand on the cheek": {"occluder": "hand_cheek", "occlusion": 0.1},
    "hand at the chin": {"occluder": "hand_chin", "occlusion": 0.2},
    "hand on the mouth": {"occluder": "hand_mouth", "occlusion": 0.4},
    "hand on the forehead": {"occluder": "hand_forehead", "occlusion": 0.2},
    "mask": {"occluder": "surgical_mask", "occlusion": 0.5},
}
"""What is changed, by the words that the table has for it."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--renders", required=True, metavar="RUN", help="a run with the stage render")
    parser.add_argument("--law", required=True, metavar="LAW.json")
    parser.add_argument("--count", type=int, default=1000, help="faces, at most")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    law = load_law(asked.law)
    faces = faces_at_rest(open_manifest(asked.renders), law, count=asked.count)
    places = [EIGHT_EXPRESSIONS.index(name) for name in law.names]
    found: dict[str, list[float]] = {}
    for words, changed in CHANGES.items():
        shares = law.answer([{**face, **changed} for face in faces]).mean(axis=0)[places]
        found[words] = [round(float(share), 4) for share in shares]
    if asked.json:
        print(json.dumps({"faces": len(faces), "law": law.sha256, "names": list(law.names), "shares": found}, indent=1))
        return
    print(f"{len(faces)} faces\n\n| | {' | '.join(law.names)} |\n|{'---|' * (1 + len(law.names))}")
    for words, told in found.items():
        print(f"| {words} | {' | '.join(f'{share:.2f}' for share in told)} |")


def faces_at_rest(run: Manifest, law: NamingLaw, *, count: int) -> list[dict[str, Any]]:
    """Up to `count` rows with the law's columns: neutral at rest, nothing before the face, within 20° of the front."""
    names = dict.fromkeys([*law.columns, "expression_target", "prototype", "occluder", "yaw_deg"])
    full = {name: found for name in names if (found := run.find(name))}
    faces: list[dict[str, Any]] = []
    for batch in run.batches(list(full.values())):
        for row in batch.to_pylist():
            face = {name: row[place] for name, place in full.items()}
            plain = (face["expression_target"], face["prototype"], face["occluder"]) == ("neutral", "rest", "none")
            if plain and abs(face["yaw_deg"]) < 20 and len(faces) < count:
                faces.append(face)
    return faces


if __name__ == "__main__":
    main()
