import numpy as np
import pytest

from facsim.export import export_run
from facsim.formats import FORMATS, Record, read_records, write_records
from facsim.pictures import encode_png
from facsim.recipe import parse_recipe
from facsim.runner import run


@pytest.mark.parametrize("form", FORMATS)
def test_an_ingested_run_is_exported_with_its_splits(tmp_path, form):
    made = [
        Record(
            name=f"{split}/{name}/{grey}.png",
            image=encode_png(np.full((48, 48), grey, np.uint8)),
            expression=name,
            split=split,
        )
        for grey, (split, name) in enumerate([("train", "anger"), ("test", "anger"), ("train", "fear")])
    ]
    write_records(made, tmp_path / "in", format="class_folder")
    run(
        parse_recipe(f'[[input]]\npath = "{tmp_path}/in"\n[[step]]\nuse = "ingest"'),
        str(tmp_path / "r"),
        executor="serial",
    )
    export_run(str(tmp_path / "r"), str(tmp_path / "out"), format=form)
    found = [(record.split, record.expression) for record in read_records(tmp_path / "out", form)]
    names = {"train": "Training", "test": "PrivateTest"} if form == "fer2013" else {"train": "train", "test": "test"}
    assert sorted(found) == sorted((names[str(record.split)], record.expression) for record in made)
