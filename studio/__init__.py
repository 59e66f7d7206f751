"""JESSY Studio, the application."""

from __future__ import annotations

import os

# Read by Textual when it is imported. What changes shows within a 120th of a second, not a 60th: a token and a key
# wait half as long for their frame, and nothing is drawn more often than it changes (benchmarks/chat.py).
os.environ.setdefault("TEXTUAL_FPS", "120")
