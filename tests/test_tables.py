import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

import facsim
from facsim.tables import open_parquet, read_columns, table_bytes

TABLE = pa.table({"image": [{"bytes": b"a", "path": "a.png"}] * 3, "image_frame": ["x"] * 3, "number": [3, 1, 2]})


def test_a_table_is_read_as_it_was_written_and_by_columns_in_their_order():
    held = table_bytes(TABLE)
    assert read_columns(pa.BufferReader(held)).equals(TABLE)
    assert read_columns(pa.BufferReader(held), ["number", "image"]).equals(TABLE.select(["number", "image"]))
    assert open_parquet(pa.BufferReader(held)).metadata.num_rows == 3


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(pa.ArrowInvalid, match='no column "age"'):
        read_columns(pa.BufferReader(table_bytes(TABLE)), ["number", "age"])


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads as Linux lists them")
def test_reading_starts_no_thread_that_the_interpreter_could_meet_at_its_end(tmp_path):
    (tmp_path / "rows.parquet").write_bytes(table_bytes(TABLE))
    script = """
import os, sys
from facsim.tables import open_parquet, read_columns

before = set(os.listdir("/proc/self/task"))
with open(sys.argv[1], "rb") as file:
    read_columns(file)
    list(open_parquet(file).iter_batches(use_threads=False))
    open_parquet(file).read_row_group(0, columns=["image"], use_threads=False)
print(len(set(os.listdir("/proc/self/task")) - before))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "rows.parquet")], capture_output=True, text=True, check=True
    )
    assert done.stdout == "0\n"


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads as Linux lists them")
def test_a_run_leaves_no_thread_behind(tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('[plan]\ncount = 7\n\n[[step]]\nuse = "render"\nsize_px = 16\n\n[[step]]\nuse = "hash"\n')
    script = """
import atexit, os, sys
from pathlib import Path

def tell():
    names = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
    print("threads:", len([name for name in names if name != "jemalloc_bg_thd"]))

atexit.register(tell)
from facsim.cli import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", script, "run", str(recipe), "--out", str(tmp_path / "run"), "--workers", "1"],
        capture_output=True, text=True, check=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.stdout.endswith("threads: 1\n")


def test_nothing_else_reads_parquet():
    source = Path(facsim.__file__).parent
    named = [
        path.name
        for path in source.rglob("*.py")
        if "pq.read_table" in (text := path.read_text()) or "pq.ParquetFile(" in text
    ]
    assert named == ["tables.py"]
