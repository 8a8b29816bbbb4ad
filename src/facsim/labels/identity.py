"""Embeddings of faces: near for one face, far for two, to find the same person again within a data set.

They serve to keep people on one side of a split, to check that an edit left the face alone, to find near-duplicates.
They must not be used to find out who somebody is. Of a photograph an embedding that tells people apart is biometric
data (GDPR, Articles 4(14) and 9): it is written to the run, so delete it when it has served.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from facsim.formats.terms import Terms
from facsim.labels.framing import check_frame, columns_of, framed_faces
from facsim.labels.networks import labeller_faces
from facsim.models.external import External, external_digest, is_external, load_external, open_external
from facsim.models.model_terms import model_terms
from facsim.sample import Problem, Sample
from facsim.stage import Determinism, Resources, Row, Work

__all__ = ["Identity"]


@dataclass(frozen=True, kw_only=True)
class Identity:
    """An embedding of each face, of length 1: the cosine of two faces' embeddings is how alike they are.

    model: empty for facsim's own (128 numbers, learnt from invented people alone), a folder that
    `facsim teach identity` wrote, or an external network: an ONNX file of ArcFace's conventions, or a description of
    one in TOML (facsim.models.external). crop: `face_aligned`, or `image` for pictures that are crops of faces already.
    given: the template that the crops are framed by; empty: what `align` says.
    """

    model: str = ""
    crop: str = "face_aligned"
    given: str = ""

    name: ClassVar[str] = "identity"
    version: ClassVar[int] = 1
    mirrors: ClassVar[bool] = False
    determinism: ClassVar[Determinism] = Determinism(
        level="close", tolerance=2e-3, metric="largest difference of a number"
    )
    writes: ClassVar[tuple[str, ...]] = ("identity_embedding",)
    resources: ClassVar[Resources] = Resources(batch=32)

    def __post_init__(self) -> None:
        columns_of(self.crop)
        check_frame(self.given)

    @property
    def reads(self) -> tuple[str, ...]:
        """The face, and how it is framed."""
        return columns_of(self.crop)

    @property
    def weights(self) -> tuple[str, ...]:
        """SHA-256 of the network."""
        if is_external(self.model):
            return external_digest(self.model)
        from facsim.models.labeller import weights_digest

        return (weights_digest("identity", self.model),)

    @property
    def model_terms(self) -> tuple[Terms, ...]:
        """The terms of the network; none of facsim's own."""
        return model_terms(self.model)

    def open(self, device: str) -> Work:
        """The embedder, its network loaded."""
        wanted, size_px, embed = self._network(device)

        def work(samples: Sequence[Sample]) -> list[Row | Problem]:
            faces, problems = framed_faces(samples, crop=self.crop, given=self.given, wanted=wanted, size_px=size_px)
            rows = np.round(_unit(embed(faces)), 4)
            return [
                problem or {"identity_embedding": row.tolist()} for problem, row in zip(problems, rows, strict=True)
            ]

        return work

    def _network(self, device: str) -> tuple[str, int, Callable[[NDArray[np.uint8]], NDArray[np.float32]]]:
        """The template and side that it wants, and the function from faces to embeddings."""
        if not is_external(self.model):
            from facsim.models.labeller import load_reader

            reader = load_reader("identity", self.model, device=device)
            return labeller_faces(reader, device=device, batch=self.resources.batch)
        external = load_external(self.model)
        size_px, run = open_external(external)
        return external.template, size_px, lambda faces: _embedding(run(faces), external)


def _embedding(outputs: Mapping[str, NDArray[np.float32]], external: External) -> NDArray[np.float32]:
    said = external.outputs.get("embedding")
    return outputs[said.name] if said is not None else next(iter(outputs.values()))


def _unit(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    return embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-9)
