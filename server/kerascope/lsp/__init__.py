"""The editor: Kerascope as a language server, one file a feature. Only this package knows the protocol."""
