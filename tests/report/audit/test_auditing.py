"""facsim.report.audit.auditing: the record's JSON, and what is refused before the work."""

import json

import pytest

from facsim.errors import FacsimError, WeightsError
from facsim.report.audit.auditing import AuditSettings


def test_json_is_plain_and_names_every_figure_with_its_network(against_run):
    found = json.loads(json.dumps(against_run.to_json(), allow_nan=False))
    names = set(found["distances"]["all"]) - {"n", "n_reference"}
    assert all(name.endswith(f"_random@{against_run.extractor.sha256[:8]}") for name in names)
    assert len(names) == 6
    assert set(found["distances"]["all"][min(names)]) == {"value", "n", "low", "high"}


def test_shares_of_expressions_add_up(against_run):
    assert sum(entry.own.count for entry in against_run.expressions) == len(against_run.own.pictures)
    assert sum(entry.reference.share.value for entry in against_run.expressions) == pytest.approx(1)


def test_an_unlabelled_reference_has_no_shares_but_distances(audited, runs, make_folder, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = sorted(make_folder(fear=range(60)).rglob("*.png"))
    rows = [{"image": {"bytes": file.read_bytes(), "path": file.name}} for file in files]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "bare.parquet")
    found = audited(runs[0], against=str(tmp_path / "bare.parquet"), per_class=True)
    assert found.expression_variation is None
    assert found.expressions[0].reference is None
    assert found.distances[0].figures
    assert any(finding.kind == "unlabelled" for finding in found.findings)


def test_a_tiny_set_is_audited_without_figures(audited, make_folder):
    found = audited(make_folder(anger=[1]), against=str(make_folder(fear=[2])))
    assert found.distances[0].figures == {}
    json.dumps(found.to_json(), allow_nan=False)


def test_a_network_that_is_not_there_is_named_before_anything_is_read(audited):
    with pytest.raises(WeightsError, match="no extractor"):
        audited("nowhere/faces", extractor="nowhere/model")


def test_a_cell_of_no_pictures_is_no_least():
    with pytest.raises(FacsimError, match="at least 1"):
        AuditSettings(source="faces", min_cell=0)
