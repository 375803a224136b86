"""The files of `config/` and the environment."""
