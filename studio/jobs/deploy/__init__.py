"""From a checkpoint to a proven Ollama model."""
