"""Text comes in: documents, their statements, syntax trees and suppression comments.

This package knows nothing of Keras, of projects or of editors.
"""
