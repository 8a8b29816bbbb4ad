"""The `facsim` command. stdout is the result, stderr the progress; exit codes 0, 1 (findings or failure), 2 (usage).

Set FACSIM_DEBUG=1 to see the traceback of an error. Ctrl-C ends with 130; what is finished stays.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from facsim import __version__
from facsim.commands.audit import audit
from facsim.commands.console import show_text, tell
from facsim.commands.crops import crops
from facsim.commands.duplicates import duplicates
from facsim.commands.evaluation import calibrate, compare, evaluate
from facsim.commands.leaks import leaks
from facsim.commands.models import report
from facsim.commands.networks import adopt, models
from facsim.commands.noise import noise
from facsim.commands.pictures import export, ingest, preview
from facsim.commands.pretraining import captions, contrast, pretrain
from facsim.commands.probing import few_shot, probe, zero_shot
from facsim.commands.protocols import protocol
from facsim.commands.runs import plan, redo, run
from facsim.commands.studio import studio
from facsim.commands.system import doctor, stages
from facsim.commands.teaching import teach
from facsim.commands.training import train
from facsim.commands.yields import yields
from facsim.errors import FacsimError

__all__ = ["app", "main"]

_CONTINUES = ("run", "ingest", "train", "protocol", "pretrain", "contrast", "teach")
"""Commands that go on where they were when they are given again."""

_GROUPS: Mapping[str, tuple[Callable[..., None], ...]] = {
    "Make pictures": (run, plan, preview, studio, stages, redo, report),
    "Exchange pictures": (ingest, export, crops, captions),
    "Train": (train, pretrain, contrast, teach, models, adopt),
    "Choose labels": (yields, duplicates, noise),
    "Test": (evaluate, calibrate, compare, leaks, probe, few_shot, zero_shot, audit),
    "Train and test as papers do": (protocol,),
    "This machine": (doctor,),
}
"""What help shows: heading → commands."""


class _Commands(TyperGroup):
    """The commands, with facsim's errors and Ctrl-C turned into messages and exit codes."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands under the headings of `_GROUPS`, all in one width."""
        width = max(map(len, self.commands))
        for heading, group in _GROUPS.items():
            names = [call.__name__.replace("_", "-") for call in group]
            with formatter.section(heading):
                room = formatter.width - formatter.current_indent - width - 2
                formatter.write_dl(
                    [(name.ljust(width), self.commands[name].get_short_help_str(room)) for name in names]
                )

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except FacsimError as error:
            if os.environ.get("FACSIM_DEBUG", "0") not in ("", "0"):
                tell(traceback.format_exc())
            tell(f"error: {error}")
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            goes_on = ctx.invoked_subcommand in _CONTINUES
            tell("interrupted; continue with the same command" if goes_on else "interrupted")
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=_Commands,
    name="facsim",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _show_version(asked: bool) -> None:
    if asked:
        show_text(f"facsim {__version__}")
        raise typer.Exit


@app.callback()
def _about(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Synthetic, exactly labelled data for facial expression recognition.

    A recipe says what is wanted; `facsim run` makes it: pictures, labels, a dataset, a classifier, a report.

    \b
    To begin:
      facsim doctor                                                is everything there?
      facsim plan recipes/quickstart.toml                          what would be made?
      facsim preview recipes/quickstart.toml                       what would it look like?
      facsim run recipes/quickstart.toml --out runs/quickstart     make it
    """


for _command in (command for group in _GROUPS.values() for command in group):
    app.command()(_command)


def main() -> None:
    """Run the command line."""
    # torch's threads otherwise spin while they wait for one another: on cores that others use too, training on two
    # threads was seen at 17 pictures a second so, and at 268 with threads that sleep.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    app()
