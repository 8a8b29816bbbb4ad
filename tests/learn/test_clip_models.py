"""CLIP-style models by path, on a tiny random one; skipped, saying so, where transformers is not installed."""

import importlib.util
import json

import numpy as np
import pytest
import torch

from facsim.errors import MissingExtra, WeightsError
from facsim.learn.clip_models import is_clip_folder, load_clip
from facsim.learn.data import Pictures
from facsim.learn.zero_shot import zero_shot

HERE = importlib.util.find_spec("transformers") is not None
needs_transformers = pytest.mark.skipif(not HERE, reason='transformers is not installed: pip install "facsim[clip]"')


def write_tokenizer(folder):
    """A byte-pair tokenizer without merges: every letter is a token."""
    letters = [chr(code) for code in range(33, 127)]
    vocabulary = {token: place for place, token in enumerate([*letters, *(f"{letter}</w>" for letter in letters)])}
    vocabulary |= {"<|startoftext|>": len(vocabulary), "<|endoftext|>": len(vocabulary) + 1}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return vocabulary


@pytest.fixture
def folder(tmp_path):
    import transformers

    torch.manual_seed(0)
    vocabulary = write_tokenizer(tmp_path)
    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    ends = {"bos_token_id": vocabulary["<|startoftext|>"], "eos_token_id": vocabulary["<|endoftext|>"]}
    config = transformers.CLIPConfig(
        text_config={**size, **ends, "vocab_size": len(vocabulary), "max_position_embeddings": 77},
        vision_config={**size, "image_size": 32, "patch_size": 8},
        projection_dim=12,
    )
    transformers.CLIPModel(config).save_pretrained(tmp_path)
    transformers.CLIPTokenizer.from_pretrained(tmp_path).save_pretrained(tmp_path)
    processor = {"image_mean": [0.48, 0.46, 0.41], "image_std": [0.27, 0.26, 0.28]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(processor))
    return tmp_path


def faces(count=14, size=32):
    rng = np.random.default_rng(0)
    names = ("anger", "fear", "happiness", "neutral", "sadness", "surprise", "disgust")
    return Pictures(
        images=rng.integers(0, 256, (count, size, size, 3), dtype=np.uint8),
        targets=np.eye(7, dtype=np.float32)[np.arange(count) % 7],
        classes=names,
        ids=tuple(f"{i}.png" for i in range(count)),
        hashes=np.arange(count, dtype=np.uint64),
    )


@needs_transformers
def test_its_vectors_are_those_of_the_library(folder):
    import transformers

    model = load_clip(folder)
    theirs = transformers.CLIPModel.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    texts = ["a photo of a happy face", "the face shows fear"]
    images = faces().images
    mean, std = (torch.tensor(v)[None, :, None, None] for v in ((0.48, 0.46, 0.41), (0.27, 0.26, 0.28)))
    pixels = (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 - mean) / std
    with torch.no_grad():
        whole = theirs(pixel_values=pixels, **tokenizer(texts, padding=True, return_tensors="pt"))
    np.testing.assert_allclose(model.embed_texts(texts), whole.text_embeds.numpy(), atol=1e-5)
    np.testing.assert_allclose(model.embed_pictures(images), whole.image_embeds.numpy(), atol=1e-5)
    logits = model.scale * model.embed_pictures(images) @ model.embed_texts(texts).T
    np.testing.assert_allclose(logits, whole.logits_per_image.numpy(), atol=1e-3)


@needs_transformers
def test_zero_shot_scores_carry_the_model_and_its_preprocessing(folder):
    found = zero_shot(load_clip(folder), faces(), kind="both").to_json()
    assert found["n"] == 14 and len(found["model"]["sha256"]) == 64
    assert found["model"]["preprocessing"]["size_px"] == 32 and found["prompts"]["unknown_to_model"] == []


@needs_transformers
def test_a_folder_without_normalisation_is_refused(folder):
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(WeightsError, match="image_mean and image_std"):
        load_clip(folder)


@needs_transformers
def test_pickled_weights_are_refused(folder):
    torch.save({}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match="pickled weights are not read"):
        load_clip(folder)


@needs_transformers
def test_siglip_is_read_too(tmp_path):
    import transformers

    place = tmp_path / "siglip"
    place.mkdir()
    vocabulary = write_tokenizer(place)
    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = transformers.SiglipConfig(
        text_config={**size, "vocab_size": len(vocabulary), "max_position_embeddings": 64, "projection_size": 16},
        vision_config={**size, "image_size": 32, "patch_size": 8},
    )
    theirs = transformers.SiglipModel(config).eval()
    theirs.save_pretrained(place)
    transformers.CLIPTokenizer.from_pretrained(place).save_pretrained(place)
    (place / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5] * 3, "image_std": [0.5] * 3}))
    model = load_clip(place)
    images = faces().images
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
    tokens = model.tokenizer(["a happy face"], padding="max_length", max_length=64, return_tensors="pt")
    with torch.no_grad():
        whole = theirs(pixel_values=pixels, input_ids=tokens["input_ids"])
    np.testing.assert_allclose(model.embed_pictures(images), whole.image_embeds.numpy(), atol=1e-5)
    np.testing.assert_allclose(model.embed_texts(["a happy face"]), whole.text_embeds.numpy(), atol=1e-5)


# without the library


def test_a_folder_of_something_else_is_refused(tmp_path):
    assert not is_clip_folder(tmp_path)
    with pytest.raises(WeightsError, match="local folders alone"):
        load_clip(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(WeightsError, match="clip or siglip"):
        load_clip(tmp_path)


def test_without_transformers_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    (tmp_path / "config.json").write_text('{"model_type": "clip"}')
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(MissingExtra, match=r"facsim\[clip\]"):
        load_clip(tmp_path)
