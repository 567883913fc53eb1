"""The local run: emulated AWS data services, real Lambda runtimes, a gateway that plays API Gateway.

Development only: in no build rule, and nothing may import it.
"""
