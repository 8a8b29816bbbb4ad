"""Trainings that two processes and one are to do alike."""

from __future__ import annotations

from pathlib import Path

from conftest import drawn_pictures, units_known

from facsim.learn.distributed import ALONE, Team
from facsim.learn.train import TrainedModel, train
from facsim.learn.training_config import TrainingConfig

SMALL = {"widths": (8, 16), "depths": (1, 1)}
CASES = {
    "default": {},
    "uneven": {"batch_size": 22},
    "sam": {"sam_rho": 0.05, "optimiser": "adam", "loss": "poster", "schedule": "exponential"},
    "mixed": {"accumulation": 2, "mixup_alpha": 0.4, "cutmix_alpha": 1.0, "erasing_p": 0.5, "optimiser": "sgd"},
    "aligned": {"alignment": 0.5, "optimiser": "sgd"},
    "mmd": {"alignment": 0.5, "alignment_kernel": "rbf", "accumulation": 2},
    "units": {"action_units": 1.0, "sam_rho": 0.05, "optimiser": "sgd"},
    "best": {"selection": "best", "validations": 4},
    "half": {"precision": "fp16", "optimiser": "sgd"},
    "stopped": {"time_budget_s": 0.0, "steps": 50},
    "crowded": {"batch_size": 2},
    "diverging": {"lr": 1e30},
}


def trained(name: str, out: Path, team: Team = ALONE) -> TrainedModel:
    """The training of a case, in this process."""
    settings = {"steps": 6, "batch_size": 16, "lr": 2e-3, "threads": 1, "ema": 0.5, "network_config": SMALL}
    config = TrainingConfig(**{**settings, **CASES[name]})
    reference = drawn_pictures(30, seed=3) if config.alignment else None
    return train(units_known(drawn_pictures(90)), config, out=out, reference=reference, team=team)
