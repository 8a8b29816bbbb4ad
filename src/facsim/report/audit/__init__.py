"""An audit of a set of pictures: who is in it, what it shows, how near it comes to another set, and what is wrong."""

__all__: list[str] = []
