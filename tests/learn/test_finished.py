"""facsim.learn.finished: a finished training is found again, another one is refused."""

import json

import pytest

from facsim.errors import ManifestError
from facsim.learn.finished import finished_training
from facsim.models.weights import TRAINING_FILE
from facsim.provenance import fingerprint_of

IDENTITY = {"seed": 0}


def written(folder, **changes):
    training = {"identity": fingerprint_of(IDENTITY), "stopped": "finished", **changes}
    (folder / TRAINING_FILE).write_text(json.dumps(training))
    return training


def test_a_finished_training_of_this_identity_is_found(tmp_path):
    training = written(tmp_path)
    assert finished_training(tmp_path, IDENTITY, checkpoint="checkpoint") == training


def test_an_empty_folder_holds_none(tmp_path):
    assert finished_training(tmp_path, IDENTITY, checkpoint="checkpoint") is None


def test_one_that_goes_on_is_none(tmp_path):
    written(tmp_path)
    (tmp_path / "checkpoint").write_bytes(b"")
    assert finished_training(tmp_path, IDENTITY, checkpoint="checkpoint") is None


@pytest.mark.parametrize("changes", [{"identity": "another"}, {"stopped": "time_budget"}])
def test_another_training_is_refused(tmp_path, changes):
    written(tmp_path, **changes)
    with pytest.raises(ManifestError, match="another training"):
        finished_training(tmp_path, IDENTITY, checkpoint="checkpoint")
