;;; kerascope.el --- Kerascope with Eglot, Emacs 29 and later  -*- lexical-binding: t -*-

;; Load this file from your init file; then M-x eglot in a Python buffer starts Kerascope.
;; Eglot runs one server for a buffer; for others beside it, set this before you load the file (see docs/editors/emacs.md):
;; (setq kerascope-command '("rass" "--" "kerascope" "server" "--" "ruff" "server"))

(require 'eglot)

(defvar kerascope-command '("kerascope" "server") "The command that starts Kerascope.")

(defclass kerascope-server (eglot-lsp-server) () "Kerascope, when Eglot talks to it.")

(add-to-list 'eglot-server-programs
             `((python-mode python-ts-mode) . (kerascope-server ,@kerascope-command)))

;; Eglot asks for inlay hints when the text changes. The figures of a build check come later: show them then.
(cl-defmethod eglot-client-capabilities ((_server kerascope-server))
  (let ((all (cl-call-next-method)))
    (plist-put all :workspace (plist-put (plist-get all :workspace) :inlayHint '(:refreshSupport t)))))

(cl-defmethod eglot-handle-request
  ((server kerascope-server) (_method (eql workspace/inlayHint/refresh)) &rest _)
  (dolist (buffer (eglot--managed-buffers server))
    (with-current-buffer buffer
      (when (bound-and-true-p eglot-inlay-hints-mode)
        (eglot--update-hints-1 (point-min) (point-max))))))

(provide 'kerascope)
;;; kerascope.el ends here
