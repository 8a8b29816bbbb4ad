"""Which pictures stay: duplicates, quotas, thresholds. Verdicts are columns; nothing is removed."""

__all__: list[str] = []
