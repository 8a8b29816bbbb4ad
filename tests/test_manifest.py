import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facsim import tables
from facsim.errors import ManifestError
from facsim.manifest import create_manifest

ROWS = 150


@pytest.fixture(params=[32 << 20, 2000], ids=["one row group", "many row groups"])
def run_folder(request, tmp_path, monkeypatch):
    """A run of one shard of 150 rows, with pictures that are structs and rows that have nothing."""
    monkeypatch.setattr(tables, "_ROW_GROUP_BYTES", request.param)
    table = pa.table(
        {
            "sample_id": [f"{i:032x}" for i in range(ROWS)],
            "image": [None if i % 11 == 0 else {"bytes": bytes(100), "path": f"{i}.png"} for i in range(ROWS)],
            "width_px": [None if i % 7 == 0 else i for i in range(ROWS)],
        }
    )
    run = create_manifest(str(tmp_path / "r"), header={"rounds": [[ROWS]]}, recipe_text="")
    run.write_shard("made", 0, table)
    groups = pq.ParquetFile(tmp_path / "r/rounds/00/made/00000.parquet").num_row_groups
    assert (groups > 3) == (request.param == 2000)
    return run


@pytest.mark.parametrize("size", [1, 7, 64, 100, 150, 1000])
@pytest.mark.parametrize("rows", [range(150), range(75), range(75, 150), range(66, 131), range(149, 150), range(3, 3)])
def test_a_shard_in_parts_is_the_shard(run_folder, size, rows):
    columns = ["width_px", "image"]
    whole = run_folder.read_shard("made", 0, columns).slice(rows.start, len(rows))
    parts = list(run_folder.shard_parts("made", 0, columns, rows=rows, size=size))
    assert [part.num_rows for part in parts] == [min(size, len(rows) - at) for at in range(0, len(rows), size)]
    for name in columns:
        assert [value for part in parts for value in part[name].to_pylist()] == whole[name].to_pylist()


def test_a_damaged_shard_and_one_without_a_column_are_named(run_folder, tmp_path):
    with pytest.raises(ManifestError, match=r'00000.parquet is damaged.*no column "height_px"'):
        list(run_folder.shard_parts("made", 0, ["height_px"], rows=range(3), size=2))
    (tmp_path / "r/rounds/00/made/00000.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(ManifestError, match=r"00000.parquet is damaged"):
        list(run_folder.shard_parts("made", 0, ["image"], rows=range(3), size=2))
    with pytest.raises(ManifestError):
        list(run_folder.shard_parts("made", 1, ["image"], rows=range(3), size=2))
