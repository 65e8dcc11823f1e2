"""Follows which parts of a Markdown text are code, in fences or between backticks. Pure."""

from __future__ import annotations

from bot.model.text_tokens import NO_WORDS


class CodeTracker:
    """Where a text is, while it is read in order."""

    def __init__(self) -> None:
        self.fence = ""
        """The run that began the fence in which the text is; empty outside of fences."""
        self.span = 0
        """The number of backticks that began the code in a line; 0 outside of such code."""
        self.is_line_blank = True
        """Whether the line has no words so far."""
        self._fence_line = False
        """Whether the text is still in the line that began the fence."""

    def run(self, run: str) -> None:
        """Read a run of backticks or tildes. Call `advance` with it afterwards."""
        if self.fence:
            in_line = self._fence_line and run[0] == "`"  # two runs in one line are no fence
            if in_line or (run[0] == self.fence[0] and len(run) >= len(self.fence) and self.is_line_blank):
                self.fence = ""
        elif self.span:
            if run[0] == "`" and len(run) == self.span:
                self.span = 0
        elif len(run) >= 3 and self.is_line_blank:
            self.fence, self._fence_line = run, True
        elif run[0] == "`":
            self.span = len(run)

    def advance(self, text: str) -> None:
        """Move past some text, which is not empty. Code between backticks ends with its line."""
        line = text.rfind("\n") + 1
        if line:
            self.span, self._fence_line = 0, False
            self.is_line_blank = NO_WORDS.fullmatch(text, line) is not None
        elif self.is_line_blank:
            self.is_line_blank = NO_WORDS.fullmatch(text) is not None
