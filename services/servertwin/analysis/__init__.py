"""What a record says: phases, a model of the server, a report. Entry: :mod:`servertwin.analysis.command`."""
