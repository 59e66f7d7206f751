"""The commands of `jessy-studio`, one module each; `studio.cli` imports a module when it is called."""
