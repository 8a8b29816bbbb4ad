"""facsim.labels.action_units: the laws, what is written, what is refused, and others' models."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from facsim.coding import parse_coding
from facsim.errors import MissingExtra, RecipeError, WeightsError
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.facs import column_names
from facsim.labels.action_units import ActionUnits
from facsim.models.onnx_network import PictureInput, open_onnx
from facsim.models.open_graph_au import OPEN_GRAPH_UNITS, OpenGraphAu, OpenGraphAuConfig
from facsim.sample import Problem, Sample
from facsim.testing import check_laws, check_mirrors

from .label_cases import faces, written_coder
from .onnx_cases import averaging_onnx


@pytest.fixture
def coder_folder(tmp_path):
    return written_coder(tmp_path / "coder")


def rows_of(stage, samples):
    return stage.open("cpu")(samples)


def test_the_stage_keeps_the_laws(coder_folder):
    check_laws(ActionUnits(model=str(coder_folder)), faces(5))


def test_flipped_and_averaged_the_mirror_image_swaps_sides_exactly(coder_folder):
    stage = ActionUnits(model=str(coder_folder), crop="image", given="wide", flips=True)
    rows = rows_of(stage, faces(4))
    assert any(row["AU12L"] != row["AU12R"] for row in rows)
    check_mirrors(replace_writes(stage), faces(4))


def replace_writes(stage):
    """The stage without what a mirror changes in ways that the law does not know: the text, the list of deviations."""

    class Plain:
        name, determinism, mirrors = stage.name, stage.determinism, True
        reads = stage.reads

        def open(self, device):
            work = stage.open(device)
            dropped = ("action_units", "action_units_sd")
            return lambda samples: [{k: v for k, v in row.items() if k not in dropped} for row in work(samples)]

    return Plain()


def test_the_plain_column_is_the_stronger_side_and_central_units_have_one(coder_folder):
    row = rows_of(ActionUnits(model=str(coder_folder)), faces(1))[0]
    assert row["AU12"] == max(row["AU12L"], row["AU12R"])
    assert "AU17L" not in row and 0 <= row["AU17"] <= 5


def test_every_unit_of_the_renderer_has_a_deviation_in_the_dictionarys_order(coder_folder):
    row = rows_of(ActionUnits(model=str(coder_folder)), faces(1))[0]
    named = dict(zip(column_names(), row["action_units_sd"], strict=True))
    assert named["AU12L"] > 0 and named["AU17"] > 0 and named["AU19"] is None
    stronger = "AU12L" if row["AU12L"] >= row["AU12R"] else "AU12R"
    assert named["AU12"] == named[stronger]


def test_the_text_reads_back_and_names_what_is_surely_over_the_threshold(coder_folder):
    stage = ActionUnits(model=str(coder_folder), threshold=1.0, sure=0.5)
    for row in rows_of(stage, faces(4)):
        coding = parse_coding(row["action_units"])
        over = {key for key in coding if row[f"AU{key}"] < 1.0}
        assert not over
        assert len(parse_coding(rows_of(replace(stage, sure=0.95), faces(1))[0]["action_units"])) <= 45


def test_a_surer_text_names_no_more_units(coder_folder):
    counts = [
        sum(len(parse_coding(row["action_units"])) for row in rows_of(stage, faces(4)))
        for stage in (ActionUnits(model=str(coder_folder), sure=sure) for sure in (0.3, 0.6, 0.95))
    ]
    assert counts == sorted(counts, reverse=True) and counts[0] > counts[-1]


def test_the_rule_says_one_of_the_eight_or_nothing(coder_folder):
    for row in rows_of(ActionUnits(model=str(coder_folder)), faces(6)):
        assert row["expression_rule"] in (None, *EIGHT_EXPRESSIONS)
        assert 0 <= row["expression_rule_score"] <= 1


def test_a_sick_picture_is_a_problem_and_its_neighbours_are_not(coder_folder):
    sick = Sample(sample_id="x", values={"face_aligned": {"bytes": b"", "path": ""}, "align_template": "wide"})
    samples = faces(2)
    found = rows_of(ActionUnits(model=str(coder_folder)), [samples[0], sick, samples[1]])
    assert isinstance(found[1], Problem) and found[1].reason == "empty"
    assert found[2] == rows_of(ActionUnits(model=str(coder_folder)), [samples[1]])[0]


def test_no_samples_give_no_rows(coder_folder):
    assert rows_of(ActionUnits(model=str(coder_folder)), []) == []


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"crop": "face_align"}, "face_aligned"),
        ({"frame": "wid"}, "wide"),
        ({"model": "x", "architecture": "opengraphau-resnet5"}, "opengraphau-resnet50"),
        ({"threshold": 0.0}, "between 0 and 5"),
        ({"sure": 1.0}, "between 0 and 1"),
        ({"output": "probabilities"}, "scores or logits"),
        ({"units": ("12",)}, "path of its weights"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, told):
    with pytest.raises(RecipeError, match=told):
        ActionUnits(**settings)


def test_weights_that_were_cut_off_or_changed_are_refused(coder_folder):
    file = coder_folder / "weights.safetensors"
    data = file.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(60):
        cut = data[: int(rng.integers(0, 3000))]
        file.write_bytes(cut)
        with pytest.raises(WeightsError):
            ActionUnits(model=str(coder_folder)).open("cpu")


def test_missing_weights_are_refused_before_a_run():
    with pytest.raises(WeightsError, match="does not exist"):
        ActionUnits(model="nowhere").weights  # noqa: B018


@pytest.fixture
def open_graph_file(tmp_path):
    """A random OpenGraphAU checkpoint as its trainer wrote them: DataParallel's prefix, under `state_dict`."""
    torch.manual_seed(0)
    network = OpenGraphAu(OpenGraphAuConfig(depth=18))
    for parameter in (network.head.main_sc, network.head.sub_sc):
        torch.nn.init.uniform_(parameter, -1, 1)
    state = {f"module.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "stage1.pth")
    return tmp_path / "stage1.pth"


def test_an_open_graph_checkpoint_fills_its_41_units(open_graph_file):
    stage = ActionUnits(model=str(open_graph_file), architecture="opengraphau-resnet18")
    row = rows_of(replace_batch(stage, 2), faces(2))[0]
    assert set(row) == set(stage.writes)
    assert {"AU12", "AU12L", "AU12R", "AU32", "AU5L"} <= set(row)
    assert row["AU5L"] is None and 0 <= row["AU5"] <= 5 and 0 <= row["AU12L"] <= 5
    assert all(value is None for value in row["action_units_sd"])


def replace_batch(stage, batch):
    """The stage with small batches: an untrained ResNet at 224 px takes a second for 32."""
    from facsim.stage import Resources

    class Small(ActionUnits):
        resources = Resources(batch=batch)

    return Small(**{name: getattr(stage, name) for name in ("model", "architecture", "units", "size_px", "crop")})


def test_open_graph_names_are_the_official_ones():
    with torch.device("meta"):
        names = set(OpenGraphAu(OpenGraphAuConfig()).state_dict())
    wanted = {
        "backbone.conv1.weight", "backbone.layer4.2.conv3.weight", "global_linear.fc.weight", "global_linear.bn.bias",
        "head.main_class_linears.26.fc.weight", "head.main_class_linears.0.bn.running_var", "head.gnn.U.weight",
        "head.gnn.V.bias", "head.gnn.bnv.running_mean", "head.main_sc", "head.sub_sc",
    }  # fmt: skip
    assert wanted <= names
    assert not [name for name in names if name.startswith(("backbone.head", "backbone.fc"))]
    assert len(OPEN_GRAPH_UNITS) == 41


def test_another_networks_checkpoint_is_refused(open_graph_file):
    with pytest.raises(WeightsError, match="another architecture"):
        ActionUnits(model=str(open_graph_file), architecture="opengraphau-resnet50").open("cpu")


def test_an_onnx_file_with_named_units_fills_their_columns(tmp_path):
    file = averaging_onnx(tmp_path / "units.onnx", 3)
    stage = ActionUnits(model=str(file), units=("12L", "12R", "AU17"), size_px=16)
    row = rows_of(stage, faces(1))[0]
    assert stage.codes == (12, 17)
    assert row["AU12"] == max(row["AU12L"], row["AU12R"]) == row["AU12R"]
    assert row["AU17"] == pytest.approx(3 * row["AU12L"], abs=2e-3)


def test_an_onnx_file_with_another_number_of_outputs_is_refused(tmp_path):
    file = averaging_onnx(tmp_path / "units.onnx", 3)
    with pytest.raises(WeightsError, match="gives 3 numbers a face, expected 2"):
        rows_of(ActionUnits(model=str(file), units=("12", "17"), size_px=16), faces(1))


def test_an_onnx_file_of_another_side_is_refused(tmp_path):
    file = averaging_onnx(tmp_path / "units.onnx", 3)
    with pytest.raises(WeightsError, match="size_px"):
        ActionUnits(model=str(file), units=("12", "17", "4"), size_px=32).open("cpu")


def test_damaged_onnx_files_are_refused_and_nothing_else_happens(tmp_path):
    data = averaging_onnx(tmp_path / "units.onnx", 3).read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(40):
        mutated = bytearray(data)
        for place in rng.integers(0, len(data), 3):
            mutated[place] = int(rng.integers(256))
        (tmp_path / "bad.onnx").write_bytes(bytes(mutated[: int(rng.integers(1, len(data) + 1))]))
        try:
            open_onnx(tmp_path / "bad.onnx", PictureInput(size_px=16)).run(np.zeros((1, 16, 16, 3), np.uint8))
        except WeightsError:
            refused += 1
    assert refused > 20


def test_without_onnxruntime_the_extra_is_named(tmp_path, monkeypatch):
    import facsim.models.onnx_network as module

    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    (tmp_path / "a.onnx").write_bytes(b"x")
    with pytest.raises(MissingExtra, match=r"facsim\[onnx\]"):
        ActionUnits(model=str(tmp_path / "a.onnx"), units=("12",)).open("cpu")
