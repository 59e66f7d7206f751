"""The services: headless, one folder a step."""
