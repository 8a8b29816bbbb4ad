"""The page: one HTML text that needs nothing beside it but this server's answers.

Its style and script are read from the package and set into it; the policy allows exactly these two, by their hashes,
and requests to where the page came from.
"""

import base64
import hashlib
import importlib.resources
from functools import lru_cache

__all__ = ["page_html", "page_policy"]


def _part(name: str) -> str:
    return importlib.resources.files("facsim.studio").joinpath(name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def page_html() -> str:
    """The page, whole."""
    frame = _part("page.html")
    return frame.replace("/* style */", _part("page.css")).replace("/* script */", _script())


@lru_cache(maxsize=1)
def _script() -> str:
    """The page's script: its pieces one after another, in one scope."""
    return "".join(_part(name) for name in ("page.js", "page_controls.js", "page_scene.js", "page_picture.js"))


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _between(text: str, start: str, end: str) -> str:
    return text.split(start, 1)[1].split(end, 1)[0]


@lru_cache(maxsize=1)
def page_policy() -> str:
    """The page's Content-Security-Policy: what it may load and run is its own style and script, and this server's
    answers."""
    html = page_html()
    style, script = _between(html, "<style>", "</style>"), _between(html, "<script>", "</script>")
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {_hash(script)}",
            f"style-src {_hash(style)}",
            "connect-src 'self'",
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )
