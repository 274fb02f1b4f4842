"""What four editors say of themselves when they start a server: the parts that a server acts on."""

from __future__ import annotations

import os
from typing import Any

Json = dict[str, Any]


def vscode(folders: list[tuple[str, str]], options: object = None) -> Json:
    """Visual Studio Code with vscode-languageclient 9."""
    return {
        "processId": os.getpid(),
        "clientInfo": {"name": "Visual Studio Code", "version": "1.99.0"},
        "locale": "en",
        "rootPath": None,
        "rootUri": folders[0][1] if folders else None,
        "initializationOptions": options,
        "trace": "off",
        "workspaceFolders": [{"name": name, "uri": uri} for name, uri in folders] or None,
        "capabilities": {
            "workspace": {
                "applyEdit": True,
                "workspaceEdit": {
                    "documentChanges": True,
                    "resourceOperations": ["create", "rename", "delete"],
                    "failureHandling": "textOnlyTransactional",
                    "normalizesLineEndings": True,
                    "changeAnnotationSupport": {"groupsOnLabel": True},
                },
                "configuration": True,
                "didChangeWatchedFiles": {"dynamicRegistration": True, "relativePatternSupport": True},
                "didChangeConfiguration": {"dynamicRegistration": True},
                "workspaceFolders": True,
                "executeCommand": {"dynamicRegistration": True},
                "codeLens": {"refreshSupport": True},
                "inlayHint": {"refreshSupport": True},
                "diagnostics": {"refreshSupport": True},
            },
            "textDocument": {
                "publishDiagnostics": {
                    "relatedInformation": True,
                    "versionSupport": False,
                    "tagSupport": {"valueSet": [1, 2]},
                    "codeDescriptionSupport": True,
                    "dataSupport": True,
                },
                "synchronization": {
                    "dynamicRegistration": True,
                    "willSave": True,
                    "willSaveWaitUntil": True,
                    "didSave": True,
                },
                "hover": {"dynamicRegistration": True, "contentFormat": ["markdown", "plaintext"]},
                "codeAction": {
                    "dynamicRegistration": True,
                    "isPreferredSupport": True,
                    "disabledSupport": True,
                    "dataSupport": True,
                    "resolveSupport": {"properties": ["edit"]},
                    "codeActionLiteralSupport": {
                        "codeActionKind": {"valueSet": ["", "quickfix", "source", "source.fixAll"]}
                    },
                    "honorsChangeAnnotations": True,
                },
                "codeLens": {"dynamicRegistration": True},
                "inlayHint": {
                    "dynamicRegistration": True,
                    "resolveSupport": {
                        "properties": ["tooltip", "textEdits", "label.tooltip", "label.location"]
                    },
                },
                "diagnostic": {"dynamicRegistration": True, "relatedDocumentSupport": False},
            },
            "window": {
                "showMessage": {"messageActionItem": {"additionalPropertiesSupport": True}},
                "showDocument": {"support": True},
                "workDoneProgress": True,
            },
            "general": {
                "staleRequestSupport": {
                    "cancel": True,
                    "retryOnContentModified": ["textDocument/semanticTokens/full"],
                },
                "positionEncodings": ["utf-16"],
            },
            "notebookDocument": {
                "synchronization": {"dynamicRegistration": True, "executionSummarySupport": True}
            },
        },
    }


def neovim(folders: list[tuple[str, str]], options: object = None) -> Json:
    """Neovim 0.11's own client."""
    return {
        "processId": os.getpid(),
        "clientInfo": {"name": "Neovim", "version": "0.11.0"},
        "rootPath": None,
        "rootUri": folders[0][1] if folders else None,
        "workspaceFolders": [{"name": name, "uri": uri} for name, uri in folders] or None,
        "initializationOptions": options,
        "trace": "off",
        "workDoneToken": "1",
        "capabilities": {
            "general": {"positionEncodings": ["utf-8", "utf-16", "utf-32"]},
            "workspace": {
                "applyEdit": True,
                "configuration": True,
                "didChangeConfiguration": {"dynamicRegistration": False},
                "didChangeWatchedFiles": {"dynamicRegistration": False, "relativePatternSupport": True},
                "workspaceEdit": {"resourceOperations": ["rename", "create", "delete"]},
                "workspaceFolders": True,
                "inlayHint": {"refreshSupport": True},
            },
            "textDocument": {
                "codeAction": {
                    "dynamicRegistration": True,
                    "isPreferredSupport": True,
                    "dataSupport": True,
                    "resolveSupport": {"properties": ["edit", "command"]},
                    "codeActionLiteralSupport": {
                        "codeActionKind": {"valueSet": ["", "quickfix", "source", "source.fixAll"]}
                    },
                },
                "codeLens": {"dynamicRegistration": False, "resolveSupport": {"properties": ["command"]}},
                "inlayHint": {
                    "dynamicRegistration": True,
                    "resolveSupport": {"properties": ["textEdits", "tooltip", "location", "command"]},
                },
                "diagnostic": {"dynamicRegistration": False},
                "hover": {"dynamicRegistration": True, "contentFormat": ["markdown", "plaintext"]},
                "publishDiagnostics": {
                    "relatedInformation": True,
                    "tagSupport": {"valueSet": [1, 2]},
                    "dataSupport": True,
                },
                "synchronization": {
                    "dynamicRegistration": False,
                    "didSave": True,
                    "willSave": True,
                    "willSaveWaitUntil": True,
                },
            },
            "window": {
                "showDocument": {"support": True},
                "showMessage": {"messageActionItem": {"additionalPropertiesSupport": True}},
                "workDoneProgress": True,
            },
        },
    }


def helix(folders: list[tuple[str, str]], options: object = None) -> Json:
    """Helix 25."""
    return {
        "processId": os.getpid(),
        "clientInfo": {"name": "helix", "version": "25.01"},
        "rootPath": None,
        "rootUri": folders[0][1] if folders else None,
        "initializationOptions": options,
        "workspaceFolders": [{"name": name, "uri": uri} for name, uri in folders] or [],
        "capabilities": {
            "workspace": {
                "configuration": True,
                "didChangeConfiguration": {"dynamicRegistration": False},
                "workspaceFolders": True,
                "applyEdit": True,
                "executeCommand": {"dynamicRegistration": False},
                "inlayHint": {"refreshSupport": False},
                "workspaceEdit": {
                    "documentChanges": True,
                    "resourceOperations": ["create", "rename", "delete"],
                    "failureHandling": "abort",
                    "normalizesLineEndings": False,
                },
                "didChangeWatchedFiles": {"dynamicRegistration": True, "relativePatternSupport": False},
            },
            "textDocument": {
                "hover": {"contentFormat": ["markdown"]},
                "codeAction": {
                    "codeActionLiteralSupport": {
                        "codeActionKind": {"valueSet": ["", "quickfix", "source", "source.fixAll"]}
                    },
                    "isPreferredSupport": True,
                    "disabledSupport": True,
                    "dataSupport": True,
                    "resolveSupport": {"properties": ["edit", "command"]},
                },
                "publishDiagnostics": {
                    "versionSupport": True,
                    "tagSupport": {"valueSet": [1, 2]},
                },
                "inlayHint": {"dynamicRegistration": False},
            },
            "window": {"workDoneProgress": True, "showDocument": {"support": True}},
            "general": {"positionEncodings": ["utf-8", "utf-32", "utf-16"]},
        },
    }


def eglot(folders: list[tuple[str, str]], options: object = None) -> Json:
    """Emacs with Eglot 1.17."""
    return {
        "processId": os.getpid(),
        "clientInfo": {"name": "Eglot", "version": "1.17"},
        "rootPath": None,
        "rootUri": folders[0][1] if folders else None,
        "initializationOptions": options if options is not None else {},
        "workspaceFolders": [{"name": name, "uri": uri} for name, uri in folders],
        "capabilities": {
            "workspace": {
                "applyEdit": True,
                "executeCommand": {"dynamicRegistration": False},
                "workspaceEdit": {"documentChanges": True},
                "didChangeWatchedFiles": {"dynamicRegistration": True},
                "symbol": {"dynamicRegistration": False},
                "configuration": True,
                "workspaceFolders": True,
            },
            "textDocument": {
                "synchronization": {
                    "dynamicRegistration": False,
                    "willSave": True,
                    "willSaveWaitUntil": True,
                    "didSave": True,
                },
                "hover": {"dynamicRegistration": False, "contentFormat": ["plaintext"]},
                "codeAction": {
                    "dynamicRegistration": False,
                    "resolveSupport": {"properties": ["edit", "command"]},
                    "dataSupport": True,
                    "codeActionLiteralSupport": {
                        "codeActionKind": {"valueSet": ["quickfix", "refactor", "source"]}
                    },
                    "isPreferredSupport": True,
                },
                "inlayHint": {"dynamicRegistration": False},
                "publishDiagnostics": {
                    "relatedInformation": False,
                    "codeDescriptionSupport": False,
                    "tagSupport": {"valueSet": [1, 2]},
                },
            },
            "window": {"showDocument": {"support": True}, "workDoneProgress": True},
            "general": {"positionEncodings": ["utf-32", "utf-8", "utf-16"]},
            "experimental": {},
        },
    }


def bare(folders: list[tuple[str, str]], options: object = None) -> Json:
    """The least that a client can be: it is sent diagnostics, and takes edits by URI."""
    return {
        "processId": None,
        "rootUri": folders[0][1] if folders else None,
        "initializationOptions": options,
        "capabilities": {"textDocument": {"publishDiagnostics": {"versionSupport": True}}},
    }


EDITORS = {"vscode": vscode, "neovim": neovim, "helix": helix, "eglot": eglot, "bare": bare}
