"""The program as a whole: help, mistakes, exit codes, and what it does not load."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from pulse_cli.cli.error_report import error_report_of
from pulse_cli.cli.exit_codes import Exit
from pulse_cli.errors import Rejected, Transient

CANARY = "secret " + "key"
HEAVY = {
    *("pydantic", "rich", "httpx", "aiohttp", "numpy", "onnxruntime", "tokenizers", "orjson"),
    *("qdrant_edge", "semantic_text_splitter", "nanotoken", "gigatoken", "uvloop", "asyncio"),
}


def test_help_answers_without_loading_what_only_work_needs(home):
    code = (
        "import sys; from pulse_cli.cli.app import run; run(sys.argv[1:]);"
        "print(*sorted(name for name in sys.modules if '.' not in name), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True
    )
    assert set(done.stderr.splitlines()[-1].split()) & HEAVY == set()


def test_importing_the_command_line_loads_nothing(home):
    code = "import sys; import pulse_cli.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & {*HEAVY, "typer", "click"} == set()


def test_pulse_alone_shows_the_help(pulse):
    assert pulse() == pulse("--help")
    assert pulse().code == 0
    assert "Commands:" in pulse().out


@pytest.mark.parametrize("command", [(), ("index",), ("config", "show")])
def test_help_is_had_in_every_usual_way(pulse, command):
    shown = pulse(*command, "--help")
    assert shown == pulse(*command, "-h") == pulse("help", *command)
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.startswith(" ".join(["Usage: pulse", *command]))


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version(program, flag):
    done = program(flag)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("pulse 0.")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("inde crawl.jsonl", "No such command 'inde'. Did you mean 'index'?"),
        ("config sho", "Did you mean 'show'?"),
        ("index --colection x", "no such option: --colection; did you mean --collection?"),
        ("index --dryrun x", "did you mean --dry-run?"),
        ("search --mod bm25 x", "did you mean --mode?"),
        ("index --limit many x", "--limit"),
        ("index --collection", "--collection"),
        ("search", "QUERY"),
        ("config", "Missing command"),
        ("help inde", "Did you mean 'index'?"),
        ("crawl.jsonl --limit 2", "to index it: pulse index crawl.jsonl --limit 2"),
        ("./crawl", "to index it: pulse index ./crawl"),
        ("https://a.example/x.jsonl", "to index it: pulse index https://a.example/x.jsonl"),
        ("-", "to index it: pulse index -"),
        ("completion tcsh", "there is no completion for tcsh"),
    ],
)
def test_a_typo_is_told_with_what_was_meant(pulse, line, says):
    done = pulse(*line.split())
    assert done.code == Exit.USAGE
    assert done.out == ""
    assert says in done.err
    assert done.err.startswith("pulse: ")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("index missing.jsonl", "missing.jsonl"),
        ("index --max-dead lots crawl.jsonl", "--max-dead: `run.max_dead`: expected"),
        ("index --tei host:80 crawl.jsonl", "write http:// (TEI)"),
        ("index --config none.yaml crawl.jsonl", "none.yaml: no such file"),
        ("index --set chunk.max=3 crawl.jsonl", "unknown key `chunk.max`"),
        ("index --set embed.api_key=x crawl.jsonl", "use PULSE_EMBED__API_KEY"),
        ("search --filter colour=red tea", "filter 'colour=red' is not understood"),
        ("search --limit 0 tea", "must be greater than or equal to 1"),
        ("search ''", "the query is empty"),
    ],
)
def test_a_wrong_value_exits_2_and_names_its_place(pulse, crawl, line, says):
    done = pulse(*line.replace("''", " ").split(" ")) if "''" in line else pulse(*line.split())
    assert (done.code, done.out) == (Exit.USAGE, "")
    assert says in done.err


@pytest.mark.parametrize(
    "line",
    ["index --json --nonsense", "index --json --max-dead x -", "index missing.jsonl --json"],
)
def test_index_with_json_prints_one_object_also_when_it_cannot_begin(pulse, line):
    done = pulse(*line.split())
    assert done.code == Exit.USAGE
    found = json.loads(done.out)
    assert found["status"] == "failed"
    assert found["exit_code"] == 2
    assert found["error"]["message"]


def test_searching_without_an_index_says_how_to_get_one(pulse):
    done = pulse("search", "tea")
    assert done.code == Exit.FATAL
    assert "there is no index at" in done.err
    assert "run `pulse index` first" in done.err


def test_a_folder_that_is_no_command_is_told_how_to_index_it(pulse, crawl):
    folder = crawl.parent / "exports"
    folder.mkdir()
    assert "to index it: pulse index exports" in pulse("exports").err


def test_a_collection_that_is_not_there_names_those_that_are(pulse, crawl):
    for name in ("kitchen", "garden"):
        assert pulse("index", str(crawl), "--collection", name, "-q").code == Exit.DEAD_LETTERS
    done = pulse("search", "tea", "--collection", "kitchn")
    assert (done.code, done.out) == (Exit.FATAL, "")
    assert "did you mean --collection kitchen?" in done.err
    assert "there are: garden, kitchen" in " ".join(done.err.split())


@pytest.mark.parametrize("stdin", [b"", None])
def test_no_source_and_an_empty_pipe_is_a_mistake(program, stdin):
    done = program("index", stdin=stdin)
    assert done.code == Exit.USAGE
    assert "nothing to index: stdin is empty" in done.err


def test_a_bug_is_called_one_and_shows_no_traceback():
    try:
        dict[str, str]()[CANARY]
    except KeyError as error:
        told = error_report_of(error)
        more = error_report_of(error, ["-vv"])
    assert told.message.startswith("this is a bug of pulse: KeyError at ")
    assert CANARY not in told.message + more.message
    assert "\n" not in told.message
    assert "test_app.py" in more.message
    assert told.exit_code == Exit.FATAL


def test_errors_of_services_have_their_codes():
    assert error_report_of(Transient("down")).exit_code == Exit.UNAVAILABLE
    assert error_report_of(Rejected("no", reason="bad")).exit_code == Exit.FATAL
    assert error_report_of(KeyboardInterrupt()).exit_code == Exit.INTERRUPTED


def test_a_reader_that_leaves_is_no_error(home):
    command = f"{sys.executable} -m pulse_cli config schema | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout == "{\n0\n"
    assert done.stderr == ""
