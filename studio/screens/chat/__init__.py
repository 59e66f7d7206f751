"""Chat: talking, keeping, comparing and mending."""
