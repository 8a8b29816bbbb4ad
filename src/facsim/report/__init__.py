"""What a finished run holds, as plain findings and as one self-contained HTML page."""

__all__: list[str] = []
