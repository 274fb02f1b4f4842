;;; kerascope.el --- Kerascope with Eglot, Emacs 29 and later  -*- lexical-binding: t -*-

;; Load this file from your init file; then M-x eglot in a Python buffer starts Kerascope.
;; Eglot runs one server for a buffer: to have another Python server beside it, see docs/editors/emacs.md.

(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs
               '((python-mode python-ts-mode) . ("kerascope" "server"))))

(provide 'kerascope)
;;; kerascope.el ends here
