"""`python -m nodes`."""

from nodes.main import main

if __name__ == "__main__":
    main()
