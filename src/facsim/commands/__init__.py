"""What `facsim` does on the command line: one public function for each command, gathered in `facsim.cli`.

Nothing heavy is imported at module level here: `facsim --help` must answer at once.
"""

__all__: list[str] = []
