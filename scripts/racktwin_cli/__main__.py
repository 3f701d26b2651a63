"""`python -m racktwin_cli`, the same as `racktwin`."""

from racktwin_cli.main import main

if __name__ == "__main__":
    main()
