"""What must not get out, and where nothing must go: over services that fail and repeat secrets."""

from __future__ import annotations

import base64
import json
import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from pulse_cli.simulators.faults import Fault
from tests.torture.bench import Bench
from tests.torture.commands import ROOT
from tests.torture.edge_world import edge_owner

PAGE = {"markdown": "Some words to index.", "metadata": {"url": "https://site.example/1"}}
CANARIES = ("canary-alpha-7f3a", "canary-beta-91cc", "canary-gamma-d05e", "canary-delta-4b2d")
ENCODED = [base64.b64encode(f"user:{one}".encode()).decode() for one in CANARIES]
TEI_ECHO = f"{CANARIES[2]} {ENCODED[2]}"
QDRANT_ECHO = CANARIES[0]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "pages.jsonl"
    path.write_text("\n".join(json.dumps(PAGE | {"n": n}) for n in range(3)) + "\n{bad\n")
    return path


def everything_written(*folders: Path) -> dict[str, str]:
    """The text of every file below these folders."""
    return {
        str(path): path.read_text(errors="replace")
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
    }


def failing(path: str, number: int, body: str, **headers: str) -> Fault:
    return Fault("status", path=path, first=1, status=number, body=body, headers=headers)


FAILURES: dict[str, tuple[str, Fault]] = {
    **{f"embedder {n}": ("tei", failing("/embed", n, TEI_ECHO)) for n in (401, 403, 422, 424, 503)},
    "embedder redirects": ("tei", failing("/embed", 302, "", Location=f"http://x/?{TEI_ECHO}")),
    "embedder resets": ("tei", Fault("reset", path="/embed", first=1)),
    **{
        f"store {n}": ("qdrant", failing("/collections/", n, QDRANT_ECHO))
        for n in (400, 401, 403, 507)
    },
    "store 500": ("qdrant", Fault("status", path="/collections/", first=9, status=500)),
    "store's own words": (
        "qdrant",
        failing("/collections/", 403, json.dumps({"status": {"error": QDRANT_ECHO}})),
    ),
    "store resets": ("qdrant", Fault("reset", path="/collections/", first=9)),
    "nothing": ("tei", Fault("status", path="/nowhere")),
}


QUICK = {"embedder 401", "embedder 422", "embedder resets", "store 403", "store's own words"}


@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.nightly) for name in FAILURES],
)
def test_secrets_appear_nowhere(bench: Bench, source: Path, name: str, tmp_path: Path) -> None:
    service, fault = FAILURES[name]
    machine = bench.machine("qdrant", source)
    simulator = bench.tei if service == "tei" else bench.qdrant
    simulator.set_faults([fault])
    config = tmp_path / "pulse.yaml"
    config.write_text(
        f"qdrant: {{api_key: {CANARIES[0]}}}\nfirecrawl: {{api_key: {CANARIES[1]}}}\n"
    )
    tei = bench.tei.url.replace("//", f"//user:{CANARIES[2]}@")
    secrets = {"PULSE_EMBED__URL": tei, "FIRECRAWL_API_KEY": CANARIES[3]}
    args = list(machine.args())
    del args[2:4]  # --tei URL: it comes from the environment
    log = tmp_path / "log"
    more = ["--config", str(config), "-vv", "--log-file", str(log), "--give-up-after", "5s"]
    args[args.index("--progress") + 1] = "plain"
    try:
        running = bench.zygote.start(machine.folder, [*args, *more], environment=secrets)
        ended = running.wait()
        fired = sum(simulator.stats()["faults_fired"])
    finally:
        bench.calm()
    assert fired or name == "nothing", f"the fault never happened: {ended.stderr}"
    found = everything_written(machine.folder, machine.state)
    found |= {"stdout": ended.stdout, "stderr": ended.stderr, "log": log.read_text()}
    assert len(found) >= 4
    for where, text in found.items():
        for secret in (*CANARIES, *ENCODED):
            assert secret not in text, f"a secret is in {where}"
    assert "Traceback" not in ended.stderr


HOSTILE = [
    "http://169.254.169.254/latest/meta-data/",
    "file:///etc/passwd",
    "https://site.example/../../../../etc/passwd",
    "https://site.example/\u0000\n..\\..\\x",
    "ftp://10.0.0.1/x",
    "javascript:alert(1)",
]


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Pages that name hosts and files in every place a page has."""
    folder = tmp_path / "in"
    folder.mkdir()
    path = folder / "..%2f..%2f$(touch x)\n[red].jsonl"
    records = [
        {
            "markdown": f"![x]({url}) [y]({url}) <img src='{url}'>",
            "metadata": {"url": url, "sourceURL": url, "title": url, "ogImage": url},
            "links": [url],
            "screenshot": url,
        }
        for url in HOSTILE
    ]
    path.write_text("\n".join(map(json.dumps, records)))
    return path


@pytest.mark.parametrize("redirects", [False, True])
def test_only_the_services_named_are_contacted(
    bench: Bench, hostile: Path, redirects: bool
) -> None:
    machine = bench.machine("qdrant", hostile)
    if redirects:
        away = {"Location": "http://169.254.169.254/"}
        bench.tei.set_faults([Fault("status", path="/embed", first=1, status=307, headers=away)])
    proxies = {
        name: "http://127.0.0.1:9"
        for one in ("http_proxy", "https_proxy", "all_proxy")
        for name in (one, one.upper())
    }
    try:
        running = machine.start(environment=proxies, watched=True)
        ended = running.wait()
    finally:
        bench.calm()
    assert ended.code == (1 if redirects else 3 if ended.report["documents"]["dead"] else 0)
    assert running.contacted
    named = {url.rpartition(":")[2] for url in (bench.tei.url, bench.qdrant.url)}
    for address in running.contacted:
        host = re.fullmatch(r"\('127\.0\.0\.1', (\d+)\)|'127\.0\.0\.1'", address)
        assert host is not None, address
        assert host[1] is None or host[1] in named, address


def test_no_name_from_the_input_becomes_a_path(bench: Bench, hostile: Path, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    machine = bench.machine("edge", hostile)
    machine.run()
    assert set(tmp_path.rglob("*")) == before
    for path in machine.state.rglob("*"):
        assert re.fullmatch(r"[A-Za-z0-9._-]+", path.name), path


def test_files_are_for_their_owner_only(bench: Bench, source: Path) -> None:
    machine = bench.machine("edge", source)
    ended = machine.run("--log-file", str(machine.folder / "log"))
    assert ended.code == 3
    index = machine.folder / machine.args()[machine.args().index("--collection") + 1]
    for root in (machine.state, index):
        for path in [root, *root.rglob("*")]:
            allowed = 0o700 if path.is_dir() else 0o600
            assert path.stat().st_mode & 0o777 & ~allowed == 0, path
    assert (machine.folder / "log").stat().st_mode & 0o777 == 0o600


# The first releases without the vulnerabilities published until November 2026 that a crawl, a
# file, a server or another user of the machine could use. What pulse depends on by name is
# bounded in pyproject.toml; what comes with that is only looked at as installed.
SAFE_FROM = {
    "aiohttp": (3, 14, 3),  # CVE-2026-69244: a server's answer read beyond its end, in C
    "filelock": (3, 20, 3),  # CVE-2025-68146, CVE-2026-22701: links in place of a lock
    "orjson": (3, 11, 6),  # CVE-2025-67221: deep nesting ends the process
    "pydantic": (2, 4),  # CVE-2024-3772: a regular expression without end
    "pyyaml": (5, 4),  # CVE-2020-14343: code in a file
}
SAFE_FROM_INSTALLED = SAFE_FROM | {
    "idna": (3, 15),  # CVE-2026-45409: by aiohttp; host names without end
    "pygments": (2, 20),  # CVE-2026-4539: by rich; a regular expression without end
}


def release(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:3]))


def test_no_dependency_may_be_old_enough_to_be_known_as_vulnerable() -> None:
    """What `pip-audit` would say, as far as it can be known without asking anyone."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    bounds: dict[str, tuple[int, ...]] = {}
    for one in project["dependencies"]:
        match = re.match(r"([a-z0-9-]+)(?:\[[a-z,]+\])?(?:>=|==)([\d.]+)", one)
        assert match, f"{one} has no lower bound"
        bounds[match[1]] = release(match[2])
    for name, oldest in SAFE_FROM.items():
        assert bounds[name] >= oldest, f"{name} must be at least {'.'.join(map(str, oldest))}"


@pytest.mark.parametrize("name", SAFE_FROM_INSTALLED)
def test_nothing_installed_is_known_as_vulnerable(name: str) -> None:
    try:
        installed = metadata.version(name)
    except metadata.PackageNotFoundError:
        pytest.skip(f"{name} is no longer among what pulse comes with")
    assert release(installed) >= SAFE_FROM_INSTALLED[name], f"{name} {installed}"


def test_an_api_key_in_the_environment_of_the_store_process(bench: Bench, source: Path) -> None:
    """The owner of an embedded collection needs no secret, so it gets none."""
    machine = bench.machine("edge", source)
    bench.tei.set_faults([Fault("slow", path="/embed", seconds=1.5)])
    running = machine.start(environment={"PULSE_EMBED__API_KEY": CANARIES[0]})
    seen = ""
    try:
        while not seen:
            if (owner := edge_owner(machine.collection)) is not None:
                seen = Path(f"/proc/{owner}/environ").read_text()
    finally:
        running.wait()
        bench.calm()
    assert "PYTHONPATH" in seen
    assert CANARIES[0] not in seen
