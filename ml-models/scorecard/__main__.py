"""`python -m scorecard`."""

from scorecard.main import start

if __name__ == "__main__":
    start()
