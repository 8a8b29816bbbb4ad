"""Action units as a second task: a head that reads their intensities off the features, in training alone.

What a face shows says more than the name that is given to it. Renders know every unit exactly; of other pictures a step
`action_units`, or their dataset, may know some. Units that are not known of a picture count for nothing.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from facsim.errors import FacsimError
from facsim.learn.data import Pictures

__all__ = ["KnownUnits", "known_units", "unit_head", "unit_loss"]

_COLUMN = re.compile(r"AU[0-9]{1,3}")
_MOST = 5.0
_SCALE, _BETA = 2.5, 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class KnownUnits:
    """Columns of action units, such as `AU12`, and their `intensities` float32 (N, U), 0 to 5; NaN where not known."""

    names: tuple[str, ...]
    intensities: NDArray[np.float32]

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits over names and intensities."""
        digest = hashlib.blake2b(repr(self.names).encode(), digest_size=16)
        digest.update(np.nan_to_num(self.intensities, nan=-1.0).tobytes())
        return digest.hexdigest()


def known_units(pictures: Pictures) -> KnownUnits:
    """The units that are known of any of the pictures, by code: of those with sides, the stronger.

    Raises FacsimError where none is, or where one is not from 0 to 5.
    """
    names = sorted((name for name in pictures.attributes if _COLUMN.fullmatch(name)), key=lambda name: int(name[2:]))
    if not names:
        raise FacsimError(
            "found no action unit of any training picture, expected columns such as AU12; train on a run with a step "
            "render or action_units, or without action_units"
        )
    columns = [np.array(pictures.attributes[name], dtype=np.float32) for name in names]  # None becomes NaN
    for name, column in zip(names, columns, strict=True):
        wrong = column[(column < 0) | (column > _MOST)]
        if wrong.size:
            raise FacsimError(f"found {name} = {wrong[0]:g}, expected an intensity from 0 to 5 (FACS' E)")
    return KnownUnits(names=tuple(names), intensities=np.stack(columns, axis=1))


def unit_head(width: int, count: int) -> nn.Linear:
    """A linear head of `count` units on features (N, width), that says 0 of every unit at first."""
    head = nn.Linear(width, count, device="meta").to_empty(device="cpu")  # so that nothing is drawn
    for parameter in head.parameters():
        nn.init.zeros_(parameter)
    return head


def unit_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """How wrong `found` (N, U) is about intensities `wanted` (N, U), NaN where not known; a scalar.

    Huber's loss of each unit in steps of 2.5, straight from 1.25 on (smooth L1, beta 0.5), summed over a picture's
    units and divided by the root of U, in the mean over pictures.
    """
    known = ~torch.isnan(wanted)
    errors = functional.smooth_l1_loss(found, wanted.nan_to_num() / _SCALE, beta=_BETA, reduction="none")
    return (errors * known).sum(dim=1).mean() / wanted.shape[1] ** 0.5
