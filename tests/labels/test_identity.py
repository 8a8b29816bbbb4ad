import numpy as np
import pytest

from facsim.errors import RecipeError, WeightsError
from facsim.labels.identity import Identity
from facsim.sample import Problem, Sample
from facsim.testing import check_laws


def test_it_keeps_the_laws(untaught, faces):
    check_laws(Identity(model=untaught["identity"]), faces)


def test_an_embedding_has_length_1(untaught, faces):
    for row in Identity(model=untaught["identity"]).open("cpu")(faces):
        assert np.linalg.norm(row["identity_embedding"]) == pytest.approx(1.0, abs=1e-3)


def test_a_face_is_framed_as_the_network_wants_it_whatever_it_was_aligned_to(untaught, faces):
    wide = Identity(model=untaught["identity"]).open("cpu")(faces)
    told = Identity(model=untaught["identity"], given="arcface").open("cpu")(faces)  # taken for what it is not
    assert all(a["identity_embedding"] != b["identity_embedding"] for a, b in zip(wide, told, strict=True))


def test_crops_need_no_align(untaught, faces):
    stage = Identity(model=untaught["identity"], crop="image")
    assert stage.reads == ("image",)
    assert len(stage.open("cpu")(faces)) == len(faces)


def test_a_sample_without_a_face_is_a_problem(untaught, faces):
    sick = Sample(sample_id="x", values={**faces[0].values, "face_aligned": None})
    found = Identity(model=untaught["identity"]).open("cpu")([faces[0], sick])
    assert isinstance(found[1], Problem) and found[1].reason == "missing_input" and isinstance(found[0], dict)


def test_an_external_network_is_given_by_path(tmp_path, faces, write_graph):
    path = write_graph(tmp_path / "arcface.onnx", {"embedding": 8})
    stage = Identity(model=str(path))
    check_laws(stage, faces)
    assert len(stage.weights) == 1 and len(stage.open("cpu")(faces)[0]["identity_embedding"]) == 8


def test_an_external_network_may_be_described(tmp_path, faces, write_graph):
    write_graph(tmp_path / "net.onnx", {"logits": 3, "feature": 4})
    (tmp_path / "net.toml").write_text('file = "net.onnx"\ntemplate = "wide"\n[outputs.embedding]\nname = "feature"\n')
    stage = Identity(model=str(tmp_path / "net.toml"))
    assert len(stage.weights) == 2 and len(stage.open("cpu")(faces)[0]["identity_embedding"]) == 4


def test_weights_of_another_task_are_refused(untaught):
    with pytest.raises(WeightsError, match='for "attributes", expected one for "identity"'):
        Identity(model=untaught["attributes"]).open("cpu")


def test_an_unknown_frame_is_refused():
    with pytest.raises(RecipeError, match="arcface"):
        Identity(given="arcfase")
