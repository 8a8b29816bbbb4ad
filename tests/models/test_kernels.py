"""The drawing kernels as a GPU gets them, compiled where there is none."""

import subprocess
import sys
from pathlib import Path

import pytest
import warp as wp

pytestmark = pytest.mark.skipif(not wp.get_cuda_supported_archs(), reason="this Warp has no compiler for GPUs")

_COMPILE = """
import sys
import warp as wp
from facsim.models import kernels

for module in kernels.prepare_modules("cuda:0"):
    wp.compile_aot_module(module, arch=80, module_dir=sys.argv[1], use_ptx=True)
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Each module's program for a GPU; made in a process of its own, since options of modules stay set."""
    folder = tmp_path_factory.mktemp("ptx")
    subprocess.run([sys.executable, "-c", _COMPILE, str(folder)], check=True, capture_output=True, text=True)
    return {path.name: _read_program(path) for path in folder.glob("*.ptx")}


def _read_program(path: Path) -> str:
    return path.read_bytes().rstrip(b"\0").decode()


@pytest.mark.parametrize(
    ("module", "kernels"),
    [
        ("shading", ["_shade"]),
        ("raster", ["_cover", "_average_normals"]),
        ("posing", ["_place"]),
        ("develop", ["_expose"]),
    ],
)
def test_a_gpus_program_compiles_without_one(programs, module, kernels):
    (text,) = [text for name, text in programs.items() if f".{module}_" in name]
    for kernel in kernels:
        assert f".entry {kernel}_" in text


def test_noise_stands_once_in_a_gpus_shading_program(programs):
    # written out at every call, the program is several times as long and does not fit what a GPU keeps of it
    (text,) = [text for name, text in programs.items() if ".shading_" in name]
    bodies = [line for line in text.splitlines() if line.startswith(".func") and "smooth_noise" in line]
    assert len(bodies) == 1
    assert text.count("call.uni") > 30
