"""JESSY Studio, the application."""
