"""Function one: answers API Gateway whether a request may pass.

`handler` reads clock and environment, `events` turns an event into a request, `authorize`
decides, `answers` turns the decision into what API Gateway takes.
"""
