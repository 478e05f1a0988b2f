"""The tree of settings: defaults, precedence, and what each kind of value takes."""

from __future__ import annotations

import contextlib
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse_cli.config import Loaded, load
from pulse_cli.config.tree import leaves
from pulse_cli.config.units import Share
from pulse_cli.errors import Fatal, Kind


def loaded(tmp_path: Path, yaml: str = "", flags=None, **variables: str) -> Loaded:
    if yaml:
        (tmp_path / "pulse.yaml").write_text(yaml)
    return load(flags, None, {"HOME": str(tmp_path / "home"), **variables}, tmp_path)


def refused(tmp_path: Path, yaml: str = "", flags=None, **variables: str) -> str:
    with pytest.raises(Fatal) as caught:
        loaded(tmp_path, yaml, flags, **variables)
    assert caught.value.kind is Kind.CONFIG
    return str(caught.value)


def test_defaults_are_those_of_the_original_service_where_it_had_them(tmp_path):
    settings = loaded(tmp_path).settings
    assert settings.embed.url == "local"
    assert settings.embed.timeout == 120
    assert settings.qdrant.collection == "pulse_docs"
    assert settings.qdrant.timeout == 60
    assert (settings.chunk.max_tokens, settings.chunk.overlap_tokens) == (800, 200)
    search = settings.search
    assert (search.vector_weight, search.bm25_weight, search.rrf_k) == (0.6, 0.4, 60)


def test_each_place_wins_over_the_one_before(tmp_path):
    """One setting from every place, from the weakest to the strongest."""
    yaml = "qdrant:\n  collection: from_file\n"
    service = {"WEBHOOK_QDRANT_COLLECTION": "from_service"}
    variable = {"PULSE_QDRANT__COLLECTION": "from_variable"}
    flag = {"qdrant.collection": ("--collection", "from_flag")}

    def collection(*args, **variables):
        found = loaded(*args, **variables)
        return found.settings.qdrant.collection, found.origins.get("qdrant.collection")

    assert collection(tmp_path) == ("pulse_docs", None)
    assert collection(tmp_path, **service) == ("from_service", "$WEBHOOK_QDRANT_COLLECTION")
    name, origin = collection(tmp_path, yaml, **service)
    assert (name, origin.endswith("pulse.yaml:2")) == ("from_file", True)
    assert collection(tmp_path, yaml, **service, **variable) == (
        "from_variable",
        "$PULSE_QDRANT__COLLECTION",
    )
    assert collection(tmp_path, yaml, flag, **service, **variable) == ("from_flag", "--collection")


def test_the_file_is_the_one_named_else_the_folders_else_the_users(tmp_path):
    home = tmp_path / "home" / ".config" / "pulse"
    home.mkdir(parents=True)
    (home / "pulse.yaml").write_text("search: {limit: 3}\n")
    variables = {"HOME": str(tmp_path / "home")}
    assert load(None, None, variables, tmp_path).settings.search.limit == 3

    xdg = tmp_path / "xdg" / "pulse"
    xdg.mkdir(parents=True)
    (xdg / "pulse.yaml").write_text("search: {limit: 4}\n")
    with_xdg = {**variables, "XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    assert load(None, None, with_xdg, tmp_path).settings.search.limit == 4

    (tmp_path / "pulse.yaml").write_text("search: {limit: 5}\n")
    assert load(None, None, with_xdg, tmp_path).settings.search.limit == 5

    named = tmp_path / "night.yaml"
    named.write_text("search: {limit: 6}\n")
    assert load(None, named, with_xdg, tmp_path).settings.search.limit == 6
    with pytest.raises(Fatal, match=r"missing\.yaml: no such file"):
        load(None, tmp_path / "missing.yaml", with_xdg, tmp_path)


def test_an_empty_variable_counts_as_not_set(tmp_path):
    assert loaded(tmp_path, PULSE_SEARCH__LIMIT="").settings.search.limit == 10
    assert loaded(tmp_path, WEBHOOK_TEI_URL="").settings.embed.url == "local"


def test_variables_of_pulseaudio_are_left_alone(tmp_path):
    names = ("PULSE_SERVER", "PULSE_LOG", "PULSE_SOURCE", "PULSE_SINK", "PULSE_RUNTIME_PATH")
    assert loaded(tmp_path, **dict.fromkeys(names, "4")).origins == {}


@pytest.mark.parametrize(
    ("setting", "text", "value"),
    [
        ("run.give_up_after", "10m", 600.0),
        ("run.give_up_after", "1h30m", 5400.0),
        ("run.give_up_after", "0.5", 0.5),
        ("run.give_up_after", "1500ms", 1.5),
        ("source.max_record", "64MiB", 64 << 20),
        ("source.max_record", "1.5 KiB", 1536),
        ("source.max_record", "500KB", 500_000),
        ("source.max_record", "2M", 2 << 20),
        ("source.max_record", "4096", 4096),
        ("run.max_dead", "5%", Share(fraction=0.05)),
        ("run.max_dead", "100", Share(records=100)),
        ("run.concurrency", "8", 8),
        ("source.include", "*/docs/*, */blog/*", ("*/docs/*", "*/blog/*")),
        ("source.include", '["*/{a,b}/*"]', ("*/{a,b}/*",)),
        ("source.include", "[ab]*", ("[ab]*",)),
        ("source.map", "url=link, text=body.content", {"url": "link", "text": "body.content"}),
        ("source.map", '{"url": "a,b"}', {"url": "a,b"}),
        ("source.include_errors", "true", True),
        ("search.vector_weight", "0.25", 0.25),
    ],
)
def test_text_becomes_a_value_wherever_it_is_written(tmp_path, setting, text, value):
    section, key = setting.split(".")
    found = {
        "variable": loaded(tmp_path, **{f"PULSE_{section}__{key}".upper(): text}),
        "flag": loaded(tmp_path, "", {setting: ("--flag", text)}),
    }
    for place, one in found.items():
        assert getattr(getattr(one.settings, section), key) == value, place


@pytest.mark.parametrize(
    ("setting", "text", "says"),
    [
        ("run.give_up_after", "soon", "expected a duration such as 90s"),
        ("run.give_up_after", "10 parsecs", "expected a duration"),
        ("run.give_up_after", "-5", "expected a duration"),
        ("source.max_record", "64 potatoes", "expected a size such as 64MiB"),
        ("source.max_record", "-1", "expected a size"),
        ("run.max_dead", "300%", "percentage such as 5%"),
        ("run.concurrency", "many", "expected a whole number"),
        ("run.concurrency", "0", "must be greater than or equal to 1"),
        ("run.concurrency", "9" * 20, "expected at most 1,000,000,000"),
        ("run.concurrency", "9" * 5000, "expected at most 1,000,000,000"),
        ("run.give_up_after", "9" * 400, "expected a duration"),
        ("run.give_up_after", "9" * 400 + "d", "expected a duration"),
        ("source.max_record", "9" * 400 + "TiB", "expected a size"),
        ("source.max_record", "9" * 400, "expected a size"),
        ("run.max_dead", "9" * 5000, "expected a number of records"),
        ("bm25.avg_len", "1e999", "expected a number"),
        ("log.file", "~nobody-here/x", "no home folder"),
        ("qdrant.url", "~nobody-here/x", "no home folder"),
        ("search.mode", "psychic", "expected 'hybrid', 'vector' or 'bm25'"),
        ("search.vector_weight", "2", "must be less than or equal to 1"),
        ("source.include_errors", "perhaps", "expected true or false"),
        ("source.map", "url", "expected field=path"),
        ("source.include", '["a"', "not a JSON array"),
        ("embed.url", "localhost:8080", "write http:// (TEI)"),
        ("embed.url", "ftp://host", "expected http://host[:port]"),
        ("embed.url", "http://", "has no host name"),
        ("embed.url", "http://host:port", "port of the address is not a number"),
        ("qdrant.url", "localhost:6333", "write http:// before the host"),
        ("qdrant.url", "grpc://host", "expected http://host[:port]"),
        ("qdrant.collection", "../../etc", "expected a plain name"),
        ("qdrant.collection", ".hidden", "expected a plain name"),
        ("bm25.language", "English!", "expected 'none', 'arabic'"),
        ("chunk.overlap_tokens", "700", "at most half of max_tokens"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(tmp_path, setting, text, says):
    section, key = setting.split(".")
    message = refused(tmp_path, **{f"PULSE_{section}__{key}".upper(): text})
    assert says in message
    assert message.startswith(f"$PULSE_{section}__{key}".upper())


@pytest.mark.parametrize(
    ("yaml", "says"),
    [
        ("search: {limit: true}", "`search.limit`: expected a number"),
        ("search: {limit: ten}", "`search.limit`: expected a whole number"),
        ("search: {limit: 1.5}", "`search.limit`: expected a whole number"),
        ("search: {mode: 3}", "expected 'hybrid'"),
        ("embed: {model: 3}", "`embed.model`: expected text (put it in quotes)"),
        ("embed: http://host", "`embed`: is a section"),
        ("source: {include: {a: b}}", "`source.include`: expected a list"),
        ("source: {map: [a]}", "`source.map`: expected `field: path` lines"),
        ("source: {include: [1]}", "`source.include`: expected text"),
        ("chunk: {max_tokens: 400, overlap_tokens: 300}", "at most half"),
    ],
)
def test_a_wrong_type_in_the_file_is_refused_with_its_line(tmp_path, yaml, says):
    message = refused(tmp_path, yaml + "\n")
    assert says in message
    assert "pulse.yaml:1: " in message


def test_all_faults_are_told_at_once_in_the_order_of_the_file(tmp_path):
    message = refused(
        tmp_path, "embed:\n  timeout: soon\nsearch:\n  limit: x\nrun:\n  max_dead: y\n"
    )
    lines = [line.split(": ")[0].rsplit(":")[-1] for line in message.splitlines()]
    assert lines == ["2", "4", "6"]


def test_text_in_place_of_a_section_is_refused_whatever_else_is_set(tmp_path):
    message = refused(tmp_path, "embed: x\n", PULSE_EMBED__URL="http://host")
    assert "`embed`: is a section" in message


@pytest.mark.parametrize("value", ["x", "[a]", "3", "true", "[]", "{url: {a: b}}", "{url: [a]}"])
@pytest.mark.parametrize("section", ["embed", "qdrant", "firecrawl"])
def test_what_is_no_section_is_refused_whatever_flag_is_given(tmp_path, section, value):
    flags = {f"{section}.url": ("--flag", "http://host")}
    if value.startswith("{"):
        assert (
            loaded(tmp_path, f"{section}: {value}\n", flags).origins[f"{section}.url"] == "--flag"
        )
    else:
        message = refused(tmp_path, f"{section}: {value}\n", flags)
        assert f"pulse.yaml:1: `{section}`: is a section" in message


def test_a_section_without_lines_is_no_mistake(tmp_path):
    flags = {"embed.url": ("--tei", "http://host")}
    assert loaded(tmp_path, "embed:\nqdrant: {}\n", flags).settings.embed.url == "http://host"


def test_a_settings_file_that_is_no_file_is_told_and_not_passed_over(tmp_path):
    place = tmp_path / "pulse.yaml"
    place.mkdir()
    assert "cannot be read: Is a directory" in refused(tmp_path)
    place.rmdir()
    place.symlink_to("nowhere")
    assert "pulse.yaml: no such file" in refused(tmp_path)
    place.unlink()
    place.symlink_to(place)
    assert "cannot be read: Too many levels of symbolic links" in refused(tmp_path)


def test_a_config_file_that_cannot_be_opened_is_told(tmp_path):
    with pytest.raises(Fatal, match="cannot be read: File name too long"):
        load(None, Path("a" * 5000), {}, tmp_path)
    with pytest.raises(Fatal, match="cannot be read: Is a directory"):
        load(None, tmp_path, {}, tmp_path)


def test_a_user_folder_that_cannot_be_found_is_passed_over(tmp_path):
    assert loaded(tmp_path, XDG_CONFIG_HOME="~nobody-here/config").file is None


def test_a_working_folder_that_is_gone_is_told(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(Fatal, match="working folder is gone") as caught:
        load(None, None, {})
    assert caught.value.kind is Kind.USAGE


_WORDS = ["", "x", "http://u:p@h", "http://[", "\0", "5%", "~nobody-here/x", '["a', "{", "a=b"]
_NUMBERS = [0, -1, 10**30, math.inf, math.nan, "9" * 400 + "GiB", "1e999"]
_SCALARS = st.sampled_from([None, True, *_WORDS, *_NUMBERS])
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.just("url"), inner),
    max_leaves=4,
)
_LEAVES = st.sampled_from([leaf.path for leaf in leaves()])
_PLACES = _LEAVES | _LEAVES.map(lambda path: path[:1]) | st.just(("unknown", "key"))


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(_PLACES, _VALUES, max_size=5),
    st.dictionaries(_LEAVES, _SCALARS, max_size=2),
    st.dictionaries(_LEAVES, _SCALARS.filter(lambda v: isinstance(v, str)), max_size=2),
)
def test_any_values_anywhere_are_settings_or_a_refusal(tmp_path_factory, file, flags, variables):
    """JSON is YAML but for its infinities."""
    folder = tmp_path_factory.mktemp("any")
    tree: dict[str, Any] = {}
    for path, value in file.items():
        within = tree.setdefault(path[0], {}) if len(path) > 1 else tree
        if isinstance(within, dict):
            within[path[-1]] = value
    text = json.dumps(tree).replace("Infinity", ".inf").replace("NaN", ".nan")
    (folder / "pulse.yaml").write_text(text)
    named = {"PULSE_" + "__".join(path).upper(): value for path, value in variables.items()}
    given_flags = {".".join(path): ("--flag", value) for path, value in flags.items()}
    with contextlib.suppress(Fatal):  # anything else is a bug
        load(given_flags, None, {"HOME": str(folder), **named}, folder)


@pytest.mark.parametrize("value", ["0", "many"])
def test_a_default_that_follows_from_a_wrong_value_is_not_told_of(tmp_path, value):
    with pytest.raises(Fatal) as caught:
        loaded(tmp_path, f"chunk: {{max_tokens: {value}}}\n")
    assert "pulse.yaml:1: `chunk.max_tokens`: " in str(caught.value)
    assert "overlap" not in str(caught.value)


def test_a_smaller_chunk_keeps_its_overlap_in_proportion(tmp_path):
    assert loaded(tmp_path, "chunk: {max_tokens: 400}\n").settings.chunk.overlap_tokens == 100


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PULSE_EMBED_URL", "PULSE_EMBED__URL (two underscores)"),
        ("PULSE_EMBED__ULR", "did you mean PULSE_EMBED__URL?"),
        ("PULSE_EMBD__URL", "did you mean PULSE_EMBED__URL?"),
    ],
)
def test_a_misspelt_variable_is_named_with_what_was_meant(tmp_path, name, meant):
    message = refused(tmp_path, **{name: "x"})
    assert message.startswith(f"${name}: ")
    assert meant in message


@pytest.mark.parametrize(
    ("yaml", "says"),
    [
        ("embed: {ulr: x}", "unknown key `embed.ulr`; did you mean `embed.url`?"),
        ("serch: {limit: 3}", "unknown key `serch`; did you mean `search`?"),
        ("collection: x", "unknown key `collection`; did you mean `qdrant.collection`?"),
        ("embed: {zzz: 1}", "unknown key `embed.zzz` (`embed` knows: url, api_key"),
    ],
)
def test_an_unknown_key_is_refused_with_its_place_and_what_was_meant(tmp_path, yaml, says):
    message = refused(tmp_path, "# a comment\n" + yaml + "\n")
    assert says in message
    assert "pulse.yaml:2: " in message


def test_settings_cannot_be_changed(tmp_path):
    settings = loaded(tmp_path).settings
    with pytest.raises(ValueError, match="frozen"):
        settings.embed.url = "http://elsewhere"
