import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from facsim.errors import WeightsError
from facsim.models.external import External, external_digest, is_external, load_external, open_external


def graph(path, *, shape=(1, 3, 4, 4)):
    """Gives its picture back, flat."""
    nodes = [helper.make_node("Flatten", ["picture"], ["flat"])]
    taken = helper.make_tensor_value_info("picture", TensorProto.FLOAT, list(shape))
    given = helper.make_tensor_value_info("flat", TensorProto.FLOAT, None)
    made = helper.make_graph(nodes, "tiny", [taken], [given])
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    return path


def described(folder, text):
    (folder / "net.toml").write_text(text)
    return folder / "net.toml"


FACES = np.random.default_rng(0).integers(0, 255, (3, 4, 4, 3)).astype(np.uint8)


def test_a_bare_graph_is_given_pixels_about_the_middle(tmp_path):
    size_px, run = open_external(load_external(graph(tmp_path / "net.onnx")))
    assert size_px == 4
    assert run(FACES)["flat"].reshape(3, 3, 4, 4) == pytest.approx((FACES.transpose(0, 3, 1, 2) / 255 - 0.5) / 0.5)


def test_a_description_says_the_colour_and_the_normalisation(tmp_path):
    graph(tmp_path / "net.onnx")
    text = 'file = "net.onnx"\ncolour = "bgr"\nmean = [0.1, 0.2, 0.3]\nstd = [1, 2, 4]\n'
    _, run = open_external(load_external(described(tmp_path, text)))
    wanted = (FACES[..., ::-1] / 255 - [0.1, 0.2, 0.3]) / [1, 2, 4]
    assert run(FACES)["flat"].reshape(3, 3, 4, 4) == pytest.approx(wanted.transpose(0, 3, 1, 2), abs=1e-6)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour = 'rgb'", "has no `file`"),
        ('file = "net.onnx"\ntemplat = "wide"', r'unknown key "templat".*template'),
        ('file = "net.onnx"\ntemplate = "wider"', r'"wider".*wide'),
        ('file = "net.onnx"\ncolour = "grey"', 'expected "rgb" or "bgr"'),
        ('file = "net.onnx"\nstd = [1, 1, 0]', "std above 0"),
        ('file = "net.onnx"\nterms = "certainly"', "yes, no or ask"),
        ('file = "net.onnx"\nterms = 3', "yes, no or ask"),
        ('file = "net.onnx"\nmean = "dark"', "expected three each|wrong kind"),
        ('file = "net.onnx"\n[outputs]\nage = 3', "with a `name`"),
        ('file = "net.onnx"\n[outputs.age]\nname = "a"\nyear = [1]', r'unknown key "year".*years'),
        ("file = ", "is no TOML"),
    ],
)
def test_a_wrong_description_is_refused_in_words(text, said, tmp_path):
    with pytest.raises(WeightsError, match=said):
        load_external(described(tmp_path, text))


def test_an_output_that_the_graph_lacks_is_answered_with_the_nearest(tmp_path):
    graph(tmp_path / "net.onnx")
    path = described(tmp_path, 'file = "net.onnx"\n[outputs.age]\nname = "flot"\n')
    with pytest.raises(WeightsError, match=r'"flot".*flat'):
        open_external(load_external(path))


def test_a_graph_of_another_shape_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="expected"):
        open_external(External(file=graph(tmp_path / "net.onnx", shape=(1, 1, 4, 4))))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="does not exist"):
        load_external(tmp_path / "none.onnx")


def test_the_digest_is_that_of_the_graph_and_of_its_description(tmp_path):
    graph(tmp_path / "net.onnx")
    path = described(tmp_path, 'file = "net.onnx"\n')
    first = external_digest(path)
    assert len(first) == 2 and len(external_digest(tmp_path / "net.onnx")) == 1
    path.write_text('file = "net.onnx"\ncolour = "bgr"\n')
    assert external_digest(path)[0] == first[0] and external_digest(path)[1] != first[1]


def test_damaged_graphs_are_refused_or_run(tmp_path):
    data = graph(tmp_path / "net.onnx").read_bytes()
    rng = np.random.default_rng(0)
    for turn in range(60):
        damaged = bytearray(data)
        place = int(rng.integers(0, len(data)))
        if turn % 3 == 0:
            del damaged[place:]
        else:
            damaged[place] ^= 1 << int(rng.integers(0, 8))
        (tmp_path / "bad.onnx").write_bytes(damaged)
        try:
            open_external(load_external(tmp_path / "bad.onnx"))
        except WeightsError:
            continue


def test_only_onnx_and_toml_are_external():
    assert is_external("a/net.onnx") and is_external("net.toml")
    assert not is_external("models/identity") and not is_external("")
