"""Training of facsim's own label models: one file a task over one resumable loop (`fitting.py`)."""

__all__: list[str] = []
