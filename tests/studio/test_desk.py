"""Who is answered, and what: without a socket."""

import json
import threading

import pytest

import facsim.studio.desk as module
from facsim.studio.desk import MOST_BYTES, Desk, Request, answer_request
from facsim.studio.pictures import take_picture

DESK = Desk(token="secret", port=8000)
HOST = {"host": "127.0.0.1:8000"}
JSON = HOST | {"content-type": "application/json"}


def ask(path, *, method="GET", headers=HOST, body=b"", desk=DESK):
    return answer_request(desk, Request(method=method, path=path, headers=headers, body=body))


def post(place, data, desk=DESK):
    answer = ask(f"/secret/{place}", method="POST", headers=JSON, body=json.dumps(data).encode(), desk=desk)
    return answer.status, answer.body


@pytest.mark.parametrize("path", ["/", "", "secret/", "/wrong/", "/secre/", "//secret/", "/sécret/about", "/?secret"])
def test_without_the_token_nothing_is_told(path):
    answer = ask(path)
    assert answer.status == 403
    assert "token" in json.loads(answer.body)["error"]


@pytest.mark.parametrize(
    "host", ["", "evil.example:8000", "127.0.0.1", "127.0.0.1:8001", "127.0.0.1.evil.example:8000"]
)
def test_a_name_that_was_rebound_to_this_machine_is_refused(host):
    assert ask("/secret/", headers={"host": host}).status == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_another_pages_request_is_refused_even_with_the_token(headers):
    assert ask("/secret/about", headers=HOST | headers).status == 403


def test_this_pages_own_request_is_answered():
    assert (
        ask("/secret/about", headers=HOST | {"origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-origin"}).status
        == 200
    )


def test_a_link_to_the_page_can_be_followed_and_not_framed():
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert ask("/secret/", headers=HOST | link).status == 200
    assert ask("/secret/", headers=HOST | link | {"sec-fetch-dest": "iframe"}).status == 403
    assert ask("/secret/picture", method="POST", headers=JSON | link, body=b"{}").status == 403


def test_the_page_may_run_its_own_script_and_style_and_nothing_else():
    answer = ask("/secret/")
    assert answer.status == 200
    assert answer.policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in answer.policy
    assert b"http://" not in answer.body.replace(b"http://www.w3.org", b"")
    assert b"https://" not in answer.body


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/secret/nothing", "GET", 404),
        ("/secret/../etc", "GET", 404),
        ("/secret/about", "POST", 405),
        ("/secret/picture", "GET", 405),
        ("/secret/", "PUT", 405),
    ],
)
def test_other_places_and_methods_are_refused(path, method, status):
    assert ask(path, method=method, headers=JSON).status == status


def test_a_form_cannot_post():
    answer = ask("/secret/picture", method="POST", headers=HOST | {"content-type": "text/plain"}, body=b"{}")
    assert answer.status == 415


def test_text_becomes_a_coding_and_says_what_is_wrong_with_it():
    status, body = post("coding", {"text": "24+25"})
    assert (status, json.loads(body)["conflicts"]) == (200, ["24 with 25: pressed lips do not part"])
    status, body = post("coding", {"text": "6+12Z"})
    assert status == 400
    assert 'part 2 of "6+12Z"' in json.loads(body)["error"]


@pytest.mark.parametrize("data", [{}, {"text": 3}, {"text": "6", "more": 1}, {"text": "6+" * 4000}])
def test_what_is_no_text_of_a_coding_is_refused(data):
    assert post("coding", data)[0] == 400


def test_prototypes_differ_by_seed_and_not_by_time():
    first, again, other = (post("prototype", {"expression": "fear", "seed": seed})[1] for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"expression": "joy"},
        {"expression": []},
        {"expression": "fear", "seed": -1},
        {"expression": "fear", "variant": 1},
    ],
)
def test_what_asks_for_no_prototype_is_refused(data):
    assert post("prototype", data)[0] == 400


def test_everything_that_can_be_set_is_described():
    about = json.loads(ask("/secret/about").body)
    assert len(about["units"]) == 29
    assert all(control["label"] and control["low"] < control["high"] for control in about["controls"])
    assert all(control["meaning"] != "" for control in about["controls"])


def test_a_picture_that_is_no_longer_wanted_is_not_drawn(monkeypatch):
    desk, drawn, waiting = Desk(token="secret", port=8000), [], threading.Event()

    def slow(settings):
        drawn.append(settings.turn)
        waiting.wait(10)
        return take_picture(settings)

    monkeypatch.setattr(module, "take_picture", slow)
    found = {}

    def fetch(turn):
        found[turn] = post("picture", {"turn": turn, "page": "p", "size_px": 48}, desk)[0]

    threads = [threading.Thread(target=fetch, args=(turn,)) for turn in (1, 2, 3)]
    for turn, thread in enumerate(threads, start=1):
        thread.start()
        while desk.newest.get("p", 0) < turn:
            pass
    waiting.set()
    for thread in threads:
        thread.join()
    assert drawn == [1, 3]
    assert found == {1: 200, 2: 409, 3: 200}


def test_a_desk_remembers_a_bounded_number_of_pages(monkeypatch):
    desk = Desk(token="secret", port=8000)
    monkeypatch.setattr(module, "take_picture", lambda settings: None)
    for number in range(200):
        post("picture", {"page": str(number)}, desk)
    assert len(desk.newest) <= 64


def test_the_longest_request_of_the_page_is_allowed():
    about = json.loads(ask("/secret/about").body)
    everything = {"set": {control["path"]: [0.123456789] * 3 for control in about["controls"]}}
    assert 2 * len(json.dumps(everything)) < MOST_BYTES
