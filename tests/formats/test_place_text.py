"""Places as text: every place of every layout is found again from its row, also in a copy of the set."""

import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facsim.errors import FormatError
from facsim.formats import index_records
from facsim.formats.place_text import Locator, place_text
from facsim.formats.places import PlaceReader

FORMS = [
    *("class_folder", "fer2013", "parquet", "webdataset", "pictures", "ferplus", "raf_db", "affectnet_csv"),
    *("affectnet_npy", "ck_plus", "expw", "digiface", "dcface", "emonet_face", "ffhq", "celeba_hq"),
]


@pytest.mark.parametrize("form", FORMS)
def test_the_text_leads_to_the_picture_in_the_set_and_in_a_copy(tiny_set, tmp_path, form):
    place = tiny_set(form)
    records = list(index_records(place, form))
    texts = [place_text(record.place, source=str(place), name=record.name) for record in records]
    copy = tmp_path / f"copy{place.suffix}"
    shutil.copytree(place, copy) if place.is_dir() else shutil.copy(place, copy)
    with PlaceReader() as reader:
        for source in (place, copy):
            locator = Locator()
            for record, text in zip(records, texts, strict=True):
                found = locator.place(text, source=str(source), name=record.name)
                assert reader.read(found) == record.image


def test_a_picture_that_is_a_file_of_its_own_needs_no_text(tiny_set):
    place = tiny_set("pictures")
    assert {place_text(r.place, source=str(place), name=r.name) for r in index_records(place, "pictures")} == {None}


@given(text=st.text(max_size=40) | st.lists(st.integers() | st.text(max_size=5), max_size=6).map(str))
def test_any_other_text_is_refused(text):
    with pytest.raises(FormatError), PlaceReader() as reader:
        reader.read(Locator().place(text, source="/nowhere", name="a"))


@pytest.mark.parametrize("text", ['["","bytes",-5,3]', '["","what",0,3]', '["a","stored",0,3]', '["","bytes",0,-1]'])
def test_a_place_that_cannot_be_is_an_error_of_the_picture(tmp_path, text):
    (tmp_path / "a").write_bytes(b"12345")
    with pytest.raises(FormatError), PlaceReader() as reader:
        reader.read(Locator().place(text, source=str(tmp_path / "a"), name="a"))
