"""openai is loaded without the types of its endpoints, which are loaded on first use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def run(program: str) -> str:
    """Run a program in a new interpreter. Returns its output."""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout.strip()


def test_a_client_is_created_without_the_types_of_the_endpoints_and_a_type_is_loaded_on_first_use() -> None:
    loaded, found = run(
        "import sys\n"
        "from bot.model.client import connect\n"
        "connect(api_key='k', base_url='https://example.com/v1', headers={})\n"
        "print([n for n in ('openai.types.responses.response', 'openai.types.image') if n in sys.modules])\n"
        "import openai\n"
        "from openai.types.chat import ChatCompletion\n"
        "from openai.types import shared\n"
        "print(openai.types.Model.__name__, ChatCompletion.__name__, hasattr(shared, 'FunctionDefinition'),"
        " hasattr(openai.types, 'nothing_like_it'))"
    ).splitlines()
    assert loaded == "[]"
    assert found == "Model ChatCompletion True False"


def test_a_package_that_was_loaded_before_is_not_changed() -> None:
    found = run("import openai.types\nimport bot.model.client\nprint(type(openai.types).__name__)")
    assert found == "module"
