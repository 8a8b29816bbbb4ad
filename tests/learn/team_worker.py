"""One process of a team: trains the cases named on its command line, each into a folder of `out`."""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))

from team_cases import CASES, trained

from facsim.learn.distributed import joined_team

_THREADS = Path("/proc/self/task")


def main() -> None:
    torch.set_num_threads(1)
    out, *names = sys.argv[1:]
    with joined_team() as team:
        for name in names or CASES:
            try:
                trained(name, Path(out) / name, team)
            except Exception as error:
                (Path(out) / f"{name}.{team.rank}.error").write_text(f"{type(error).__name__}: {error}")
    if _THREADS.exists():
        left = sorted({(task / "comm").read_text().strip() for task in _THREADS.iterdir()})
        (Path(out) / f"threads.{team.rank}").write_text("\n".join(left))


if __name__ == "__main__":
    main()
