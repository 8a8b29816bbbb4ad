import numpy as np
import pytest
from PIL import Image

from facsim.curate.dedupe import Dedupe, Hash
from facsim.errors import RecipeError
from facsim.pictures import Encoding, encode_picture, encode_png
from facsim.sample import Sample
from facsim.testing import TableScan, check_table_laws


def smooth(seed, side=64):
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 6, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC))


def hashed(files):
    samples = [
        Sample(sample_id=f"{i}", values={"image": {"bytes": data, "path": None}}) for i, data in enumerate(files)
    ]
    rows = Hash().open("cpu")(samples)
    return [{"sample_id": f"{i}", "problem": None, **row} for i, row in enumerate(rows)]


def repeats(rows, **settings):
    found = [row for batch in Dedupe(**settings).judge(TableScan(rows=rows)) for row in batch.to_pylist()]
    return [(row["duplicate_of"], row["duplicate_distance"]) for row in found]


def test_equal_pixels_are_duplicates_whatever_the_file():
    one = smooth(1)
    lossless = encode_png(one)
    other = Image.fromarray(one)
    import io

    buffer = io.BytesIO()
    other.save(buffer, "BMP")
    assert repeats(hashed([lossless, encode_png(smooth(2)), buffer.getvalue()])) == [
        (None, None),
        (None, None),
        ("0", 0),
    ]


def test_a_recompressed_copy_is_near_and_not_equal():
    files = [
        encode_png(smooth(1)),
        encode_png(smooth(2)),
        encode_picture(smooth(1), encoding=Encoding(kind="jpeg", quality=60)),
    ]
    assert repeats(hashed(files))[2] == (None, None)
    source, distance = repeats(hashed(files), distance=6)[2]
    assert source == "0"
    assert 0 <= distance <= 6


def test_a_repeat_points_at_a_sample_that_stays():
    copy = encode_picture(smooth(1), encoding=Encoding(kind="jpeg", quality=60))
    found = repeats(hashed([encode_png(smooth(1)), copy, copy]), distance=6)
    assert [source for source, _ in found] == [None, "0", "0"]


def test_sick_samples_repeat_nothing():
    rows = hashed([encode_png(smooth(1)), encode_png(smooth(1))])
    sick = [{**row, "problem": "crashed", "pixel_hash": None, "perceptual_hash": None} for row in rows]
    assert repeats(sick, distance=4) == [(None, None), (None, None)]


def test_a_distance_beyond_reason_is_refused():
    with pytest.raises(RecipeError, match="0 to 16"):
        Dedupe(distance=40)


def many(n=2500, seed=0):
    """Rows over more than two batches: exact and near copies of earlier ones, some sick, some without a label."""
    rng, rows = np.random.default_rng(seed), list[dict[str, object]]()
    for i in range(n):
        source = rows[int(rng.integers(len(rows)))] if rows and rng.random() < 0.4 else None
        exact, near = f"{rng.integers(1 << 62):032x}", int(rng.integers(1, 1 << 62))
        if source is not None and source["pixel_hash"] is not None:
            exact = source["pixel_hash"] if i % 2 else exact
            near = source["perceptual_hash"] if i % 2 else source["perceptual_hash"] ^ (3 << int(rng.integers(60)))
        sick = rng.random() < 0.05
        rows.append(
            {
                "sample_id": f"{i:032x}",
                "problem": "crashed" if sick else None,
                "pixel_hash": None if sick else exact,
                "perceptual_hash": None if sick else near,
                "expression_given": None if rng.random() < 0.1 else str(rng.choice(["anger", "fear"], p=[0.9, 0.1])),
            }
        )
    return rows


def judged_one_by_one(rows, distance):
    """What `Dedupe` says, by comparing every row with every kept one before it."""
    owners, kept = [], []
    for at, row in enumerate(rows):
        same = [o for o in range(at) if row["pixel_hash"] is not None and rows[o]["pixel_hash"] == row["pixel_hash"]]
        bits = {o: (rows[o]["perceptual_hash"] ^ (row["perceptual_hash"] or 0)).bit_count() for o in kept}
        near = [o for o in kept if row["perceptual_hash"] and bits[o] <= distance]
        owner = owners[same[0]] if same else near[0] if near else at
        owners.append(owner)
        if owner == at and row["perceptual_hash"]:
            kept.append(at)
    said = {owner: {rows[r]["expression_given"] for r in range(len(rows)) if owners[r] == owner} for owner in owners}
    return [
        {
            "duplicate_of": None if owner == at else rows[owner]["sample_id"],
            "duplicate_distance": None
            if owner == at
            else 0
            if rows[owner]["pixel_hash"] == rows[at]["pixel_hash"]
            else (rows[owner]["perceptual_hash"] ^ rows[at]["perceptual_hash"]).bit_count(),
            "duplicate_conflict": None if rows[at]["pixel_hash"] is None else len(said[owner] - {None}) > 1,
        }
        for at, owner in enumerate(owners)
    ]


def test_verdicts_are_those_of_comparing_every_row_with_every_other():
    rows = many(400)
    scan = TableScan(rows=rows, size=70)
    found = [row for batch in Dedupe(distance=4, labels="expression_given").judge(scan) for row in batch.to_pylist()]
    assert found == judged_one_by_one(rows, 4)
    assert {True, False, None} <= {row["duplicate_conflict"] for row in found}
    assert {0, 2, None} <= {row["duplicate_distance"] for row in found}


def test_verdicts_come_in_parts_and_do_not_depend_on_how_rows_are_batched():
    rows = many(2500)
    batches = list(Dedupe(distance=4, labels="expression_given").judge(TableScan(rows=rows, size=600)))
    assert [batch.num_rows for batch in batches] == [1000, 1000, 500]
    check_table_laws(Dedupe(distance=4, labels="expression_given"), rows[:60])


def test_a_sample_whose_label_has_a_problem_is_a_picture_still():
    class Scan(TableScan):
        def batches(self, columns):
            sick = columns == ("expression_given",)
            for batch in super().batches(columns):
                rows = [{**row, "problem": "bad_vote" if sick else None} for row in batch.to_pylist()]
                yield from TableScan(rows=rows, size=len(rows)).batches(columns)

    rows = [
        {"sample_id": f"{i}", "problem": None, "pixel_hash": "aa", "perceptual_hash": 3, "expression_given": label}
        for i, label in enumerate(["anger", "fear"])
    ]
    found = [row for b in Dedupe(labels="expression_given").judge(Scan(rows=rows)) for row in b.to_pylist()]
    assert [row["duplicate_of"] for row in found] == [None, "0"]
    assert [row["duplicate_conflict"] for row in found] == [True, True]
