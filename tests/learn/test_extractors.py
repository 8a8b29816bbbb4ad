"""facsim.learn.extractors: what is opened by which name, what it is called, and what is refused."""

import numpy as np
import pytest
import torch

from facsim.errors import WeightsError
from facsim.expressions import SEVEN_EXPRESSIONS
from facsim.learn.data import PictureShape
from facsim.learn.extractors import INCEPTION_SHAPE, open_extractor, random_extractor
from facsim.models.classifier import Classifier, Preprocessing
from facsim.models.image_text import ImageText, TextConfig, Vocabulary, fresh_image_text, save_image_text
from facsim.models.small_cnn import SmallCnnConfig, build_small_cnn
from facsim.models.weights import save_classifier

GREY16 = Preprocessing(size_px=16, colour="grey", mean=(0.5,), std=(0.25,))


def noise(count: int, size: int, *channels: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, *channels), dtype=np.uint8)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    network = build_small_cnn(
        SmallCnnConfig(classes=7, widths=(8,), depths=(1,)), generator=torch.Generator().manual_seed(0)
    )
    place = tmp_path_factory.mktemp("models") / "small"
    return place, save_classifier(
        Classifier(network=network.eval(), classes=SEVEN_EXPRESSIONS, preprocessing=GREY16), place
    )


def test_the_random_network_is_the_same_every_time():
    one, other = random_extractor(), open_extractor("random")
    pictures = noise(3, 48, 3)
    assert one.sha256 == other.sha256
    assert (one.extract(pictures) == other.extract(pictures)).all()
    assert one.extract(pictures).shape == (3, one.width)


def test_the_random_network_leaves_torchs_generator_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    random_extractor()
    assert (torch.get_rng_state() == before).all()


def test_figures_of_other_networks_than_inception_bear_its_name_and_hash():
    found = random_extractor()
    assert found.figure_name("fid") == f"fid_random@{found.sha256[:8]}"


def test_a_classifiers_folder_gives_what_its_last_layer_reads(classifier):
    place, saved = classifier
    found = open_extractor(str(place))
    pictures = noise(4, 16)
    with torch.inference_mode():
        logits = saved.network((torch.from_numpy(pictures)[:, None].float() / 255 - 0.5) / 0.25)
        head = saved.network.head(torch.from_numpy(found.extract(pictures)))
    assert head.numpy() == pytest.approx(logits.numpy(), abs=1e-5)
    assert (found.name, found.sha256) == ("small_cnn", saved.sha256)
    assert found.shape == PictureShape(size_px=16, colour="grey")


def test_a_model_of_pictures_and_texts_gives_its_unit_vectors(tmp_path):
    text = TextConfig(width=8, depth=1, heads=2, longest=8, common=6)
    network = fresh_image_text(
        "small_cnn",
        {"widths": (8,), "depths": (1,)},
        text,
        channels=1,
        words=2,
        generator=torch.Generator().manual_seed(0),
    )
    save_image_text(
        ImageText(network=network, vocabulary=Vocabulary(words=("face", "glad")), preprocessing=GREY16),
        tmp_path / "texts",
    )
    found = open_extractor(str(tmp_path / "texts"))
    vectors = found.extract(noise(3, 16))
    assert (found.name, vectors.shape) == ("captions", (3, 6))
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


class Pooled(torch.nn.Module):
    """Stands in for Inception-v3: 2,048 numbers of uint8 pictures, or logits where features are not asked for."""

    def forward(self, pictures: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        means = pictures.float().mean(dim=[2, 3])
        return means.repeat(1, 683)[:, :2048] if return_features else means[:, :2]


def test_inceptions_figures_have_the_plain_names(tmp_path):
    torch.jit.script(Pooled()).save(str(tmp_path / "inception.pt"))
    found = open_extractor(f"inception:{tmp_path / 'inception.pt'}")
    assert (found.shape, found.width, found.figure_name("fid")) == (INCEPTION_SHAPE, 2048, "fid")
    pictures = noise(2, 299, 3)
    assert found.extract(pictures)[:, :3] == pytest.approx(pictures.mean(axis=(1, 2)), abs=1e-2)


def test_a_network_that_is_not_inceptions_shape_does_not_get_its_name(tmp_path):
    class Few(torch.nn.Module):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            return pictures.float().mean(dim=[2, 3])

    torch.jit.script(Few()).save(str(tmp_path / "few.pt"))
    with pytest.raises(WeightsError, match="gives 3 features"):
        open_extractor(f"inception:{tmp_path / 'few.pt'}")


def test_a_torch_file_of_unknown_meaning_is_refused(tmp_path):
    torch.jit.script(Pooled()).save(str(tmp_path / "net.pt"))
    with pytest.raises(WeightsError, match="neither the pictures nor the features"):
        open_extractor(str(tmp_path / "net.pt"))


@pytest.mark.parametrize("name", ["broken.pt", "broken.onnx"])
def test_a_damaged_file_is_named(tmp_path, name):
    pytest.importorskip("onnxruntime")
    (tmp_path / name).write_bytes(b"not a network at all" * 9)
    with pytest.raises(WeightsError, match="broken"):
        open_extractor(f"inception:{tmp_path / name}")


def onnx_file(place, *, kind: str, shape: list) -> str:
    """The mean of each channel, as an ONNX file."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, types = onnx.helper, onnx.TensorProto
    taken = {"uint8": types.UINT8, "float": types.FLOAT}[kind]
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["pictures"], ["held"], to=types.FLOAT),
            helper.make_node("ReduceMean", ["held", "axes"], ["features"], keepdims=0),
        ],
        "means",
        [helper.make_tensor_value_info("pictures", taken, shape)],
        [helper.make_tensor_value_info("features", types.FLOAT, ["n", shape[1]])],
        initializer=[helper.make_tensor("axes", types.INT64, [2], [2, 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, str(place))
    return str(place)


def test_an_onnx_file_says_itself_what_pictures_it_reads(tmp_path):
    found = open_extractor(onnx_file(tmp_path / "means.onnx", kind="uint8", shape=["n", 3, 24, 24]))
    pictures = noise(5, 24, 3)
    assert found.extract(pictures) == pytest.approx(pictures.mean(axis=(1, 2)), abs=1e-2)
    assert (found.name, found.shape) == ("means", PictureShape(size_px=24, colour="rgb"))


def test_an_onnx_file_that_leaves_normalisation_to_others_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="expected uint8"):
        open_extractor(onnx_file(tmp_path / "means.onnx", kind="float", shape=["n", 3, 24, 24]))


def test_what_is_not_there_is_answered_with_what_could_be():
    with pytest.raises(WeightsError, match="expected random, inception:FILE"):
        open_extractor("nowhere/model")
