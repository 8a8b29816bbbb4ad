"""facsim.learn.distributed: how a batch is shared, and that two processes give what one gives."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from facsim.errors import FacsimError
from facsim.learn.checkpoint import CHECKPOINT_FILE
from facsim.learn.distributed import ALONE, Team, joined_team, pieces_of, synchronise
from facsim.models.weights import WEIGHTS_FILE, load_classifier, load_training

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from team_cases import trained  # noqa: E402

# Under Adam, which divides a gradient by its own size, rounding in one near 0 becomes a step as large as the rate: so
# the cases with the larger rounding are trained with momentum.
TOLERANCE = {"half": 1e-3}
MATCHING = ("default", "uneven", "sam", "mixed", "aligned", "mmd", "units", "best", "half")


def free_port() -> str:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return str(held.getsockname()[1])


def two_processes(*arguments: str, timeout: float = 240) -> None:
    """Run the worker twice, as torchrun would start it."""
    shared = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "WORLD_SIZE": "2"}
    command = [sys.executable, str(HERE / "team_worker.py"), *arguments]
    started = [
        subprocess.Popen(command, env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank), "OMP_NUM_THREADS": "1"})
        for rank in range(2)
    ]
    assert [process.wait(timeout=timeout) for process in started] == [0, 0]


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    out = tmp_path_factory.mktemp("team")
    two_processes(str(out))
    return out


@pytest.mark.parametrize("name", MATCHING)
def test_two_processes_give_what_one_gives(team, tmp_path, name):
    alone = trained(name, tmp_path)
    weights, expected = (m.network.state_dict() for m in (load_classifier(team / name), alone.classifier))
    for key, tensor in expected.items():
        assert (weights[key].double() - tensor.double()).abs().max() < TOLERANCE.get(name, 1e-4), key
    curve = load_training(team / name)["curve"]
    assert len(curve) == len(alone.curve)
    for found, wanted in zip(curve, alone.curve, strict=True):
        assert found.keys() == wanted.keys()
        assert found.get("loss", 0) == pytest.approx(wanted.get("loss", 0), rel=1e-3)


def test_the_model_says_how_many_processes_made_it_and_no_other_file_differs(team):
    assert load_training(team / "default")["processes"] == 2
    kept = {f"{part}_{what}.npy" for part in ("training", "selection") for what in ("hashes", "signatures")}
    names = {"card.md", "training.json", WEIGHTS_FILE, *kept}
    assert {entry.name for entry in (team / "default").iterdir()} == names


def test_no_thread_of_a_team_outlives_it(team):
    # one that the interpreter meets at its end may abort the process, its work done
    for rank in (0, 1):
        if (names := team / f"threads.{rank}").exists():
            assert "gloo" not in names.read_text()


def test_all_stop_together_by_the_leaders_clock_and_one_process_goes_on(team):
    assert load_training(team / "stopped")["stopped"] == "time_budget"
    assert (team / "stopped" / CHECKPOINT_FILE).exists() and not list(team.glob("stopped.*.error"))


def test_a_batch_too_small_for_the_team_is_refused_by_all(team):
    told = [(team / f"crowded.{rank}.error").read_text() for rank in (0, 1)]
    assert all("cannot be shared in pairs by 2 processes" in text for text in told)


def test_a_loss_that_is_not_finite_ends_all(team):
    told = [(team / f"diverging.{rank}.error").read_text() for rank in (0, 1)]
    assert all("the loss became" in text and "lower lr" in text for text in told)


def test_without_torchruns_variables_one_is_alone(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined_team() as found:
        assert found == ALONE and found.leads


@pytest.mark.parametrize("batch_size", [8, 9, 64, 62])
@pytest.mark.parametrize("pieces", [1, 2])
@pytest.mark.parametrize("size", [1, 2])
def test_a_batch_is_shared_whole_in_pieces_that_are_the_same_for_every_team(batch_size, pieces, size):
    shares = [pieces_of(batch_size, count=pieces, team=Team(rank=rank, size=size)) for rank in range(size)]
    rows = np.sort(np.concatenate([piece.rows for share in shares for piece in share]))
    assert rows.tolist() == list(range(batch_size))
    whole = [(piece.first, piece.last) for piece in pieces_of(batch_size, count=pieces)]
    assert all([(piece.first, piece.last) for piece in share] == whole for share in shares)


def test_neighbours_stay_together():
    for rank in range(3):
        (piece,) = pieces_of(20, team=Team(rank=rank, size=3))
        assert {row ^ 1 for row in piece.rows.tolist()} == set(piece.rows.tolist())


def test_a_batch_of_too_few_is_refused():
    with pytest.raises(FacsimError, match="batch_size = 8"):
        pieces_of(4, count=2, team=Team(rank=0, size=2))


def test_synchronised_norms_have_the_names_and_values_of_the_network():
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Sequential(nn.BatchNorm2d(3)))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    pictures = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = network.eval()(pictures)
    changed = synchronise(network, Team(rank=0, size=2)).eval()
    assert {name: tensor.tolist() for name, tensor in changed.state_dict().items()} == {
        name: tensor.tolist() for name, tensor in before.items()
    }
    assert torch.equal(changed(pictures), expected)


def test_alone_a_network_keeps_torchs_norms():
    network = nn.Sequential(nn.BatchNorm2d(3))
    assert type(synchronise(network, ALONE)[0]) is nn.BatchNorm2d
