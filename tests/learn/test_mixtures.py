"""facsim.learn.mixtures: draws by quota, mixtures, Mixed-SYN, topping up, and what is refused."""

import dataclasses

import numpy as np
import pytest

from facsim.errors import FacsimError
from facsim.expressions import SEVEN_EXPRESSIONS
from facsim.learn.data import chooser_split, take
from facsim.learn.mixtures import Ingredient, Quota, draw, held_out, mix, mixed_syn, topped_up


def named(pictures, people: int):
    """The pictures, of so many people in turn."""
    return dataclasses.replace(pictures, identities=tuple(f"p{i // 7 % people}" for i in range(len(pictures))))


def counts(pictures):
    return {name: pictures.labels.count(name) for name in pictures.classes}


def test_a_share_takes_so_much_of_every_class(drawn):
    taken, short = draw(drawn(210), Quota(share=0.2), seed=0)
    assert counts(taken) == dict.fromkeys(SEVEN_EXPRESSIONS, 6) and short == {}


def test_a_share_takes_at_least_one_of_every_class_that_there_is(drawn):
    assert set(counts(draw(drawn(70), Quota(share=0.001), seed=0)[0]).values()) == {1}


def test_a_small_share_lies_within_a_larger_one_of_the_same_seed(drawn):
    small, large = (set(draw(drawn(210), Quota(share=share), seed=3)[0].ids) for share in (0.1, 0.4))
    assert small < large


def test_another_seed_draws_other_pictures(drawn):
    one, other = (draw(drawn(210), Quota(share=0.2), seed=seed)[0] for seed in (0, 1))
    assert set(one.ids) != set(other.ids)


def test_a_draw_does_not_depend_on_the_order_of_the_pictures(drawn):
    pictures = drawn(140)
    turned = take(pictures, np.arange(len(pictures))[::-1].copy())
    assert set(draw(pictures, Quota(per_class=5), seed=0)[0].ids) == set(
        draw(turned, Quota(per_class=5), seed=0)[0].ids
    )


def test_a_count_is_split_as_the_classes_are(drawn):
    pictures = take(drawn(140), np.r_[0:70, np.arange(70, 140, 7)])  # 20 of the first class, 10 of the others
    assert counts(draw(pictures, Quota(count=40), seed=0)[0]) == {
        "anger": 10,
        **dict.fromkeys(SEVEN_EXPRESSIONS[1:], 5),
    }


def test_a_class_with_too_few_pictures_is_reported(drawn):
    taken, short = draw(drawn(70), Quota(per_class={"fear": 12, "anger": 2}), seed=0)
    assert short == {"fear": 2}
    assert counts(taken) == {**dict.fromkeys(SEVEN_EXPRESSIONS, 0), "fear": 10, "anger": 2}


def test_people_are_drawn_in_all_classes_or_in_none(drawn):
    taken, _ = draw(named(drawn(210), 30), Quota(share=0.5), seed=0)
    by_person = [taken.identities.count(person) for person in set(taken.identities)]
    assert by_person == [7] * 15


@pytest.mark.parametrize(
    ("quota", "hint"),
    [
        ({"share": 0.5, "count": 3}, "at most one"),
        ({"share": 5}, "5 % is 0.05"),
        ({"count": 0}, "at least one picture"),
        ({"per_class": {"fear": 0}}, "at least one picture"),
    ],
)
def test_an_impossible_quota_is_refused(quota, hint):
    with pytest.raises(FacsimError, match=hint):
        Quota(**quota)


def test_a_quota_for_an_unknown_class_names_the_nearest(drawn):
    with pytest.raises(FacsimError, match='Did you mean "fear"'):
        draw(drawn(14), Quota(per_class={"feer": 1}), seed=0)


def test_a_mixture_names_its_pictures_by_set_and_says_where_they_come_from(drawn):
    real = dataclasses.replace(named(drawn(70, seed=1), 10), origin="fer2013")
    mixture = mix(
        [
            Ingredient(name="renders", pictures=named(drawn(70), 10)),
            Ingredient(name="real", pictures=real, quota=Quota(share=0.1)),
        ],
        seed=0,
    )
    assert len(mixture.pictures) == 77 and len(set(mixture.pictures.ids)) == 77
    assert mixture.contents["real"] == dict.fromkeys(SEVEN_EXPRESSIONS, 1)
    assert mixture.pictures.origin == "renders: 70 of not recorded + real: 7 of fer2013"
    assert {who.split("/")[0] for who in mixture.pictures.identities} == {"renders", "real"}


def test_mixing_moves_no_picture_across_the_fixed_cut(drawn):
    pictures = drawn(140)
    _, alone = chooser_split(pictures)
    _, mixed = chooser_split(mix([Ingredient(name="a", pictures=pictures)], seed=0).pictures)
    assert [name.removeprefix("a/") for name in mixed.ids] == list(alone.ids)


def test_pictures_that_two_sets_share_are_counted(drawn):
    parts = [Ingredient(name=name, pictures=drawn(14)) for name in ("a", "b")]
    assert mix(parts, seed=0).repeated == 14


def test_classes_in_another_order_are_put_in_the_first_sets_order(drawn):
    pictures = drawn(14)
    turned = dataclasses.replace(pictures, targets=pictures.targets[:, ::-1].copy(), classes=pictures.classes[::-1])
    mixture = mix([Ingredient(name="a", pictures=pictures), Ingredient(name="b", pictures=turned)], seed=0)
    assert mixture.pictures.labels == pictures.labels * 2


def test_attributes_of_one_set_are_none_for_the_others(drawn):
    known = dataclasses.replace(drawn(7), attributes={"skin_tone_monk": tuple(float(i) for i in range(7))})
    mixture = mix([Ingredient(name="a", pictures=known), Ingredient(name="b", pictures=drawn(7, seed=1))], seed=0)
    assert mixture.pictures.attributes["skin_tone_monk"] == (*map(float, range(7)), *[None] * 7)


@pytest.mark.parametrize(
    ("other", "hint"),
    [
        ({"classes": ("anger", "disgust")}, "same classes"),
        ({"size_px": 32}, "one shape"),
    ],
)
def test_sets_that_do_not_fit_together_are_refused(drawn, other, hint):
    with pytest.raises(FacsimError, match=hint):
        mix([Ingredient(name="a", pictures=drawn(14)), Ingredient(name="b", pictures=drawn(14, **other))], seed=0)


def test_a_set_named_twice_is_refused(drawn):
    with pytest.raises(FacsimError, match="expected each once"):
        mix([Ingredient(name="a", pictures=drawn(14))] * 2, seed=0)


def test_mixed_syn_trains_and_validates_on_other_people_and_pictures(drawn):
    sources = {name: named(drawn(210, seed=seed), 30) for seed, name in enumerate("ab")}
    training, validation = mixed_syn(sources, seed=0, training=12, validation=4)
    assert counts(training.pictures) == dict.fromkeys(SEVEN_EXPRESSIONS, 24)
    assert counts(validation.pictures) == dict.fromkeys(SEVEN_EXPRESSIONS, 8)
    assert not set(training.pictures.identities) & set(validation.pictures.identities)
    assert not np.isin(validation.pictures.hashes, training.pictures.hashes).any()


def test_mixed_syn_serves_training_first_and_reports_what_validation_lacks(drawn):
    training, validation = mixed_syn({"a": drawn(70)}, seed=0, training=8, validation=4)
    assert training.short == {} and validation.short == {"a": dict.fromkeys(SEVEN_EXPRESSIONS, 2)}


def test_a_copy_of_a_training_picture_is_not_held_out(drawn):
    pictures = drawn(70)
    copied = dataclasses.replace(pictures, hashes=np.repeat(pictures.hashes[:7], 10))
    training, _ = draw(copied, Quota(per_class=5), seed=0)
    kept, _ = held_out(copied, training, Quota(per_class=5), seed=0)
    assert not np.isin(kept.hashes, training.hashes).any()


def test_topping_up_fills_every_class_to_the_same_number(drawn):
    real = take(drawn(70), np.r_[0:35, np.arange(35, 70, 7)])  # 10 of anger, 5 of the others
    made = topped_up(
        Ingredient(name="real", pictures=real),
        Ingredient(name="renders", pictures=drawn(70, seed=1)),
        per_class=9,
        seed=0,
    )
    assert counts(made.pictures) == {"anger": 10, **dict.fromkeys(SEVEN_EXPRESSIONS[1:], 9)}
    assert made.contents["renders"]["anger"] == 0
