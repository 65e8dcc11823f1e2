"""`python -m bot mcp`: what a server offers, for operators."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from tests.forking import nursery
from tests.unit.tools.helpers import SERVERS

ROOT = Path(__file__).parents[2]
SHOP = (sys.executable, str(SERVERS / "shop.py"))


def bot(folder: Path, *words: str) -> tuple[int, str, str]:
    """Run the command to its end. Out: the exit code and what it said."""
    known = {key: os.environ[key] for key in ("HOME", "PATH") if key in os.environ}
    done = nursery().run(folder, {**known, "PYTHONPATH": str(ROOT)}, "mcp", *words)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_a_command_is_asked_for_all_that_it_offers(tmp_path: Path) -> None:
    code, out, err = bot(tmp_path, "--", *SHOP)

    assert (code, err) == (0, "")
    assert out == (
        "shop 2.1 speaks MCP 2025-11-25.\n"
        "It says how to use it: Ask first.\n"
        "\n"
        "3 tools. The definitions of those in use take about 109 tokens of each request.\n"
        "tool   hints                 tokens  title\n"
        "burn   destructive           36\n"
        "buy    additive, idempotent  36\n"
        "price  read-only             37      Look up a price\n"
        "\n"
        "2 prompts:\n"
        "order(item, size?)  Order\n"
        "complain\n"
        "\n"
        "2 resources:\n"
        "shop://prices  Prices\n"
        "shop://item/{id}  Item\n"
    )


def test_a_configured_server_is_asked_by_its_key_and_machines_read_what_is_left_out(tmp_path: Path) -> None:
    server = {"command": SHOP[0], "args": [*SHOP[1:], "broken"], "exclude": ["bu*"]}
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": {"shop": server}}))

    code, out, _ = bot(tmp_path, "shop", "--json")

    found = json.loads(out)
    assert code == 0
    assert (found["name"], found["version"], found["protocol"]) == ("shop", "2.1", "2025-11-25")
    assert {each["name"]: each["used"] for each in found["tools"]} == {"burn": False, "buy": False, "price": True}
    assert found["tokens"] == next(each["tokens"] for each in found["tools"] if each["name"] == "price")
    [trouble] = found["troubles"]
    assert trouble.startswith("The list of resources cannot be used: ")
    assert [each["name"] for each in found["resources"]] == ["shop://item/{id}"]


def test_a_server_that_cannot_be_used_is_one_plain_sentence(tmp_path: Path) -> None:
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": {"shop": {"command": SHOP[0]}}}))

    assert bot(tmp_path, "nothing") == (
        2,
        "",
        "mcp: 'nothing' is no address with http:// or https://, no server in use, and no program that is here. "
        "The servers in use are `shop`.\n",
    )
    code, out, err = bot(tmp_path, "http://127.0.0.1:1/mcp")
    assert (code, out) == (1, "")
    assert err == "The tool server `server` is not running: it cannot be reached (connection refused).\n"
    code, out, err = bot(tmp_path, "--", sys.executable, "-c", "import sys; sys.exit('no licence')")
    assert (code, out) == (1, "")
    assert err.endswith("Its last words: no licence\n")
