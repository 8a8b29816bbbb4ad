"""Self-supervised pre-training: one file a method, the views that they compare, and the loop that trains them."""

__all__: list[str] = []
