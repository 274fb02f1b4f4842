"""The part of the build check that runs in the user's interpreter: Python 3.8 or later, the standard library
and the user's Keras only; nothing of Kerascope is installed there. Imports inside this folder are relative,
since it is loaded by its path, under the name `_kerascope_worker`.

Standard input carries requests and the result pipe (`--results FD`) answers, each a line of JSON:

    server → worker   {"id": 7, "request": {…}}      a `Request` by `request.to_json`
                      {"cancel": 7}
                      {"preload": ["keras_hub"]}     import these before the next check
    worker → server   {"ready": {versions}, "seconds": s} or {"failed": {"why": …, "message": …}}   once
                      {"id": 7, "stage": "call", "text": "calling Outer on float32 (2, 5)"}         progress
                      {"id": 7, "part": {…}}         fields of `Report`, merged over what came before
                      {"id": 7, "done": {"status": "built"}}       or crashed …, with a message

What was measured is sent as soon as it is known, so a crash later loses nothing.
"""
