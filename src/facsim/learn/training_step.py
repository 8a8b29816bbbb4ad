"""One optimiser step of a training run: a pure function of the state before it, the pictures, the seed and the step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facsim.learn.alignment import feature_gap
from facsim.learn.augment import augment
from facsim.learn.averaging import follow
from facsim.learn.checkpoint import TrainingState
from facsim.learn.distributed import Piece, pieces_of, summed
from facsim.learn.losses import mixed_cross_entropy
from facsim.learn.optimisers import moved_uphill, statistics_kept, trainable
from facsim.learn.picture_mixing import DRAWS_A_PICTURE, erase_areas, mix_pictures
from facsim.learn.precision import autocast_for, finite
from facsim.learn.schedules import learning_rate
from facsim.learn.training_plan import TrainingPlan
from facsim.learn.unit_head import unit_loss
from facsim.models.classifier import nchw, prepare
from facsim.models.transformer import DropPath, draw_drops
from facsim.sample import generator_for, seed_for

__all__ = ["StepWork", "seeded", "step_work", "take_step"]


class _Forward(Protocol):
    def __call__(self, batch: Tensor) -> tuple[Tensor, Tensor | None]:
        """Logits (N, C), and the features that the head read where they are wanted."""
        ...


@dataclass(frozen=True, kw_only=True)
class StepWork:
    """What every step of a run needs: its plan, the network and its forward pass, and the targets on the device.

    `units` are the action units of the training pictures there, where they are learnt too. `rows` int64 are those of a
    batch that this process works off, piece by piece.
    """

    plan: TrainingPlan
    network: nn.Module
    forward: _Forward
    targets: Tensor
    units: Tensor | None
    pieces: tuple[Piece, ...]
    rows: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class _Input:
    """What one forward pass reads: pictures, targets, action units where they are learnt too, and pictures of the
    reference set where there is one."""

    piece: Piece
    batch: Tensor
    targets: Tensor
    units: Tensor | None
    reference: Tensor | None


def seeded(seed: int, purpose: str) -> torch.Generator:
    """The generator of one purpose of a training run."""
    return torch.Generator().manual_seed(seed_for(f"train/{seed}", purpose))


def step_work(plan: TrainingPlan, network: nn.Module) -> StepWork:
    """What every step needs. Raises FacsimError where a batch cannot be shared by the processes."""
    config = plan.config
    pieces = pieces_of(config.batch_size, count=config.accumulation, team=plan.team)
    return StepWork(
        plan=plan,
        network=network,
        forward=_forward_of(
            network, with_features=config.alignment > 0 or plan.units is not None, compiled=config.compile
        ),
        targets=torch.from_numpy(plan.training.targets).to(config.device),
        units=None if plan.units is None else torch.from_numpy(plan.units.intensities).to(config.device),
        pieces=pieces,
        rows=np.concatenate([piece.rows for piece in pieces]),
    )


def take_step(
    work: StepWork, state: TrainingState, rows: NDArray[np.int64], images: Tensor, reference: Tensor | None
) -> None:
    """Take the next optimiser step by the pictures `rows` of the training set, `images` uint8 on the device.

    `reference` are pictures of the reference set, as many. Where a gradient overflows in fp16 the weights stay.
    """
    config, network = work.plan.config, state.network
    for group in state.optimizer.param_groups:
        group["lr"] = learning_rate(state.step, work.plan.total, config, steps_per_epoch=work.plan.steps_per_epoch)
    inputs = _inputs(work, state.step, rows, images, reference)
    loss, went_well = _gradients(work, state, inputs)
    if config.sam_rho > 0 and went_well:
        uphill = moved_uphill(_moving(state), rho=config.sam_rho, adaptive=config.sam_adaptive)
        with uphill, statistics_kept(network.modules()):
            _, went_well = _gradients(work, state, inputs)
    if went_well:
        state.optimizer.step()
    if config.precision == "fp16":
        state.scale = state.scale.after(went_well=went_well)
    follow(state.average, network, decay=min(config.ema, (state.step + 1) / (state.step + 10)))
    state.step += 1
    state.unread.append(loss)


def _gradients(work: StepWork, state: TrainingState, inputs: Sequence[_Input]) -> tuple[Tensor, bool]:
    """This process's part of the loss; and whether the gradients of the whole batch, now in the parameters, are finite.

    That is asked in fp16 alone, where the answer no is one that a step recovers from.
    """
    state.optimizer.zero_grad(set_to_none=True)
    losses: list[Tensor] = []
    for entry in inputs:
        loss = _piece_loss(work, state, entry)
        (loss * state.scale.scale if work.plan.config.precision == "fp16" else loss).backward()
        losses.append(loss.detach())
    gradients = [parameter.grad for parameter in _moving(state) if parameter.grad is not None]
    work.plan.team.add_up(gradients)
    went_well = True
    if work.plan.config.precision == "fp16":
        for gradient in gradients:
            gradient.div_(state.scale.scale)
        went_well = finite(gradients)
    return (losses[0] if len(losses) == 1 else torch.stack(losses).sum()), went_well


def _moving(state: TrainingState) -> list[nn.Parameter]:
    """The parameters that a step moves: the network's, and those of what is trained beside it."""
    return [*trainable(state.network), *(trainable(state.companion) if state.companion is not None else ())]


def _piece_loss(work: StepWork, state: TrainingState, entry: _Input) -> Tensor:
    """This process's part of the loss of a piece: over pieces and processes these parts add up to the batch's."""
    config, count = work.plan.config, len(entry.targets)
    joint = entry.batch if entry.reference is None else torch.cat([entry.batch, entry.reference])
    _drop(work, state.step, entry)
    with autocast_for(config.precision, device=config.device):
        logits, features = work.forward(joint)
    loss = mixed_cross_entropy(logits[:count].float(), entry.targets, terms=config.loss_terms)
    if features is not None and entry.units is not None and state.companion is not None:
        loss = loss + config.action_units * unit_loss(state.companion(features[:count].float()), entry.units)
    loss = loss if count == config.batch_size else loss * (count / config.batch_size)
    if features is None or entry.reference is None:
        return loss
    own, other = (_of_the_team(work, part.float(), entry.piece) for part in (features[:count], features[count:]))
    share = (entry.piece.last - entry.piece.first) / config.batch_size / work.plan.team.size
    return loss + config.alignment * share * feature_gap(own, other, kernel=config.alignment_kernel)


def _drop(work: StepWork, step: int, entry: _Input) -> None:
    """Draw the branches that each picture loses in networks with drop path: for the whole batch, of which the piece
    takes its rows, so that both passes of a step lose the same, in any team. The reference set's come after."""
    size = work.plan.config.batch_size
    draw_drops(work.network, 2 * size, generator=seeded(work.plan.config.seed, f"drops/{step}"))
    rows = entry.piece.rows
    places = torch.from_numpy(rows if entry.reference is None else np.concatenate([rows, size + rows]))
    for module in work.network.modules():
        if isinstance(module, DropPath) and module.draws is not None:
            module.draws = module.draws[places.to(module.draws.device)]


def _of_the_team(work: StepWork, features: Tensor, piece: Piece) -> Tensor:
    """The features of the whole piece, of which `features` are this process's rows."""
    if work.plan.team.size == 1:
        return features
    whole = features.new_zeros((piece.last - piece.first, features.shape[1]))
    places = torch.from_numpy(piece.rows - piece.first).to(features.device)
    return summed(whole.index_copy(0, places, features), work.plan.team)


def _forward_of(network: nn.Module, *, with_features: bool, compiled: bool) -> _Forward:
    """The network as what a step calls. Logits are `head` of `features`, by which a network is whole."""
    whole: nn.Module = _WithFeatures(network) if with_features else network
    called = torch.compile(whole) if compiled else whole

    def forward(batch: Tensor) -> tuple[Tensor, Tensor | None]:
        return called(batch) if with_features else (called(batch), None)

    return forward


class _WithFeatures(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        features = self.network.features(batch)  # pyright: ignore[reportCallIssue]
        return self.network.head(features), features  # pyright: ignore[reportCallIssue]


def _inputs(
    work: StepWork, step: int, rows: NDArray[np.int64], images: Tensor, reference: Tensor | None
) -> list[_Input]:
    config = work.plan.config
    pictures = _augmented(work, images, purpose=f"augment/{step}")
    other = None if reference is None else _prepared(work, _augmented(work, reference, purpose=f"reference/{step}"))
    targets = work.targets[torch.from_numpy(rows).to(work.targets.device, non_blocking=True)]
    if config.erasing_p > 0:
        draws = generator_for(f"train/{config.seed}", f"erasing/{step}").random((config.batch_size, DRAWS_A_PICTURE))
        kwargs = {"area": config.erasing_area, "fill": work.plan.preprocessing.mean}
        pictures = erase_areas(pictures, draws[work.rows], probability=config.erasing_p, **kwargs)
    mixing = generator_for(f"train/{config.seed}", f"mixing/{step}")
    alphas = (config.mixup_alpha, config.cutmix_alpha)
    units = None
    if work.units is not None:  # mixed as the targets are; with an unknown one, a known one is unknown
        units = work.units[torch.from_numpy(rows).to(work.units.device, non_blocking=True)]
        both, classes = torch.cat([targets, units], dim=1), targets.shape[1]
        pictures, both = mix_pictures(pictures, both, alphas=alphas, generator=mixing)
        targets, units = both[:, :classes], both[:, classes:]
    else:
        pictures, targets = mix_pictures(pictures, targets, alphas=alphas, generator=mixing)
    return _cut_up(work, _prepared(work, pictures), (targets, units), other)


def _augmented(work: StepWork, images: Tensor, *, purpose: str) -> Tensor:
    config = work.plan.config
    return augment(
        nchw(images),
        config.augmentation,
        generator=seeded(config.seed, purpose),
        rows=torch.from_numpy(work.rows),
        batch_size=config.batch_size,
    )


def _prepared(work: StepWork, pictures: Tensor) -> Tensor:
    batch = prepare(pictures, work.plan.preprocessing)
    return batch if work.plan.config.channels_last else batch.contiguous()


def _cut_up(
    work: StepWork, batch: Tensor, wanted: tuple[Tensor, Tensor | None], reference: Tensor | None
) -> list[_Input]:
    targets, units = wanted
    inputs: list[_Input] = []
    at = 0
    for piece in work.pieces:
        part = slice(at, at + len(piece.rows))
        at += len(piece.rows)
        of_units, other = (None if held is None else held[part] for held in (units, reference))
        inputs.append(_Input(piece=piece, batch=batch[part], targets=targets[part], units=of_units, reference=other))
    return inputs
