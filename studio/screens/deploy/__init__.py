"""Deploy: a checkpoint on its way into Ollama."""
