"""Talking to a model: Ollama's, or one of ours in a child process."""
