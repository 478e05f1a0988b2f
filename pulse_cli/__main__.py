"""`python -m pulse_cli` is `pulse`."""

from pulse_cli.cli import main

if __name__ == "__main__":
    main()
