"""The server itself: whom it listens to, and that nothing that is sent to it brings it down."""

import json
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facsim.errors import FacsimError
from facsim.studio.desk import MOST_BYTES
from facsim.studio.server import HOST, start_server


def send_raw(server, data):
    """Whatever comes back for these bytes."""
    with socket.create_connection((HOST, server.server_port), timeout=20) as line:
        line.sendall(data)
        line.shutdown(socket.SHUT_WR)
        found = b""
        while piece := line.recv(65536):
            found += piece
        return found


def is_alive(client):
    return client.post("coding", {"text": "12"})[0] == 200


def test_only_the_loopback_address_is_listened_on(studio_server):
    assert studio_server.socket.getsockname()[0] == "127.0.0.1"


def test_a_picture_comes_back(client):
    status, body = client.post("picture", {"size_px": 48})
    assert status == 200
    assert len(body) > 3 * 48**2


def test_errors_are_json_and_4xx(client):
    for data in (b"{", b"[]", b'{"coding": {"99": 1}}', b'{"age_years": 1e300}', b"[" * 50000):
        status, body = client.post("picture", data)
        assert status == 400
        assert json.loads(body)["error"]


def test_a_body_that_is_too_long_is_refused_before_it_is_read(studio_server, client):
    head = f"POST /{client.desk.token}/picture HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {MOST_BYTES + 1}\r\n\r\n"
    assert send_raw(studio_server, head.encode()).startswith(b"HTTP/1.1 413")
    assert is_alive(client)


@pytest.mark.parametrize("length", ["-1", "x", "", "1e3", "٣", "9" * 400])
def test_a_length_that_is_none_is_refused(studio_server, client, length):
    head = f"POST /{client.desk.token}/picture HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n"
    assert send_raw(studio_server, head.encode()).split(b" ")[1] in (b"411", b"413", b"400")
    assert is_alive(client)


def test_a_body_shorter_than_promised_harms_nothing(studio_server, client):
    head = f"POST /{client.desk.token}/picture HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500\r\n\r\n{{"
    send_raw(studio_server, head.encode())
    assert is_alive(client)


def test_errors_of_the_request_line_are_json(studio_server):
    found = send_raw(studio_server, b"NONSENSE\r\n\r\n")
    assert b'{"error"' in found
    assert b"Traceback" not in found


def test_a_bug_becomes_an_answer_and_the_session_goes_on(client, monkeypatch, capsys):
    import facsim.studio.desk as desk

    def fail(settings):
        raise ZeroDivisionError("no")

    monkeypatch.setattr(desk, "take_picture", fail)
    status, body = client.post("picture", {})
    assert (status, "ZeroDivisionError" in json.loads(body)["error"]) == (500, True)
    assert "Traceback" not in capsys.readouterr().err
    assert is_alive(client)


def test_answers_are_for_this_page_alone(client):
    client.connection.request("GET", f"/{client.desk.token}/about")
    answer = client.connection.getresponse()
    answer.read()
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Access-Control-Allow-Origin"] is None


def test_every_session_has_a_token_of_its_own(studio_server):
    with start_server(port=0) as other:
        assert other.desk.token != studio_server.desk.token
        assert len(other.desk.token) >= 24


def test_a_port_that_is_taken_is_said(studio_server):
    with pytest.raises(FacsimError, match="choose another"):
        start_server(port=studio_server.server_port)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_any_bytes_at_all_leave_the_server_alive(studio_server, client, data):
    assert b"Traceback" not in send_raw(studio_server, data + b"\r\n\r\n")
    assert is_alive(client)
