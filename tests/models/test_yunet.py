"""YuNet's maps mean what OpenCV's decoder says that they mean."""

import os
from pathlib import Path

import numpy as np
import pytest

from facsim.models.yunet import decode_yunet, find_with_yunet, open_yunet


def empty(side=64):
    found = {}
    for stride in (8, 16, 32):
        count = (side // stride) ** 2
        for kind, width in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            found[f"{kind}_{stride}"] = np.zeros((count, width), dtype=np.float32)
    return found


def test_one_anchor_decodes_to_its_box_and_points():
    maps = empty()
    at = 1 * 4 + 2  # stride 16: row 1, column 2
    maps["cls_16"][at], maps["obj_16"][at] = 0.81, 1.0
    maps["bbox_16"][at] = [0.5, 0.25, np.log(2), np.log(3)]
    maps["kps_16"][at] = np.arange(10) / 10
    scores, boxes, points = decode_yunet(maps, 64)
    best = int(scores.argmax())
    assert scores[best] == pytest.approx(0.9)
    assert np.allclose(boxes[best], [40 - 16, 20 - 24, 40 + 16, 20 + 24])
    # the file gives the subject's right eye first
    assert np.allclose(points[best][0], [(2 + 0.2) * 16, (1 + 0.3) * 16])
    assert np.allclose(points[best][1], [2 * 16, (1 + 0.1) * 16])


def test_scores_beyond_their_range_are_cut():
    maps = empty()
    maps["cls_8"][0], maps["obj_8"][0] = 4.0, 1.2
    assert decode_yunet(maps, 64)[0].max() == 1.0


def test_a_real_file_finds_a_rendered_face_and_none_in_noise():
    path = Path(os.environ.get("FACSIM_YUNET", ""))
    if not path.is_file():
        pytest.skip("set FACSIM_YUNET to YuNet's .onnx file")
    pytest.importorskip("onnxruntime")
    from facsim import render

    noise = np.random.default_rng(0).integers(0, 255, (160, 160, 3)).astype(np.uint8)
    drawn = [np.asarray(render(size_px=160, seed=seed).picture) for seed in range(4)]
    found = find_with_yunet(open_yunet(path), [*drawn, noise], search_px=160, least_score=0.6)
    assert sum(len(faces) == 1 for faces in found[:-1]) >= 3
    assert not found[-1]
