"""Tiny ONNX files: for the tests of label stages."""

import numpy as np
import pytest


def averaging_onnx(path, outputs, *, size_px=16, name="pictures"):
    """An ONNX network: the mean of each colour, times the number of the output."""
    onnx = pytest.importorskip("onnx")
    helper, kinds = onnx.helper, onnx.TensorProto
    weights = np.stack([np.full((3,), (k + 1) / outputs / 3) for k in range(outputs)], axis=1).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", [name], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["scores"]),
        ],
        "tiny",
        [helper.make_tensor_value_info(name, kinds.FLOAT, ["n", 3, size_px, size_px])],
        [helper.make_tensor_value_info("scores", kinds.FLOAT, ["n", outputs])],
        [onnx.numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path
