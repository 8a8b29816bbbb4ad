"""`facsim studio` as a person starts and ends it."""

import json
import signal
import subprocess
import sys
import urllib.request

import pytest

COMMAND = [sys.executable, "-c", "from facsim.cli import main; main()", "studio"]


@pytest.mark.skipif(sys.platform == "win32", reason="ends the session with SIGINT")
def test_it_prints_one_address_serves_it_and_ends_with_ctrl_c():
    process = subprocess.Popen([*COMMAND, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stderr is not None
        said = json.loads("".join(process.stdout.readline() for _ in range(4)))
        assert said["address"].startswith(f"http://127.0.0.1:{said['port']}/")
        assert b"facsim studio" in urllib.request.urlopen(said["address"]).read()
        process.send_signal(signal.SIGINT)
        rest, remarks = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (rest, process.returncode) == ("", 0)
    assert "Traceback" not in remarks


def test_a_port_that_cannot_be_is_a_wrong_use():
    done = subprocess.run([*COMMAND, "--port", "70000"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "65535" in done.stderr
