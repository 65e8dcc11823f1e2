"""What a server asks for in a result: what can be asked, and what makes no second call."""

from __future__ import annotations

from typing import Any

import pytest

from bot.core.tools import DeliveryStatus, ResultText
from bot.tools.mcp import elicitation

FORM = {"method": "elicitation/create", "params": {"message": "m", "requestedSchema": {"type": "object"}}}


@pytest.mark.parametrize("listed", ["x", 5, True, [FORM], [["a", FORM]]])
@pytest.mark.parametrize("state", [{}, {"requestState": "s"}])
def test_a_call_whose_server_asks_in_a_way_that_cannot_be_read_is_not_made_again(listed: Any, state: Any) -> None:
    found, words = elicitation.of_result({"inputRequests": listed, **state}, None)
    assert found is DeliveryStatus.ERROR
    assert "asks in a form that cannot be read" in words


@pytest.mark.parametrize("reply", [{}, {"inputRequests": {}}, {"inputRequests": None}, {"requestState": 5}])
def test_a_call_is_not_made_again_with_nothing_new(reply: Any) -> None:
    found, words = elicitation.of_result(reply, None)
    assert found is DeliveryStatus.ERROR
    assert "does not say what it needs" in words


@pytest.mark.parametrize("reply", [{"requestState": "s"}, {"requestState": "s", "inputRequests": []}])
def test_a_call_that_its_server_has_put_off_is_made_again_with_the_state(reply: Any) -> None:
    found, words = elicitation.of_result(reply, None)
    assert found is DeliveryStatus.ASKS
    assert isinstance(words, ResultText)
    assert words.exchange is not None
    assert (words.exchange.state, list(words.exchange.requests)) == ("s", [])
