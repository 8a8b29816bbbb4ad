"""Networks and the head, one file each; `weights.py` loads, verifies and documents trained ones."""

__all__: list[str] = []
