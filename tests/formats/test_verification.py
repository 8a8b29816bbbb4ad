"""Counts against official sizes, missing and extra pictures; on tiny sets, which are never of the official size."""

import pytest

from facsim.formats.official_sizes import SIZES, OfficialSize, size_fault
from facsim.formats.verification import verify_dataset


def test_counts_missing_and_extra_are_found(tiny_set, files_written, noise):
    place = tiny_set("raf_db")
    (place / "Image/aligned/test_0001_aligned.jpg").unlink()
    files_written(place, {"Image/aligned/train_00009_aligned.jpg": noise(9), "Image/original/x.jpg": noise(8)})
    found = verify_dataset(place)
    assert found.counts == {"train": {"happiness": 1, "sadness": 1}, "test": {"surprise": 1}}
    assert (found.missing, found.missing_names) == (1, ("Image/aligned/test_0001_aligned.jpg",))
    assert (found.extra, found.extra_names) == (1, ("Image/aligned/train_00009_aligned.jpg",))
    assert found.differences == (
        "split train: 2 pictures; officially 12271",
        "split test: 1 pictures; officially 3068",
    )
    assert not found.fits and found.terms.name == "RAF-DB"


def test_only_the_split_asked_for_is_compared(tiny_set):
    found = verify_dataset(tiny_set("raf_db"), split="test")
    assert found.counts == {"test": {"surprise": 1}} and found.compared == 1


def test_a_set_without_an_official_size_fits_where_nothing_is_amiss(tiny_set):
    assert verify_dataset(tiny_set("class_folder")).fits


def test_frames_between_the_first_and_the_last_are_no_extras(tiny_set):
    assert verify_dataset(tiny_set("ck_plus")).extra == 0


@pytest.mark.parametrize("form", SIZES)
def test_a_set_of_the_official_size_fits(form):
    for size in SIZES[form]:
        for count in size.counts[:1]:
            classes = dict(size.classes) or {"anger": count}
            assert sum(classes.values()) == count
            assert size_fault(size, {size.splits[0] if size.splits else "": classes}) == ""


def test_a_set_of_another_size_or_of_other_classes_does_not():
    size = OfficialSize(counts=(3,), splits=("train",), classes={"anger": 2, "fear": 1})
    assert size_fault(size, {"Train": {"anger": 2}}) == "split train: 2 pictures; officially 3"
    assert "anger 1 of 2, fear 2 of 1" in size_fault(size, {"Train": {"anger": 1, "fear": 2}})
    labelled = OfficialSize(counts=(1,), labelled=True)
    assert size_fault(labelled, {"": {"anger": 1, "": 5}}) == ""
    about = OfficialSize(counts=(500_000,), rule="about")
    assert not size_fault(about, {"": {"": 491_000}}) and size_fault(about, {"": {"": 480_000}})
    least = OfficialSize(counts=(400_000,), rule="least")
    assert not size_fault(least, {"": {"": 410_000}}) and size_fault(least, {"": {"": 399_999}})


def test_fer2013_of_the_shared_data_has_the_official_sizes(shared):
    train = verify_dataset(shared / "data/fer2013/train.zip", format="fer2013_folder", split="train")
    public = verify_dataset(shared / "data/fer2013/publictest.zip", format="fer2013_folder", split="publictest")
    assert train.fits and public.fits and train.pictures == 28_709 and public.pictures == 3589
