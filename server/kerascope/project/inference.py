"""What imports alone don't answer, asked of Jedi in the background; nothing ever waits for it but the command
line."""

from __future__ import annotations


class Inference:
    """Jedi's answers for one project."""
