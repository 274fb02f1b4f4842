"""The part of the build check that runs in the user's interpreter: Python 3.8 or later, the standard library
and the user's Keras only; nothing of Kerascope is installed there. Imports inside this folder are relative,
since it is loaded by its path, under the name `_kerascope_worker`.

Standard input carries requests and standard output answers, each a line of JSON; `serve` moves both to other
descriptors before anything is imported that may print:

    server → worker   {"id": 7, "request": {…}}      a `Request` by `request.to_json`
                      {"cancel": 7}
                      {"preload": ["keras_hub"]}     import these before the next check
    worker → server   {"alive": pid}                 at once
                      {"starting": "importing Keras"}
                      {"ready": {versions}, "seconds": s, …} or {"failed": {"why": …, "message": …}}   once
                      {"id": 7, "taken": true}       from here on the code may do anything
                      {"id": 7, "stage": "call", "text": "calling Outer on float32 (2, 5)"}         progress
                      {"id": 7, "part": {…}}         fields of `Report`, merged over what came before
                      {"id": 7, "done": {"status": "built"}}       or crashed …, with a message

What was measured is sent as soon as it is known, so a crash later loses nothing. Three kinds of processes:

    keeper     started by Kerascope; runs nothing of the user's; limits, watches and ends the others
    zygote     forked from it; has imported Keras; where a file imports more, a fork of it is the next one
    check      forked from the newest zygote, for one request; one or two wait for it, having gone through
               a check of ours (`rehearse`), after which TensorFlow and Keras take a third of the time

Where forking isn't possible, a single process (`once`) imports Keras, runs one check and ends.
"""
