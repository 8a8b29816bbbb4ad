"""What a picture shows: models that say it, and how what several of them say becomes a label."""

__all__: list[str] = []
