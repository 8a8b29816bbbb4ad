"""facsim.spool: rows come back as they went in, whatever batches they came in."""

import pyarrow as pa

from facsim.spool import Spool

SCHEMA = pa.schema([("number", pa.int64()), ("word", pa.string())])


def batch(start, stop):
    words = [None if number % 3 == 0 else f"word {number}" for number in range(start, stop)]
    return pa.RecordBatch.from_arrays([pa.array(range(start, stop), pa.int64()), pa.array(words)], schema=SCHEMA)


def test_rows_come_back_in_order_more_than_once(monkeypatch):
    monkeypatch.setattr("facsim.spool._MOST_ROWS", 4)
    spool = Spool([batch(0, 3), batch(3, 3), batch(3, 20)], SCHEMA)
    assert spool.num_rows == 20
    for _ in range(2):
        batches = list(spool.to_batches())
        assert max(one.num_rows for one in batches) <= 4
        assert pa.Table.from_batches(batches) == pa.Table.from_batches([batch(0, 20)])


def test_a_spool_of_no_rows_has_its_schema():
    spool = Spool([], SCHEMA)
    assert (spool.num_rows, list(spool.to_batches()), spool.schema) == (0, [], SCHEMA)
