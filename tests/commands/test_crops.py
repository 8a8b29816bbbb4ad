"""`facsim crops` on the command line: what it says, as text and as JSON, and when it refuses."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from facsim import cli
from facsim.labels import detect
from facsim.models.face_finder import FoundFace
from facsim.pictures import encode_png


def called(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    """A run of two photographs of two people each and a file that is none, made on the command line."""
    boxes = [np.array([2.0, 2, 20, 22]), np.array([30.0, 5, 50, 30])]
    two = [FoundFace(box=box, score=0.75) for box in boxes]
    monkeypatch.setattr(detect, "find_faces", lambda labeller, pictures, **_: [two for _ in pictures])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for seed in range(2):
        pixels = np.random.default_rng(seed).integers(0, 256, (40, 60, 3)).astype(np.uint8)
        (tmp_path / f"in/{seed}.png").write_bytes(encode_png(pixels))
    (tmp_path / "in/x.png").write_bytes(b"x")
    (tmp_path / "r.toml").write_text(
        '[[input]]\npath = "in"\nformat = "pictures"\n[[step]]\nuse = "ingest"\n[[step]]\nuse = "detect"\npasses = 1\n'
    )
    assert called("run", "r.toml", "--out", "run", "--executor", "serial").exit_code == 0


@pytest.mark.usefixtures("photographs")
class TestCrops:
    def test_the_account_is_shown_and_the_folder_verified(self):
        made = called("crops", "run", "--out", "crops", "--json")
        assert made.exit_code == 0, made.output
        account = json.loads(made.stdout)
        assert (account["to"], account["pictures"], account["faces"]) == ("crops", 2, 4)
        assert account["left_out"] == {"not_a_picture": 1} and account["faces_left_out"] == {}
        verified = called("ingest", "crops", "--verify", "--json")
        assert verified.exit_code == 0, verified.output
        assert (json.loads(verified.stdout)["format"], json.loads(verified.stdout)["pictures"]) == ("face_crops", 4)

    def test_what_was_left_out_is_said_in_words(self):
        said = called("crops", "run", "--out", "crops").stdout
        assert "4, of 2 pictures" in said and "not_a_picture 1" in said

    def test_terms_that_are_required_and_lacking_are_refused(self):
        refused = called("crops", "run", "--out", "crops", "--require-commercial")
        assert refused.exit_code == 1 and "commercial: ask" in refused.output

    def test_a_second_call_refuses_the_folder_that_is_there(self):
        called("crops", "run", "--out", "crops")
        again = called("crops", "run", "--out", "crops")
        assert again.exit_code == 1 and "something at crops" in again.output
