"""Pictures in memory, training, evaluation and export of classifiers. Nothing here is imported by `import facsim`."""

__all__: list[str] = []
