import json
from dataclasses import replace

import pytest

from facsim.errors import FacsimError, FormatError, RecipeError
from facsim.export import Export, export_run
from facsim.formats import read_records
from facsim.formats.terms import Terms
from facsim.inputs import check_inputs_commercial
from facsim.manifest import open_manifest
from facsim.recipe import Input, parse_recipe
from facsim.records import run_records_at, run_terms
from facsim.runner import redo, run

RECIPE = """
[plan]
count = 35
[[step]]
use = "painted"
[[step]]
use = "select"
reject_duplicates = false
most = 4
"""


@pytest.mark.usefixtures("fakes")
class TestExport:
    @pytest.mark.parametrize("name", ["dataset", "dataset.zip", "dataset.tar"])
    def test_an_exported_class_folder_holds_the_rows_that_stay(self, tmp_path, name):
        done = run(parse_recipe(RECIPE + f'[export]\nname = "{name}"'), str(tmp_path / "r"), executor="serial")
        records = {record.name.rsplit("/", 1)[-1]: record for record in read_records(tmp_path / "r" / name)}
        rows = done.table(["plan.expression_target", "painted.image", "painted.AU4", "select.accepted"]).to_pylist()
        kept = {f"{row['sample_id']}.png": row for row in rows if row["select.accepted"]}
        assert len(kept) == 28
        assert {n: (r.expression, r.image) for n, r in records.items()} == {
            n: (row["plan.expression_target"], row["painted.image"]["bytes"]) for n, row in kept.items()
        }
        assert all(records[n].metadata["AU4"] == pytest.approx(row["painted.AU4"]) for n, row in kept.items())

    def test_rejected_rows_stay_in_the_run(self, tmp_path):
        done = run(parse_recipe(RECIPE + "[export]"), str(tmp_path / "r"), executor="serial")
        assert done.num_rows == 35

    def test_a_finished_export_is_not_made_again(self, tmp_path):
        recipe = parse_recipe(RECIPE + "[export]")
        run(recipe, str(tmp_path / "r"), executor="serial")
        before = (tmp_path / "r/dataset/metadata.parquet").stat().st_mtime_ns
        run(recipe, str(tmp_path / "r"), executor="serial")
        assert (tmp_path / "r/dataset/metadata.parquet").stat().st_mtime_ns == before

    def test_a_half_written_export_is_made_again(self, tmp_path):
        recipe = parse_recipe(RECIPE + "[export]")
        run(recipe, str(tmp_path / "r"), executor="serial")
        (tmp_path / "r/products/export.json").unlink()
        next((tmp_path / "r/dataset").rglob("*.png")).unlink()
        run(recipe, str(tmp_path / "r"), executor="serial")
        assert len(list((tmp_path / "r/dataset").rglob("*.png"))) == 28

    def test_a_stale_export_is_refused_and_redo_drops_it(self, tmp_path):
        out = str(tmp_path / "r")
        run(parse_recipe(RECIPE + "[export]"), out, executor="serial")
        changed = parse_recipe(RECIPE + '[export]\nname = "other"')
        with pytest.raises(FacsimError, match=r'"export" .* stale: name was .*redo export'):
            run(changed, out, executor="serial")
        assert redo(out, "export") == ["export"]
        run(changed, out, executor="serial")
        assert (tmp_path / "r/other").is_dir()
        assert not (tmp_path / "r/dataset").exists()

    def test_redoing_a_step_drops_the_products_too(self, tmp_path):
        out = str(tmp_path / "r")
        run(parse_recipe(RECIPE + "[export]"), out, executor="serial")
        assert redo(out, "select") == ["select", "export"]
        assert not (tmp_path / "r/dataset").exists()
        assert open_manifest(out).is_finished("painted")

    def test_a_run_is_exported_anywhere_in_any_format(self, tmp_path):
        out = str(tmp_path / "r")
        run(parse_recipe(RECIPE), out, executor="serial")
        facts = export_run(out, str(tmp_path / "x.parquet"), format="parquet")
        assert facts["records"] == 28
        assert sorted(r.image for r in read_records(tmp_path / "x.parquet")) == sorted(
            r.image for r in run_records_at(out)
        )

    @pytest.mark.parametrize("to", ["x", "x.zip", "x.parquet", "x.tar"])
    def test_what_was_drawn_says_so_and_may_be_used_where_terms_are_asked_for(self, tmp_path, to):
        form = {"x.parquet": "parquet", "x.tar": "webdataset"}.get(to, "class_folder")
        run(parse_recipe(RECIPE), str(tmp_path / "r"), executor="serial")
        export_run(str(tmp_path / "r"), str(tmp_path / to), format=form)
        assert {record.metadata["stands_on"] for record in read_records(tmp_path / to)} == {"[]"}
        check_inputs_commercial([Input(path=str(tmp_path / to))])
        text = f'[[input]]\npath = "{tmp_path / to}"\n[[step]]\nuse = "ingest"\n'
        again = run(parse_recipe(text), str(tmp_path / "again"), executor="serial")
        assert [(terms.name, terms.commercial) for _, terms in run_terms(again)] == [("facsim's renders", "yes")]

    def test_terms_of_pictures_and_teachers_go_along(self, tmp_path):
        run(parse_recipe(RECIPE), str(tmp_path / "r"), executor="serial")
        export_run(str(tmp_path / "r"), str(tmp_path / "x"))
        (tmp_path / "x/metadata.parquet").unlink()  # others' pictures
        text = f'[[input]]\npath = "{tmp_path / "x"}"\nterms = "yes: ours"\n[[step]]\nuse = "ingest"\n'
        made = run(parse_recipe(text), str(tmp_path / "theirs"), executor="serial")
        teacher = Terms(name="teacher", agreement="research use", commercial="no")
        made.begin_step(replace(made.step("ingest"), terms=(teacher,)))
        export_run(str(tmp_path / "theirs"), str(tmp_path / "y.zip"))
        (text,) = {record.metadata["stands_on"] for record in read_records(tmp_path / "y.zip")}
        assert [(one["agreement"], one["commercial"]) for one in json.loads(text)] == [
            ("ours", "yes"),
            ("research use", "no"),
        ]
        with pytest.raises(FormatError, match=r"y.zip \(teacher; commercial: no; research use"):
            check_inputs_commercial([Input(path=str(tmp_path / "y.zip"))])
        check_inputs_commercial([Input(path=str(tmp_path / "y.zip"), terms="yes: agreed with the teacher's makers")])

    def test_an_unknown_format_is_refused_with_the_nearest(self):
        with pytest.raises(RecipeError, match="class_folder"):
            Export(format="clas_folder")

    def test_a_step_added_after_a_product_makes_the_product_stale(self, tmp_path):
        out = str(tmp_path / "r")
        run(parse_recipe(RECIPE + "[export]"), out, executor="serial")
        added = RECIPE + '[[step]]\nuse = "hash"\n[export]'
        with pytest.raises(FacsimError, match=r'"export" .* stale: step "hash" is new'):
            run(parse_recipe(added), out, executor="serial")
