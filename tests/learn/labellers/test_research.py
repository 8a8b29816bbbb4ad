from dataclasses import replace

import numpy as np
import pytest
import torch

from facsim.errors import FacsimError
from facsim.expressions import EIGHT_EXPRESSIONS, SEVEN_EXPRESSIONS
from facsim.formats.ferplus import VOTE_COLUMNS, FerPlusVotes
from facsim.learn.calibration import load_temperature
from facsim.learn.data import Pictures, is_chooser, pixel_hash
from facsim.learn.labellers import research
from facsim.learn.labellers.fitting import fit_labeller
from facsim.learn.labellers.halves import PARTS
from facsim.learn.labellers.research import (
    RESEARCH_RECIPE,
    RESEARCH_SIZES,
    ResearchSize,
    research_task,
    split_heads,
    write_heads,
)
from facsim.learn.leaks import load_training_hashes
from facsim.learn.upright_faces import UprightFaces
from facsim.models.classifier import nchw, prepare
from facsim.models.weights import load_classifier

TINY = ResearchSize(widths=(8, 16), depths=(1, 1), recipe=RESEARCH_RECIPE, augmentation=0.2)


def drawn(count=240, seed=0):
    """Pictures whose class is how many bars lie across them."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 7, count)
    images = rng.integers(0, 60, (count, 48, 48)).astype(np.uint8)
    for image, index in zip(images, classes, strict=True):
        for bar in range(index):
            image[4 + 7 * bar : 7 + 7 * bar] = 250
    targets = np.eye(7, dtype=np.float32)[classes]
    ids = tuple(f"train/{SEVEN_EXPRESSIONS[index]}/{row}.jpg" for row, index in enumerate(classes))
    hashes = np.array([pixel_hash(image) for image in images], dtype=np.uint64)
    return Pictures(images=images, targets=targets, classes=SEVEN_EXPRESSIONS, ids=ids, hashes=hashes, origin="bars")


def voted(pictures, every=2):
    rows = []
    for at, (name, label) in enumerate(zip(pictures.ids, pictures.labels, strict=True)):
        if at % every == 0:
            rows.append(FerPlusVotes(name=name, usage=None, votes={**dict.fromkeys(VOTE_COLUMNS, 0), label: 8}))
    return rows


def test_the_cut_is_held_out_and_nothing_of_it_trained_on():
    task = research_task(drawn(), [])
    names = task.pictures.ids
    assert {names[row] for row in task.held_out} == {name for name in names if is_chooser(name)}
    assert not set(task.training) & set(task.held_out)
    assert len(task.training) + len(task.held_out) == len(names)


def test_copies_of_barred_pictures_are_on_neither_side():
    pictures = drawn()
    barred = replace(pictures, images=pictures.images[:20], targets=pictures.targets[:20], ids=pictures.ids[:20],
                     hashes=pictures.hashes[:20])  # fmt: skip
    task = research_task(pictures, [], barred=barred)
    assert task.barred >= 20
    assert not set(range(20)) & (set(task.training) | set(task.held_out))


def test_halves_share_no_picture_and_make_the_whole():
    pictures = drawn()
    first, second, whole = (set(research_task(pictures, [], part=part).training) for part in ("first", "second", "all"))
    assert not first & second and first | second == whole
    assert 80 < len(first) < 140


def test_no_part_holds_the_cut():
    names = [f"{row}.png" for row in range(2000)]
    assert not any(PARTS[part](name) for part in PARTS for name in names if is_chooser(name))


def test_votes_stand_in_the_order_of_the_eight_and_are_nought_where_there_are_none():
    pictures = drawn()
    task = research_task(pictures, voted(pictures))
    assert (task.votes[::2].argmax(axis=1) == [EIGHT_EXPRESSIONS.index(label) for label in pictures.labels[::2]]).all()
    assert task.votes[1::2].sum() == 0


def test_a_picture_without_votes_moves_the_votes_head_by_nothing():
    pictures = drawn(16)
    task = research_task(pictures, [])
    outputs = torch.zeros(16, 15, requires_grad=True)
    task.loss(outputs, task.batch(np.arange(16), seed=None)[1]).backward()
    assert outputs.grad[:, 7:].abs().sum() == 0 and outputs.grad[:, :7].abs().sum() > 0


def test_both_heads_learn_and_stand_alone_as_classifiers(tmp_path):
    pictures = drawn(400)
    task = replace(research_task(pictures, voted(pictures)), size=TINY)
    config = replace(RESEARCH_RECIPE, steps=150, batch_size=32, lr=5e-3, ema=0.9, threads=1)
    fitted = fit_labeller(task, config, out=tmp_path)
    assert fitted.scores["accuracy_cut"] > 0.8 and fitted.scores["votes_accuracy_cut"] > 0.8
    write_heads(fitted, task)
    labels, votes = load_classifier(tmp_path / "labels"), load_classifier(tmp_path / "votes")
    assert labels.classes == SEVEN_EXPRESSIONS and votes.classes == EIGHT_EXPRESSIONS
    batch = prepare(nchw(torch.from_numpy(pictures.images[:9])), labels.preprocessing)
    whole = fitted.labeller.network(batch)
    assert torch.allclose(torch.cat([labels.network(batch), votes.network(batch)], dim=1), whole, atol=1e-4)
    assert len(load_training_hashes(tmp_path / "labels")) == len(set(pictures.hashes[task.training]))
    assert "photographs" in (tmp_path / "card.md").read_text()
    assert split_heads(fitted.labeller)[1].classes == EIGHT_EXPRESSIONS


def test_an_unknown_part_is_refused_with_the_nearest():
    with pytest.raises(FacsimError, match='Did you mean "first"'):
        research_task(drawn(), [], part="frist")


def test_each_head_is_calibrated_on_the_cut_where_that_is_large_enough(tmp_path):
    pictures = drawn(1300)
    task = replace(research_task(pictures, voted(pictures, every=1)), size=TINY)
    config = replace(RESEARCH_RECIPE, steps=60, batch_size=32, lr=5e-3, ema=0.9, threads=1)
    labels, votes = write_heads(fit_labeller(task, config, out=tmp_path), task)
    for name, head in (("labels", labels), ("votes", votes)):
        kept = load_temperature(tmp_path / name, model=head.sha256)
        assert kept is not None and kept.fitted_on["n"] == len(task.held_out)
        assert kept.fitted_on["nll_after"] <= kept.fitted_on["nll_before"] + 1e-6
        assert not set(kept.hashes) & set(pictures.hashes[task.training])


def test_of_the_cut_pictures_with_a_copy_among_those_trained_on_are_left_out():
    pictures = drawn(400)
    cut = np.flatnonzero([is_chooser(name) for name in pictures.ids])
    training = np.setdiff1d(np.arange(400), cut)
    images = pictures.images.copy()
    images[cut[:5]] = images[training[:5]]
    task = research_task(replace(pictures, images=images), [])
    assert not set(cut[:5]) & set(task.held_out) and set(training[:5]) <= set(task.training)
    assert task.known_of_cut >= 5 and f"less {task.known_of_cut}" in task.provenance["selected_on"]


def test_copies_by_face_are_barred_and_not_judged_on(monkeypatch):
    pictures, asked = drawn(), []

    def faces_of(one, **kwargs):
        asked.append(len(one))
        return UprightFaces(pictures=one, found=np.ones(len(one), dtype=bool))

    def near(pool, test):
        rows = np.zeros(len(pool.found), dtype=bool)
        rows[0] = True
        return rows

    plain = research_task(pictures, [], barred=drawn(7, seed=9))
    monkeypatch.setattr(research, "upright_faces", faces_of)
    monkeypatch.setattr(research, "near_by_face", near)
    task = research_task(pictures, [], barred=drawn(7, seed=9), by_face=True)
    assert asked == [240, 7] and task.barred == plain.barred + 1
    assert len(task.training) + len(task.held_out) + 1 == len(plain.training) + len(plain.held_out) - 1


def test_half_of_what_is_seen_is_cut_upright_where_that_is_asked_for(monkeypatch):
    pictures = drawn()

    def faces_of(one, **kwargs):
        black = replace(one, images=np.zeros_like(one.images))
        return UprightFaces(pictures=black, found=np.ones(len(one), dtype=bool))

    monkeypatch.setattr(research, "upright_faces", faces_of)
    task = replace(research_task(pictures, [], upright=True), size=replace(TINY, augmentation=0.0))
    rows = task.training[:200]
    seen = task.batch(rows, seed=5)[0].amax(dim=(1, 2, 3))
    assert 70 < int((seen == 0).sum()) < 130  # black ones are upright
    assert torch.equal(seen, task.batch(rows, seed=5)[0].amax(dim=(1, 2, 3)))
    assert not torch.equal(seen, task.batch(rows, seed=6)[0].amax(dim=(1, 2, 3)))
    assert bool((task.batch(rows, seed=None)[0].amax(dim=(1, 2, 3)) > 0).all())  # judged as they came
    plain = research_task(pictures, [])
    assert task.identity["upright"] and "upright" not in plain.identity
    assert task.provenance["barred_copies_of_test_pictures"] == plain.provenance["barred_copies_of_test_pictures"]


def test_mixing_mixes_pictures_labels_and_votes_alike():
    pictures = drawn(64)
    plain = research_task(pictures, voted(pictures, every=1))
    mixing = replace(plain, size=replace(TINY, augmentation=0.0, mixup_alpha=5.0))
    whole = replace(plain, size=replace(TINY, augmentation=0.0))
    rows = np.arange(64)
    images, (labels, votes) = mixing.batch(rows, seed=3)
    before, (own, given) = whole.batch(rows, seed=3)
    share = next(float(labels[row].max()) for row in rows if labels[row].max() < 1)
    share = share if torch.allclose(images, share * before + (1 - share) * before[rows ^ 1], atol=1e-5) else 1 - share
    assert 0 < share < 1
    for mixed, plainly in ((images, before), (labels, own), (votes, given)):
        assert torch.allclose(mixed, share * plainly + (1 - share) * plainly[rows ^ 1], atol=1e-5)


def test_an_unknown_size_is_refused_with_the_nearest():
    with pytest.raises(FacsimError, match='Did you mean "large"'):
        research_task(drawn(), [], size="lage")


@pytest.mark.parametrize("name", RESEARCH_SIZES)
def test_every_size_makes_its_network_and_learns_a_step(tmp_path, name):
    pictures = drawn(240)
    task = research_task(pictures, voted(pictures), size=name)
    fitted = fit_labeller(task, replace(RESEARCH_SIZES[name].recipe, steps=1, batch_size=16), out=tmp_path)
    assert fitted.step == 1 and fitted.labeller.network.config.widths == RESEARCH_SIZES[name].widths
