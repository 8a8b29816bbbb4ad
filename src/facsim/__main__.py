"""`python -m facsim`, for torchrun and wherever the `facsim` command is not on the path."""

from facsim.cli import main

if __name__ == "__main__":
    main()
