"""`facsim studio`: a page on this machine with a control for everything that a picture is drawn from."""

from __future__ import annotations

from typing import Annotated

import typer

from facsim.commands.console import show_json, show_text, stdout_kept, tell
from facsim.commands.options import AsJson

__all__ = ["studio"]


def studio(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")] = 0,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    json: AsJson = False,
) -> None:
    """Draw faces live, on a page of this machine alone.

    Prints the page's address, which holds a token of this session, and serves it until Ctrl-C. The server listens on
    127.0.0.1 only; on another machine, forward the port: `ssh -L 8000:127.0.0.1:8000 there`.

    \b
    Examples:
      facsim studio
      facsim studio --port 8000
      facsim studio --open
    """
    from facsim.studio.pictures import take_picture
    from facsim.studio.server import start_server
    from facsim.studio.settings import Settings

    with start_server(port=port) as server:
        tell("loading the renderer (its first time on a machine compiles for minutes)")
        with stdout_kept():
            take_picture(Settings())
        address = server.desk.address
        show_json({"address": address, "port": server.server_port}) if json else show_text(address)
        tell("Ctrl-C ends the session")
        if open_page:
            _open_browser(address)
        try:
            server.serve_forever(poll_interval=0.1)
        except KeyboardInterrupt:
            tell("ended")


def _open_browser(address: str) -> None:
    import webbrowser

    if not webbrowser.open(address):
        tell("no browser could be opened; open the address yourself")
