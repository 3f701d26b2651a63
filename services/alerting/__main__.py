"""`python -m alerting`."""

from alerting.main import main

if __name__ == "__main__":
    main()
