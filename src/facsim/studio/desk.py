"""What each address of the page's server answers: plain functions from a request to an answer, without a socket.

    GET  /TOKEN/             the page
    GET  /TOKEN/about        what can be set: action units, expressions, lights, controls
    POST /TOKEN/picture      settings → a picture with its labels (`facsim.studio.pictures.pack_picture`)
    POST /TOKEN/picture.png  settings → PNG        POST /TOKEN/labels.json  settings → every label
    POST /TOKEN/code         settings → Python and a recipe
    POST /TOKEN/coding       {"text": "6+12D"} → its coding
    POST /TOKEN/prototype    {"expression": "fear", "seed": 3} → a draw from its prototypes

Who may ask: a request must carry the token, come under the loopback host's own name (so that no other name can be
rebound to it) and, where the browser says where it comes from, from this very page.
"""

import json
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from facsim.coding import conflicts, format_coding, parse_coding
from facsim.errors import FacsimError
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.models.action_units import check_action_units
from facsim.prototypes import sample_prototype
from facsim.sample import generator_for
from facsim.studio.about import describe_studio
from facsim.studio.page import page_html, page_policy
from facsim.studio.pictures import Taken, pack_picture, png_file, python_text, take_picture, write_labels
from facsim.studio.recipes import recipe_text
from facsim.studio.settings import Settings, read_json, read_settings

__all__ = ["MOST_BYTES", "Answer", "Desk", "Request", "answer_request", "refuse"]

MOST_BYTES = 64 * 1024
"""A request's body may be no longer; the longest that the page can send has 20 KiB."""

_PAGES = 64
_LONGEST_TEXT = 2000


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request: names of headers in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What goes back."""

    status: int
    kind: str
    body: bytes
    policy: str = "default-src 'none'"


@dataclass(frozen=True, kw_only=True, eq=False)
class Desk:
    """One session: its token and port, locks for drawing and for noting turns, and each page's newest turn."""

    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    port: int
    drawing: threading.Lock = field(default_factory=threading.Lock)
    noting: threading.Lock = field(default_factory=threading.Lock)
    newest: dict[str, int] = field(default_factory=dict)

    @property
    def hosts(self) -> tuple[str, ...]:
        """What the Host header may say."""
        return (f"127.0.0.1:{self.port}", f"localhost:{self.port}")

    @property
    def address(self) -> str:
        """The page's address, token and all."""
        return f"http://127.0.0.1:{self.port}/{self.token}/"


def answer_request(desk: Desk, request: Request) -> Answer:
    """The answer; an error is JSON, `{"error": text}`, with a status from 400 to 499."""
    refused = _refuse_stranger(desk, request)
    if refused is not None:
        return refused
    place = request.path.split("?")[0].removeprefix(f"/{desk.token}")
    if place not in _GET and place not in _POST:
        return refuse(404, f'there is nothing at "{place[:60]}"')
    wanted = "GET" if place in _GET else "POST"
    if request.method != wanted:
        return refuse(405, f'"{place}" was asked for by {request.method[:10]}; expected {wanted}')
    if wanted == "GET":
        return _GET[place]()
    return _answer_post(desk, place, request)


def _answer_post(desk: Desk, place: str, request: Request) -> Answer:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        return refuse(415, f'found content of type "{kind[:40]}"; expected application/json')
    try:
        return _POST[place](desk, read_json(request.body))
    except FacsimError as error:
        return refuse(400, str(error))
    except RecursionError:
        return refuse(400, "the JSON is nested too deeply; settings have three levels")


def refuse(status: int, text: str) -> Answer:
    """An error, as JSON."""
    return _json({"error": text}, status=status)


def _json(data: Any, *, status: int = 200) -> Answer:
    return Answer(status=status, kind="application/json", body=json.dumps(data).encode("utf-8"))


def _refuse_stranger(desk: Desk, request: Request) -> Answer | None:
    """Why this request may not be answered, or None."""
    headers = request.headers
    if headers.get("host", "").lower() not in desk.hosts:
        return refuse(421, f"this server is {desk.hosts[0]} and answers to no other name")
    origin = headers.get("origin")
    if origin is not None and origin.lower() not in {f"http://{host}" for host in desk.hosts}:
        return refuse(403, "a page of another origin may not ask")
    # a link to the page may stand anywhere (a terminal in a browser, for one): opening it as a document is allowed
    opened = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none") and not (
        opened and request.method == "GET"
    ):
        return refuse(403, "a page of another site may not ask")
    given = request.path.split("?")[0].split("/")[1] if request.path.startswith("/") else ""
    if not secrets.compare_digest(given.encode("utf-8", "replace"), desk.token.encode()):
        return refuse(403, "wrong token: open the address that `facsim studio` printed when it started")
    return None


# GET


def _show_page() -> Answer:
    return Answer(status=200, kind="text/html; charset=utf-8", body=page_html().encode("utf-8"), policy=page_policy())


def _show_about() -> Answer:
    return _json(describe_studio())


_GET: Mapping[str, Callable[[], Answer]] = {"/": _show_page, "/about": _show_about}


# POST


def _draw_newest(desk: Desk, settings: Settings) -> Taken | None:
    """The picture, drawn when no other is; None where the page has asked for a newer one by then."""
    if not settings.page:
        return _draw_alone(desk, settings)
    _note_turn(desk, settings)
    with desk.drawing:
        stale = desk.newest.get(settings.page, 0) > settings.turn
        return None if stale else take_picture(settings)


def _note_turn(desk: Desk, settings: Settings) -> None:
    """Remember the newest turn of this page, and of `_PAGES` pages at most."""
    with desk.noting:
        newest = max(desk.newest.pop(settings.page, 0), settings.turn)
        if len(desk.newest) >= _PAGES:
            desk.newest.pop(next(iter(desk.newest)))
        desk.newest[settings.page] = newest


def _draw_alone(desk: Desk, settings: Settings) -> Taken:
    with desk.drawing:
        return take_picture(settings)


def _post_picture(desk: Desk, data: dict[str, Any]) -> Answer:
    taken = _draw_newest(desk, read_settings(data))
    if taken is None:
        return refuse(409, "a newer picture was asked for")
    return Answer(status=200, kind="application/octet-stream", body=pack_picture(taken))


def _post_png(desk: Desk, data: dict[str, Any]) -> Answer:
    return Answer(status=200, kind="image/png", body=png_file(_draw_alone(desk, read_settings(data))))


def _post_labels(desk: Desk, data: dict[str, Any]) -> Answer:
    taken = _draw_alone(desk, read_settings(data))
    return Answer(status=200, kind="application/json", body=write_labels(taken).encode("utf-8"))


def _post_code(desk: Desk, data: dict[str, Any]) -> Answer:
    settings = read_settings(data)
    return _json({"python": python_text(settings), "recipe": recipe_text(settings)})


def _post_coding(desk: Desk, data: dict[str, Any]) -> Answer:
    text = data.get("text")
    if set(data) != {"text"} or not isinstance(text, str) or len(text) > _LONGEST_TEXT:
        raise FacsimError(f'expected {{"text": "6+12D"}} with a text of at most {_LONGEST_TEXT} characters')
    coding = check_action_units(parse_coding(text))
    return _json({"coding": coding, "text": format_coding(coding), "conflicts": list(conflicts(coding))})


def _post_prototype(desk: Desk, data: dict[str, Any]) -> Answer:
    expression, seed = data.get("expression"), data.get("seed", 0)
    if set(data) - {"expression", "seed"} or expression not in EIGHT_EXPRESSIONS:
        raise FacsimError(f'expected {{"expression": …, "seed": …}} with one of {", ".join(EIGHT_EXPRESSIONS)}')
    seed = read_settings({"seed": seed}).seed
    drawn = sample_prototype(expression, generator_for(f"studio/{seed}", "studio/prototype").random)
    return _json(
        {
            "variant": drawn.variant,
            "coding": drawn.coding,
            "text": format_coding(drawn.coding),
            "gaze_deg": [drawn.gaze_yaw_deg, drawn.gaze_pitch_deg],
            "head_deg": [drawn.head_yaw_deg, drawn.head_pitch_deg],
        }
    )


_POST: Mapping[str, Callable[[Desk, dict[str, Any]], Answer]] = {
    "/picture": _post_picture,
    "/picture.png": _post_png,
    "/labels.json": _post_labels,
    "/code": _post_code,
    "/coding": _post_coding,
    "/prototype": _post_prototype,
}
