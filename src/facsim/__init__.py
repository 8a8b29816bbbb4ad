"""facsim: synthetic, exactly labelled data for facial expression recognition."""

__version__ = "0.1.0"

__all__ = ["__version__"]
