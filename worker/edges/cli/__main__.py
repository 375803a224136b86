"""`python -m worker.edges.cli` is `phin`."""

from worker.edges.cli.main import main

main()
