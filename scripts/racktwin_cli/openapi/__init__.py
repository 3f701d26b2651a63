"""`racktwin openapi`: the documents of everything that offers HTTP. The files are made by `python -m api_docs
--write`."""
