"""Neovim with its own client and the ready-made `lsp/kerascope.lua`: what a person sees and does there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.editors.conftest import (
    BROKEN,
    EDITORS,
    MENDED,
    MESSAGE,
    PATIENCE,
    ROOT,
    needs_keras,
    program,
    with_settings,
)

Session = Callable[[str], dict[str, Any]]

BEGIN = """
local seen = {}
local function text(number) return vim.api.nvim_buf_get_lines(0, number, number + 1, false)[1] end
local function act(title)
  local function wanted(each) return each.title:find(title, 1, true) end
  vim.lsp.buf.code_action({ apply = true, filter = wanted })
end
local function wait(what, condition)
  if not vim.wait(PATIENCE, condition, 20) then error("waited in vain for " .. what) end
end
local function line(text)
  for number, each in ipairs(vim.api.nvim_buf_get_lines(0, 0, -1, false)) do
    if each:find(text, 1, true) then
      vim.api.nvim_win_set_cursor(0, { number, #each:match("^%s*") })
      return number
    end
  end
  error("no line has " .. text)
end
local function request(method, params)
  local answers = vim.lsp.buf_request_sync(0, method, params, PATIENCE)
  for _, answer in pairs(answers or {}) do return answer.result end
end
local here = { textDocument = vim.lsp.util.make_text_document_params() }
wait("the server", function() return #vim.lsp.get_clients({ name = "kerascope" }) > 0 end)
wait("findings", function() return #vim.diagnostic.get(0) > 0 end)
"""
END = """
vim.lsp.stop_client(vim.lsp.get_clients())
wait("the server's end", function() return #vim.lsp.get_clients() == 0 end)
vim.fn.writefile({ vim.json.encode(seen) }, vim.env.SEEN)
"""


@pytest.fixture
def neovim(project: Path, environment: dict[str, str], tmp_path: Path) -> Session:
    """Opens the model, does the steps, and ends all. Gives what the steps put into `seen`."""
    runtime = next((EDITORS / "nvim").glob("root/usr/share/nvim/runtime"), ROOT)
    env = with_settings(environment, VIMRUNTIME=runtime, SEEN=tmp_path / "seen.json")

    def run(steps: str, init: str = "") -> dict[str, Any]:
        script = tmp_path / "steps.lua"
        failed = "function(problem) io.stderr:write(problem) vim.cmd('cquit') end"
        text = f"xpcall(function()\n{BEGIN}{steps}{END}\nend, {failed})"
        script.write_text(text.replace("PATIENCE", str(int(PATIENCE * 1000))), "utf-8")
        config = Path(env["XDG_CONFIG_HOME"], "nvim")
        shutil.copytree(ROOT / "docs" / "editors" / "neovim", config)
        (config / "init.lua").write_text(f'vim.lsp.enable("kerascope")\n{init}', "utf-8")
        ended = subprocess.run(
            [program("nvim", "nvim"), "--headless", "model.py", "-c", f"luafile {script}", "-c", "qall!"],
            cwd=project,
            env=env,
            capture_output=True,
            encoding="utf-8",
            timeout=3 * PATIENCE,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        seen: dict[str, Any] = json.loads((tmp_path / "seen.json").read_text("utf-8"))
        return seen

    return run


def test_a_finding_stands_on_its_line(neovim: Session) -> None:
    seen = neovim("""
    local found = vim.diagnostic.get(0)
    seen.findings = vim.tbl_map(function(each)
      return { text(each.lnum), each.code, each.message }
    end, found)
    seen.severity = vim.diagnostic.severity[found[1].severity]
    """)
    ((line, code, message),) = seen["findings"]
    assert (line, code, seen["severity"]) == (BROKEN, "KS105", "WARN")
    assert message.startswith(MESSAGE)


def test_a_code_action_mends_it_and_the_finding_goes(neovim: Session) -> None:
    seen = neovim("""
    line("blocks.append(Block(width))")
    act("Fill `self.blocks` itself")
    wait("the fix", function() return vim.bo.modified end)
    wait("the finding to go", function() return #vim.diagnostic.get(0) == 0 end)
    seen.text = vim.api.nvim_buf_get_lines(0, 0, -1, false)
    """)
    assert MENDED in seen["text"]
    assert BROKEN not in seen["text"]


PYRIGHT = EDITORS / "pyright" / "node_modules" / ".bin" / "pyright-langserver"
OTHERS = {
    "ruff": ([str(Path(sys.executable).with_name("ruff")), "server"], "Ruff F401"),
    "pyright": ([str(PYRIGHT), "--stdio"], "Pyright reportUndefinedVariable"),
}


@pytest.mark.parametrize("other", OTHERS)
def test_it_stands_beside_another_server_for_python(neovim: Session, project: Path, other: str) -> None:
    command, theirs = OTHERS[other]
    with (project / "model.py").open("a", encoding="utf-8") as file:
        file.write("import os\nnever_defined\n")
    words = ", ".join(f'"{word}"' for word in command)
    seen = neovim(
        f"local theirs = '{theirs}'"
        """
    local function sources()
      local function named(each) return ("%s %s"):format(each.source, each.code) end
      return vim.tbl_map(named, vim.diagnostic.get(0))
    end
    wait("both", function()
      return vim.tbl_contains(sources(), theirs) and vim.tbl_contains(sources(), "kerascope KS105")
    end)
    line("blocks.append(Block(width))")
    act("Fill `self.blocks` itself")
    wait("the fix", function() return vim.bo.modified end)
    wait("the finding to go, and theirs to stay", function()
      return not vim.tbl_contains(sources(), "kerascope KS105") and vim.tbl_contains(sources(), theirs)
    end)
    seen.left = sources()
    seen.text = vim.api.nvim_buf_get_lines(0, 0, -1, false)
    """,
        f'vim.lsp.config("{other}", {{ cmd = {{ {words} }}, filetypes = {{ "python" }}, settings = {{}} }})\n'
        f'vim.lsp.enable("{other}")\n',
    )
    assert MENDED in seen["text"]
    assert theirs in seen["left"]


def test_typing_a_mistake_is_noticed(neovim: Session) -> None:
    seen = neovim("""
    local number = line("self.norm = keras")
    local changed = { "        self.norm = Bag(keras.layers.Dense(3))" }
    vim.api.nvim_buf_set_lines(0, number - 1, number, false, changed)
    vim.api.nvim_buf_set_lines(0, 5, 5, false, {
      "class Bag:", "    def __init__(self, inner):", "        self.inner = inner", "",
      "    def __call__(self, x):", "        return self.inner(x)", "", "" })
    wait("the new finding", function()
      seen.codes = vim.tbl_map(function(each) return each.code end, vim.diagnostic.get(0))
      return vim.tbl_contains(seen.codes, "KS101")
    end)
    """)
    assert "KS101" in seen["codes"]


def test_hover_shows_the_tree_of_a_layer_class(neovim: Session) -> None:
    seen = neovim("""
    local number = line("class Block")
    vim.api.nvim_win_set_cursor(0, { number, 7 })
    vim.lsp.buf.hover()
    local function popup()
      for _, window in ipairs(vim.api.nvim_list_wins()) do
        if vim.api.nvim_win_get_config(window).relative ~= "" then return window end
      end
    end
    wait("the hover", popup)
    seen.hover = vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(popup()), 0, -1, false)
    """)
    shown = "\n".join(seen["hover"])
    assert "LayerNormalization" in shown
    assert "Dense" in shown


@needs_keras
def test_the_build_check_shows_its_figures_and_its_report(neovim: Session) -> None:
    seen = neovim("""
    vim.lsp.inlay_hint.enable(true)
    local function lenses()
      return vim.tbl_map(function(each) return each.command.title end, request("textDocument/codeLens", here))
    end
    seen.before = lenses()
    line("class Block")
    act("Build check: Block")
    wait("the lens", function() return lenses()[1]:find("parameters") end)
    seen.after = lenses()
    wait("the figures", function() return #vim.lsp.inlay_hint.get({ bufnr = 0 }) > 0 end)
    seen.hints = vim.tbl_map(function(each)
      return { vim.trim(text(each.inlay_hint.position.line)), each.inlay_hint.label }
    end, vim.lsp.inlay_hint.get({ bufnr = 0 }))
    act("Show the build report")
    wait("the report", function() return vim.fn.bufname():find("Block.md") end)
    seen.windows = #vim.api.nvim_list_wins()
    seen.report = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\\n")
    """)
    assert seen["before"] == ["Build check", "Build check"]
    assert seen["after"][0] == "4 weights · 304 parameters · all tracked"
    assert [
        'self.dense = keras.layers.Dense(width, activation="gelu")',
        "(16, 16), (16,) · 272 parameters",
    ] in seen["hints"]
    assert seen["windows"] == 2
    assert "dense" in seen["report"]
    assert "norm" in seen["report"]
