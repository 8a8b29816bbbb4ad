"""Contact sheets: which pictures, of which rows, and what stands beneath them."""

import base64
import io

import pytest
from PIL import Image

from facsim.report.rows import rows_of
from facsim.report.sheets import MOST_PX, class_sheets, rejected_sheets


def opened(thumbnail):
    return Image.open(io.BytesIO(base64.b64decode(thumbnail.uri.split(",", 1)[1])))


def test_a_sheet_holds_the_first_accepted_pictures_by_sample_id(run):
    rows = rows_of(run)
    for sheet in class_sheets(run, rows, most=3):
        kept = sorted(
            name
            for name, label, stays in zip(rows.sample_ids, rows.expression, rows.kept, strict=True)
            if stays and label == sheet.name
        )
        assert [shown.sample_id for shown in sheet.thumbnails] == kept[:3] and sheet.total == len(kept)


def test_pictures_are_shown_at_native_size(run):
    thumbnail = class_sheets(run, rows_of(run), most=1)[0].thumbnails[0]
    assert opened(thumbnail).size == (thumbnail.width_px, thumbnail.height_px) == (64, 64)


def test_the_picture_is_that_of_its_sample(run):
    rows = rows_of(run)
    for thumbnail in class_sheets(run, rows, most=2)[2].thumbnails:
        stored = run.column("render.image")[rows.sample_ids.index(thumbnail.sample_id)]["bytes"]
        original = Image.open(io.BytesIO(stored)).convert("RGB").resize((8, 8))
        shown = opened(thumbnail).convert("RGB").resize((8, 8))
        difference = max(abs(a - b) for a, b in zip(original.tobytes(), shown.tobytes(), strict=True))
        assert difference < 24


def test_large_pictures_are_scaled_down(make_run):
    made = make_run(14, pictures="large")
    thumbnail = class_sheets(made, rows_of(made), most=1)[0].thumbnails[0]
    assert max(opened(thumbnail).size) == MOST_PX


def test_a_caption_says_what_is_known(run):
    rows = rows_of(run)
    shown = next(sheet for sheet in class_sheets(run, rows, most=1) if sheet.name == "neutral").thumbnails[0]
    i = rows.sample_ids.index(shown.sample_id)
    gender, age = run.column("plan.apparent_gender")[i], int(run.column("plan.apparent_age_years")[i])
    tone = run.column("plan.skin_tone_monk")[i]
    assert shown.caption == f"neutral · {gender} · {age} years · Monk {tone} · no action units"


def test_action_units_are_written_with_facs_letters(run):
    happy = next(sheet for sheet in class_sheets(run, rows_of(run), most=3) if sheet.name == "happiness")
    assert all("AU " in shown.caption and "@" not in shown.caption for shown in happy.thumbnails)


def test_rejected_pictures_stand_under_their_reason(run):
    sheets = {sheet.name: sheet for sheet in rejected_sheets(run, rows_of(run))}
    assert {name: sheet.total for name, sheet in sheets.items()} == {"duplicate": 1, "over_quota": 2, "problem": 1}


def test_a_row_without_a_picture_has_a_note_in_its_place(run):
    sick = next(sheet for sheet in rejected_sheets(run, rows_of(run)) if sheet.name == "problem").thumbnails[0]
    assert (sick.uri, sick.note) == ("", "render: crashed")


@pytest.mark.parametrize("most", [1, 2])
def test_no_more_are_shown_than_asked(run, most):
    assert all(len(sheet.thumbnails) == most for sheet in class_sheets(run, rows_of(run), most=most))
