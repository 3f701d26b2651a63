"""`python -m dcim`."""

from dcim.main import main

if __name__ == "__main__":
    main()
