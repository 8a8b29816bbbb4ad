"""What a drawn person wears and what stands before the face: glasses, headwear and an occluder, as plain numbers.

Lengths are in decimetres on the drawn head, colours linear-light RGB albedos. Names of shapes and kinds are in
`facsim.wearables`; at `"none"` the other fields do not matter.
"""

from dataclasses import dataclass, field, replace

from facsim.models.appearance import Colour

__all__ = ["Glasses", "Headwear", "Occluder", "Worn", "mirror_worn"]


@dataclass(frozen=True, kw_only=True)
class Glasses:
    """Glasses.

    `thickness_dm` is the rim's width seen from the front (0.012 wire to 0.07 bold), `metal` 1 for wire and 0 for
    plastic. `tint` is the share of light that the lenses swallow (0.05 clear, 0.85 sunglasses), `gradient` how much
    less of it below; `reflection` is the strength of what the lenses mirror. `size` is a factor on the lenses,
    `slide_dm` how far the bridge has come down the nose.
    """

    shape: str = "none"
    thickness_dm: float = 0.03
    colour: Colour = (0.02, 0.02, 0.02)
    metal: float = 0.0
    tint: float = 0.04
    tint_colour: Colour = (0.5, 0.5, 0.5)
    gradient: float = 0.0
    reflection: float = 0.5
    size: float = 1.0
    slide_dm: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Headwear:
    """Headwear: `depth` 0 sits high and 1 low on the forehead, `brim_dm` is the brim's or visor's reach, `loose` how
    far the cloth stands off; `turn_deg` turns a cap's visor to the subject's left (180 is backwards). `pattern` is
    the strength of the second colour's print or knit."""

    kind: str = "none"
    colour: Colour = (0.10, 0.10, 0.12)
    second_colour: Colour = (0.5, 0.5, 0.5)
    pattern: float = 0.0
    depth: float = 0.5
    brim_dm: float = 0.7
    loose: float = 0.3
    turn_deg: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Occluder:
    """Something before the face for the moment.

    `x_dm` (to the subject's left) and `y_dm` (upwards) move it from its usual place, `size` is a factor, `turn_deg`
    turns it clockwise in the picture. `low` slides a mask from over the nose (0) to below it (1). `left` makes a hand
    the subject's left one and brings things from that side.
    """

    kind: str = "none"
    x_dm: float = 0.0
    y_dm: float = 0.0
    size: float = 1.0
    turn_deg: float = 0.0
    low: float = 0.0
    left: bool = False
    colour: Colour = (0.30, 0.45, 0.60)
    second_colour: Colour = (0.6, 0.6, 0.6)


@dataclass(frozen=True, kw_only=True)
class Worn:
    """All that a person wears on the head, and what stands before the face."""

    glasses: Glasses = field(default_factory=Glasses)
    headwear: Headwear = field(default_factory=Headwear)
    occluder: Occluder = field(default_factory=Occluder)

    @property
    def bare(self) -> bool:
        """Whether there is nothing to draw."""
        return self.glasses.shape == "none" and self.headwear.kind == "none" and self.occluder.kind == "none"


def mirror_worn(worn: Worn) -> Worn:
    """The same things on the mirrored person."""
    one = worn.occluder
    return replace(
        worn,
        headwear=replace(worn.headwear, turn_deg=-worn.headwear.turn_deg),
        occluder=replace(one, x_dm=-one.x_dm, turn_deg=-one.turn_deg, left=not one.left),
    )
