"""`python -m upkeep`."""

from upkeep.main import start

if __name__ == "__main__":
    start()
