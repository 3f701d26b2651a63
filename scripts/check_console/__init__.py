"""The console in a real browser: every view is used as people use it, on a running stack.

`browser` starts Chromium, `journeys` are what people do, `speed` measures, `__main__` runs all and prints one line of
JSON.
"""
