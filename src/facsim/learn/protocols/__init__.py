"""Protocols: trainings and tests as the papers run them, over sets and seeds, as `facsim protocol` does.

`facsim.learn.protocols.catalogue` holds them by name; `running` runs one from a recipe to its results.
"""

__all__: list[str] = []
