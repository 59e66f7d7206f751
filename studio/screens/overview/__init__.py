"""Overview: where the persona stands, what comes next, and collecting."""
