-- Kerascope for Neovim 0.11 and later. Put this file into a folder `lsp` of your runtime path, for example
-- ~/.config/nvim/lsp/kerascope.lua, and write vim.lsp.enable("kerascope") into init.lua.
return {
  cmd = { "kerascope", "server" },
  filetypes = { "python" },
  root_markers = { { "kerascope.toml", "pyproject.toml" }, ".git" },
  settings = { kerascope = {} },
  handlers = {
    -- The report of a build check opens in a split, not in the place of the code.
    ["window/showDocument"] = function(problem, params, context)
      vim.cmd.vsplit()
      return vim.lsp.handlers["window/showDocument"](problem, params, context)
    end,
  },
}
