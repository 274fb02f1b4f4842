;;; A person's session with Eglot: what is seen is written to the file $SEEN as JSON.  -*- lexical-binding: t -*-
;;; $BESIDE: what a server beside Kerascope finds, if anything.

(setq native-comp-jit-compilation nil
      native-comp-enable-subr-trampolines nil
      eglot-sync-connect t
      eglot-connect-timeout 60
      create-lockfiles nil)
(load (getenv "READY"))
(require 'eglot)
(require 'flymake)
(require 'json)

(defun wait (what condition)
  "Wait until CONDITION gives something, and give that; WHAT is waited for."
  (let ((end (+ (float-time) 60)) found)
    (while (not (setq found (funcall condition)))
      (when (> (float-time) end) (error "Waited in vain for %s" what))
      (accept-process-output nil 0.05))
    found))

(defun findings ()
  "What Flymake shows: line, type, text."
  (mapcar (lambda (each)
            (list (save-excursion
                    (goto-char (flymake-diagnostic-beg each))
                    (buffer-substring-no-properties (line-beginning-position) (line-end-position)))
                  (symbol-name (flymake-diagnostic-type each))
                  (flymake-diagnostic-text each)))
          (flymake-diagnostics)))

(defun found (text)
  "Whether a finding says TEXT."
  (seq-some (lambda (each) (string-match-p text (nth 2 each))) (findings)))

(let (seen)
  (find-file "model.py")
  (python-mode)
  (call-interactively #'eglot)
  (flymake-start)
  (wait "findings" (lambda () (and (found "KS105") (found (getenv "BESIDE")))))
  (push (cons 'findings (vconcat (mapcar #'vconcat (findings)))) seen)

  (search-forward "class Block")
  (backward-char 2)
  (let ((shown nil))
    (eglot-hover-eldoc-function (lambda (text &rest _) (setq shown text)))
    (push (cons 'hover (substring-no-properties (wait "hover" (lambda () shown)))) seen))

  (search-forward "blocks.append(Block")
  ;; The person chooses from the menu of actions.
  (cl-letf (((symbol-function 'completing-read)
             (lambda (_prompt actions &rest _)
               (push (cons 'actions (vconcat (mapcar #'car actions))) seen)
               (car (seq-find (lambda (each) (string-match-p "Fill `self.blocks` itself" (car each))) actions)))))
    (let ((last-nonmenu-event ?a)) ; a key, not the mouse
      (call-interactively #'eglot-code-actions)))
  (wait "the fix" (lambda () (save-excursion (goto-char (point-min)) (search-forward "self.blocks.append(Block" nil t))))
  (save-buffer) ; without a keyboard, Emacs is never idle and sends no changes before
  (wait "the finding to go" (lambda () (not (found "KS105"))))
  (let ((server (eglot-current-server)))
    (eglot-shutdown server)
    (push (cons 'ended (if (jsonrpc-running-p server) :json-false t)) seen))
  (with-temp-file (getenv "SEEN") (insert (json-encode seen))))
