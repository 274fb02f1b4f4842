"""The editor: Kerascope as a language server, one file a feature. The only package that knows the protocol."""
