"""`pulse config`: show and describe the settings, and write a settings file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pulse_cli.cli.flags import Json, with_settings
from pulse_cli.cli.help import Command, Group
from pulse_cli.cli.streams import write_stdout

if TYPE_CHECKING:
    from pulse_cli.config import Loaded

app = typer.Typer(
    cls=Group,
    help="Show or describe the settings, or write a settings file.",
    no_args_is_help=False,
)


@app.command(cls=Command)
@with_settings()
def show(*, loaded: Loaded, as_json: Json = False) -> None:
    """Show every effective setting and its origin; secrets are masked.

    Examples:
    pulse config show
    PULSE_EMBED__TIMEOUT=30s pulse config show --config night.yaml
    """
    from pulse_cli.config import describe
    from pulse_cli.sanitize import sanitize

    if as_json:
        write_stdout(json.dumps(describe.as_object(loaded), indent=2))
        return
    found = describe.effective(loaded)
    write_stdout(
        "\n".join(
            f"{f'{name}: {sanitize(value)}':<48} # {sanitize(origin)}"
            for name, value, origin in found
        )
    )


@app.command(cls=Command)
def init(
    file: Annotated[Path, typer.Argument(metavar="[FILE]", help="Default: pulse.yaml.")] = Path(
        "pulse.yaml"
    ),
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write a settings file with every setting, its default and its meaning, commented out.

    Examples:
    pulse config init
    pulse config init ~/.config/pulse/pulse.yaml
    """
    from pulse_cli.atomic_file import check_output, write_atomically
    from pulse_cli.cli.outputs import is_settings
    from pulse_cli.config.describe import example_yaml
    from pulse_cli.errors import Fatal, Kind

    if file.is_file() and file.stat().st_size and not force:
        raise Fatal(f"{file} exists already", hint="--force replaces it", kind=Kind.USAGE)
    check_output(file, is_own=is_settings)
    try:
        write_atomically(file, example_yaml().encode())  # 0600, as keys may be written into it
    except OSError as error:
        raise Fatal(f"{file}: {error.strerror}", kind=Kind.USAGE) from None
    print(f"{file} written; every line in it shows a default.")


@app.command(cls=Command)
def schema() -> None:
    """Print the JSON Schema of pulse.yaml, for editors that check and complete YAML.

    Examples:
    pulse config schema > pulse.schema.json
    """
    from pulse_cli.config import describe

    write_stdout(json.dumps(describe.schema(), indent=2))
