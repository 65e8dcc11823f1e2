"""A wheel built from the tree, in an empty environment outside the checkout: the commands work there too."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
import zipfile
from collections.abc import Generator
from pathlib import Path

import pytest

import bot

ROOT = Path(__file__).parents[2]
ADDRESS = re.compile(r"^http://127\.0\.0\.1:\d+/[\w-]{20,}/$", re.MULTILINE)
NOT_CODE = {
    "bot/py.typed",
    "bot/agent/system_prompt.md",
    "bot/tools/filesystem/node/package.json",
    "bot/tools/filesystem/node/package-lock.json",
    "slack_sandbox/py.typed",
    "slack_sandbox/block_kit.schema.json",
    "slack_sandbox/page/static/index.html",
    "slack_sandbox/page/static/assets/page.js",
    "slack_sandbox/page/static/assets/index.css",
    "slack_sandbox/page/static/licences.txt",
    "slack_sandbox/trial/scenarios/tour.toml",
    "slack_sandbox/trial/sample_files/config/website.toml",
}
"""Files that the package reads, or has to carry."""
SECONDS = 60.0


def run(folder: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, in a folder, with as little environment as a shell has."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [str(part) for part in command], cwd=folder, env=kept, capture_output=True, text=True, check=False, timeout=240
    )


def install(environment: Path, requirement: str) -> None:
    """Install with the pip of the tests' own environment, in the versions that everything was tested with."""
    pip = (sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python"))
    options = ("--quiet", "--no-compile", "--disable-pip-version-check", "--constraint", str(ROOT / "constraints.txt"))
    done = subprocess.run([*pip, "install", *options, requirement], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def built(folder: Path) -> Path:
    """Build a wheel from the files that git knows or would know, so that nothing is in it by accident."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    source = folder / "source"
    for name in listed.stdout.decode().split("\0"):
        if name.startswith(("bot/", "slack_sandbox/", "pyproject", "README", "LICENSE")) and (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(source))
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


@contextlib.contextmanager
def trial(program: Path, folder: Path) -> Generator[tuple[subprocess.Popen[bytes], str]]:
    """`try`, once it has printed the page's address; killed in the end if it is still there."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    printed = folder / "printed"
    with printed.open("wb") as out:
        process = subprocess.Popen(
            [str(program), "try", "--no-open"], cwd=folder, env=kept, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    try:
        deadline = time.monotonic() + SECONDS
        while (found := ADDRESS.search(printed.read_text("utf-8"))) is None:
            assert process.poll() is None, printed.read_text("utf-8")
            assert time.monotonic() < deadline, printed.read_text("utf-8")
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        yield process, found[0]
    finally:
        process.kill()
        process.wait()


@pytest.mark.timeout(600)
def test_a_wheel_works_in_an_empty_environment_outside_the_checkout(tmp_path: Path) -> None:
    if not os.environ.get("CHECK_WHEEL"):
        pytest.skip("CHECK_WHEEL is not set: installing a wheel takes a package registry and half a minute")
    wheel = built(tmp_path)
    names = set(zipfile.ZipFile(wheel).namelist())
    assert names >= NOT_CODE
    assert not [name for name in names if name.startswith(("slack_sandbox/page/web", "tests", "bench", "docs"))]
    licences = {name.partition(".dist-info/licenses/")[2] for name in names if ".dist-info/licenses/" in name}
    assert licences == {path.name for path in ROOT.glob("LICENSE*")} | {"slack_sandbox/page/static/licences.txt"}

    environment, folder = tmp_path / "environment", tmp_path / "elsewhere"
    venv.create(environment)
    folder.mkdir()
    install(environment, str(wheel))
    program = environment / "bin" / "slack-mcp-agent"

    version = run(folder, program, "--version")
    assert (version.returncode, version.stdout) == (0, f"slack-mcp-agent {bot.__version__}\n"), version.stderr

    # Without an installed filesystem server npx fetches the pinned one.
    doctor = run(folder, program, "doctor")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "filesystem__read_text_file" in doctor.stdout, doctor.stdout + doctor.stderr

    refused = run(folder, program, "try", "--no-open")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "pip install 'slack-mcp-agent[try]'" in refused.stderr
    assert refused.stderr.count("\n") == 1

    install(environment, f"{wheel}[try]")
    with trial(program, folder) as (process, address):
        with urllib.request.urlopen(address, timeout=SECONDS) as page:
            assert b'<div id="root">' in page.read()
        with urllib.request.urlopen(f"{address}assets/page.js", timeout=SECONDS) as code:
            assert len(code.read()) > 100_000
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(address[: address.index("/", 7)] + "/", timeout=SECONDS)
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0

    alone = run(
        folder, environment / "bin" / "python", "-m", "slack_sandbox", "--json", "--no-open", "--seconds", "0.1"
    )
    assert alone.returncode == 0, alone.stderr
    assert '"SLACK_API_URL"' in alone.stdout
