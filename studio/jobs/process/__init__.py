"""Long jobs as processes of their own: their folder, lock, events, control file, runner and launch."""
