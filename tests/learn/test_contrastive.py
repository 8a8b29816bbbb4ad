"""Pictures and captions: the loss, the towers, exact resume, retrieval, zero-shot, files of captions."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from facsim.caption_words import ADJECTIVES
from facsim.captions import caption_of, false_claims
from facsim.dataset import open_dataset
from facsim.errors import FacsimError, FormatError, ManifestError, WeightsError
from facsim.expressions import SEVEN_EXPRESSIONS
from facsim.learn.augment import scaled_augmentation
from facsim.learn.captioned import (
    CaptionedPictures,
    joined,
    read_captions,
    run_captions,
    split_captioned,
    write_captions,
)
from facsim.learn.contrastive import (
    BACKBONE_FOLDER,
    CaptionModel,
    ContrastiveConfig,
    contrast,
    image_text_loss,
    measure_retrieval,
)
from facsim.learn.leaks import load_seen
from facsim.learn.prompts import prompts_of
from facsim.learn.retrieval import retrieval
from facsim.learn.selfsupervised.loop import Optimisation
from facsim.learn.selfsupervised.views import Views
from facsim.learn.sources import load_pictures
from facsim.learn.zero_shot import class_embeddings, worded_classes, zero_shot
from facsim.models.backbones import load_backbone
from facsim.models.image_text import TextConfig, Vocabulary, fresh_image_text, load_image_text
from facsim.models.weights import WEIGHTS_FILE
from facsim.recipe import parse_recipe
from facsim.runner import run


class Killed(Exception):
    pass


def kill_at(step):
    def on_steps(done, total, rate, loss):
        if done >= step:
            raise Killed

    return on_steps


def small(**changes):
    settings = {
        "network_config": {"widths": (8, 16), "depths": (1, 1)},
        "text": TextConfig(width=16, depth=1, heads=2, common=16, longest=64),
        "steps": 24,
        "batch_size": 16,
        "optimisation": Optimisation(lr=3e-3, clip=1.0),
        "threads": 1,
    }
    return ContrastiveConfig(**{**settings, **changes})


@pytest.fixture
def captioned(drawn):
    def make(count, *, seed=0, per_picture=4):
        pictures = drawn(count, seed=seed)
        captions = tuple(
            tuple(caption_of({"expression": label}, sample_id=name, number=n) for n in range(per_picture))
            for name, label in zip(pictures.ids, pictures.labels, strict=True)
        )
        return CaptionedPictures(pictures=pictures, captions=captions)

    return make


# the loss


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_the_loss_is_clips_summed_term_by_term():
    rng = np.random.default_rng(0)
    pictures, texts = unit(rng.normal(size=(4, 6))), unit(rng.normal(size=(4, 6)))
    near = 5.0 * pictures @ texts.T
    rows = [-math.log(math.exp(near[i, i]) / np.exp(near[i]).sum()) for i in range(4)]
    columns = [-math.log(math.exp(near[i, i]) / np.exp(near[:, i]).sum()) for i in range(4)]
    found = image_text_loss(torch.tensor(pictures), torch.tensor(texts), scale=5.0)
    assert float(found) == pytest.approx((np.mean(rows) + np.mean(columns)) / 2)


def test_equal_captions_are_no_wrong_answers():
    """Two pictures with one text: the loss is least where both are right, log 2 for the choice between equals."""
    vectors = torch.eye(3, dtype=torch.float64)[[0, 0, 2]]
    same = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=torch.bool)
    tolerant = image_text_loss(vectors, vectors, scale=50.0, same=same)
    assert float(tolerant) == pytest.approx(2 / 3 * math.log(2), abs=1e-6)


# the towers


def network_of(words=9):
    shape = TextConfig(width=16, depth=2, heads=2, common=8, longest=12)
    config = {"widths": (8, 16), "depths": (1, 1)}
    generator = torch.Generator().manual_seed(0)
    return fresh_image_text("small_cnn", config, shape, channels=1, words=words, generator=generator).eval()


def test_padding_changes_no_text():
    network = network_of()
    short = torch.tensor([[3, 1, 4]])
    padded = torch.tensor([[3, 1, 4, 0, 0, 0], [2, 2, 2, 2, 2, 2]])
    torch.testing.assert_close(network.embed_texts(short)[0], network.embed_texts(padded)[0])


def test_the_order_of_words_matters():
    network = network_of()
    first, second = network.embed_texts(torch.tensor([[3, 1, 4], [4, 1, 3]]))
    assert (first - second).abs().max().item() > 1e-4


def test_initialisation_depends_on_the_generator_alone():
    torch.manual_seed(1)
    first = network_of().state_dict()
    torch.manual_seed(2)
    assert all(torch.equal(first[name], tensor) for name, tensor in network_of().state_dict().items())


def test_words_are_a_closed_list():
    words = Vocabulary(words=("a", "happy", "face", "left"))
    assert words.encode(["A happy face.", "a face"], longest=9).tolist() == [[1, 2, 3], [1, 3, 0]]
    assert words.knows("Happy, face") and not words.knows("happy dog")
    with pytest.raises(FacsimError, match='found "dog"'):
        words.encode(["a dog"], longest=9)


# training


def test_a_resumed_training_equals_an_unbroken_one_bit_for_bit(tmp_path, captioned):
    config = small(checkpoint_steps=7)
    whole = contrast(captioned(80), config, out=tmp_path / "whole")
    for step in (10, 20):
        with pytest.raises(Killed):
            contrast(captioned(80), config, out=tmp_path / "broken", on_steps=kill_at(step))
    again = contrast(captioned(80), config, out=tmp_path / "broken")
    for file in (WEIGHTS_FILE, f"{BACKBONE_FOLDER}/{WEIGHTS_FILE}"):
        assert (tmp_path / "broken" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()
    assert again.curve == whole.curve and again.held_out == whole.held_out


def test_it_learns_to_find_captions_and_to_name_unseen_pictures(tmp_path, captioned, drawn):
    done = contrast(captioned(210), small(steps=250), out=tmp_path)
    model = CaptionModel(model=done.model)
    found = zero_shot(model, drawn(70, seed=9))
    assert found.evaluation.accuracy.low > 0.5
    measured = measure_retrieval(model, captioned(70, seed=9, per_picture=1))
    assert measured.picture_to_text[10].value > 2 * 10 / measured.distinct_texts
    assert done.held_out["gallery"] == len(split_captioned(captioned(210))[1])


def test_towers_may_compute_in_bf16(tmp_path, captioned):
    slow = Optimisation(lr=3e-5, clip=1.0)  # else what a CPU rounds adds up over the steps
    near = contrast(captioned(80), small(precision="bf16", optimisation=slow), out=tmp_path / "near")
    exact = contrast(captioned(80), small(optimisation=slow), out=tmp_path / "exact")
    losses = [[entry["loss"] for entry in one.curve] for one in (near, exact)]
    assert losses[0] != losses[1] and losses[0] == pytest.approx(losses[1], rel=0.01)
    quick = [entry["loss"] for entry in contrast(captioned(80), small(precision="bf16"), out=tmp_path / "quick").curve]
    assert quick[-1] < 0.9 * quick[0]
    assert {one.dtype for one in near.model.network.parameters()} == {torch.float32}
    with pytest.raises(FacsimError, match="expected fp32 or bf16"):
        small(precision="fp16")


def test_a_saved_model_says_what_it_said(tmp_path, captioned, drawn):
    done = contrast(captioned(80), small(), out=tmp_path)
    loaded = load_image_text(tmp_path)
    ours, theirs = (CaptionModel(model=model) for model in (done.model, loaded))
    images, texts = drawn(5, seed=2).images, ["A happy face.", "The face shows fear."]
    assert np.array_equal(ours.embed_pictures(images), theirs.embed_pictures(images))
    assert np.array_equal(ours.embed_texts(texts), theirs.embed_texts(texts))
    assert loaded.sha256 == done.model.sha256 and theirs.description["trained_on"].endswith("with captions")
    tower = load_backbone(tmp_path / BACKBONE_FOLDER)
    assert torch.equal(tower.network.stem[0].weight, loaded.network.backbone.stem[0].weight)


def test_a_model_of_captions_knows_near_copies_of_what_it_saw(tmp_path, captioned):
    contrast(captioned(80), small(validation="none"), out=tmp_path)
    pictures = captioned(80).pictures
    lighter = dataclasses.replace(
        pictures, images=np.clip(pictures.images.astype(int) + 3, 0, 255).astype(np.uint8), hashes=pictures.hashes + 1
    )
    for place in (tmp_path, tmp_path / BACKBONE_FOLDER):
        assert load_seen(place).counts(pictures) == (80, 0) and load_seen(place).counts(lighter) == (0, 80)
    found = zero_shot(CaptionModel(model=load_image_text(tmp_path)), lighter, seen=load_seen(tmp_path), split="x")
    told = found.to_json()
    assert told["seen_in_training"]["near"]["count"] == 80 and told["split"] == "x"
    assert told["preprocessing"]["version"] and told["extractor"].startswith("facsim captions@")


def test_other_captions_are_another_training(tmp_path, captioned):
    contrast(captioned(80), small(), out=tmp_path)
    with pytest.raises(ManifestError, match="another training"):
        contrast(captioned(80, per_picture=3), small(), out=tmp_path)


def test_views_that_mirror_are_refused():
    with pytest.raises(FacsimError, match="left and right would be false"):
        small(views=Views(light=scaled_augmentation(0.5)))


def test_a_loss_that_is_not_finite_is_named(tmp_path, captioned):
    with pytest.raises(FacsimError, match="the loss of contrastive training became"):
        contrast(captioned(80), small(optimisation=Optimisation(lr=1e30, warmup=0.0)), out=tmp_path)


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="no model of pictures and texts"):
        load_image_text(tmp_path)


def test_a_damaged_file_is_refused(tmp_path, captioned):
    contrast(captioned(80), small(), out=tmp_path)
    data = (tmp_path / WEIGHTS_FILE).read_bytes()
    (tmp_path / WEIGHTS_FILE).write_bytes(data[: len(data) // 2])
    with pytest.raises(WeightsError):
        load_image_text(tmp_path)


# retrieval


def test_recall_by_hand():
    pictures = unit(np.array([[1, 0], [0, 1], [1, 1]], dtype=np.float32))
    texts = unit(np.array([[1, 0.1], [1, 0.2], [1, 1]], dtype=np.float32))
    found = retrieval(pictures, texts, ["a", "b", "c"], among=(1, 2))
    # picture 0: text 0 first. picture 1: text 2, then 1. picture 2: text 2 first.
    assert [found.picture_to_text[k].value for k in (1, 2)] == pytest.approx([2 / 3, 1])
    # text 0: picture 0 first. text 1: picture 0, then 2, then 1. text 2: picture 2 first.
    assert [found.text_to_picture[k].value for k in (1, 2)] == pytest.approx([2 / 3, 2 / 3])


def test_ties_count_against_and_equal_captions_for():
    ones = np.ones((4, 2), dtype=np.float32) / np.sqrt(2)
    assert retrieval(ones, ones, list("abcd")).picture_to_text[1].value == 0
    assert retrieval(ones, ones, ["a"] * 4).picture_to_text[1].value == 1


# zero-shot prompts


@pytest.mark.parametrize("kind", ["names", "action-units", "both"])
def test_weights_of_a_classs_texts_sum_to_1(kind):
    for held in prompts_of(SEVEN_EXPRESSIONS, kind=kind).values():
        assert sum(prompt.weight for prompt in held) == pytest.approx(1)
        assert len({prompt.text for prompt in held}) == len(held)


def test_texts_of_action_units_come_from_the_prototypes():
    texts = {prompt.text: prompt.weight for prompt in prompts_of(["happiness"], kind="action-units")["happiness"]}
    assert "a face with clearly pulled-up lip corners and slightly raised cheeks" in texts  # the closed smile
    sided = [prompt.text for prompt in prompts_of(["contempt"], kind="action-units")["contempt"]]
    assert any("left lip corner" in text for text in sided) and any("right lip corner" in text for text in sided)


def test_an_unknown_class_is_answered_with_the_nearest():
    with pytest.raises(FacsimError, match='Did you mean "anger"'):
        prompts_of(["angerr"])


def test_a_class_is_the_weighted_mean_of_its_texts(tmp_path, captioned):
    model = CaptionModel(model=contrast(captioned(80), small(), out=tmp_path).model)
    prompts = {"fear": prompts_of(["fear"], kind="action-units")["fear"]}
    vectors = model.embed_texts([prompt.text for prompt in prompts["fear"]])
    mean = sum(prompt.weight * row for prompt, row in zip(prompts["fear"], vectors, strict=True))
    np.testing.assert_allclose(class_embeddings(model, prompts)[0], mean / np.linalg.norm(mean), rtol=1e-5)


def test_texts_with_unknown_words_are_left_out_and_listed(tmp_path, captioned, drawn):
    model = CaptionModel(model=contrast(captioned(80), small(), out=tmp_path).model)
    found = zero_shot(model, drawn(14), kind="both").to_json()
    assert any("photo" in text for text in found["prompts"]["unknown_to_model"])
    assert all("photo" not in text for texts in found["prompts"]["texts"].values() for text in texts)
    assert found["classes"] == list(SEVEN_EXPRESSIONS) and found["model"]["sha256"] == found["model_sha256"]


# captions of a run


@pytest.fixture
def painted(tmp_path, fakes):
    run(parse_recipe('[plan]\ncount = 28\n[[step]]\nuse = "painted"\n'), str(tmp_path / "run"), executor="serial")
    return tmp_path / "run"


def test_a_run_gives_captions_that_are_true_of_its_rows(painted):
    dataset = open_dataset(str(painted))
    captions = run_captions(dataset, per_picture=5)
    columns = ["plan.apparent_age_years", "plan.apparent_gender", "plan.skin_tone_monk", "painted.yaw_deg"]
    assert len(captions) == 28
    for row in dataset.table(columns).to_pylist():
        held = {name.partition(".")[2] or name: value for name, value in row.items()}
        assert len(captions[row["sample_id"]]) == 5
        assert all(false_claims(text, held) == () for text in captions[row["sample_id"]])


@pytest.mark.parametrize("name", ["captions.jsonl", "captions.parquet"])
def test_captions_are_written_and_read_again(painted, tmp_path, name):
    captions = run_captions(open_dataset(str(painted)), per_picture=2)
    assert write_captions(tmp_path / name, captions) == 56
    assert read_captions(tmp_path / name) == captions


def test_captions_are_joined_to_the_runs_pictures(painted):
    pictures = load_pictures(painted, size_px=16)
    captions = run_captions(open_dataset(str(painted)))
    whole = joined(pictures, captions)
    assert len(whole) == 28 and whole.captions[3] == captions[pictures.ids[3].removesuffix(".png")]
    some = joined(pictures, dict(list(captions.items())[:10]))
    assert len(some) == 10 and some.pictures.left_out["uncaptioned"] == 18
    with pytest.raises(FormatError, match="found no caption for any of 28 pictures"):
        joined(pictures, {"other": ("a face",)})


def test_a_row_without_a_caption_is_named(tmp_path):
    (tmp_path / "c.jsonl").write_text(json.dumps({"sample_id": "a", "caption": "x"}) + '\n{"sample_id": "b"}\n')
    with pytest.raises(FormatError, match="row 1"):
        read_captions(tmp_path / "c.jsonl")
    with pytest.raises(FormatError, match="ends in"):
        write_captions(tmp_path / "c.csv", {})


def test_identities_are_kept_apart_between_training_and_held_out(captioned):
    made = captioned(140)
    whose = tuple(f"person {i // 4}" for i in range(140))
    made = dataclasses.replace(made, pictures=dataclasses.replace(made.pictures, identities=whose))
    training, held = split_captioned(made)
    assert len(held) and not set(training.pictures.identities) & set(held.pictures.identities)
    place = made.pictures.ids.index(held.pictures.ids[0])
    assert held.captions[0] == made.captions[place]


class FewWords:
    """A model that knows only what is said of the classes named."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def knows(self, text: str) -> bool:
        return any(ADJECTIVES[name] in text for name in self.names)


def test_classes_that_have_words_are_kept_in_order():
    model = FewWords("anger", "fear", "sadness")
    assert worded_classes(model, ("sadness", "boredom", "happiness", "anger")) == ("sadness", "anger")


def test_a_model_that_has_words_for_one_class_is_refused():
    with pytest.raises(FacsimError, match="words for fear, expected at least two"):
        worded_classes(FewWords("fear"), ("fear", "anger"))
