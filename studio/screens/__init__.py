"""The seven screens, one a file with its .tcss beside it, and what they share."""
