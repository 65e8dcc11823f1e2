"""What must hold for any sequence of events."""

import pytest

pytest.register_assert_rewrite("tests.property.watching")
