"""`python -m servertwin`."""

from servertwin.cli import main

main()
