"""Where pictures come from: rendered, or ingested."""

__all__: list[str] = []
