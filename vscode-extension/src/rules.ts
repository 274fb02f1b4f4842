/** The pages of the rules, which the extension carries. */

import * as vscode from 'vscode';

/** Let the person choose a rule, those at the cursor first, and show its page. */
export async function showRule(extension: vscode.Uri): Promise<void> {
    const folder = vscode.Uri.joinPath(extension, 'bundled', 'rules');
    const files = (await vscode.workspace.fs.readDirectory(folder)).map(([name]) => name).filter((name) => /^KS\d+\.md$/.test(name));
    const here = codesAtCursor();
    const rules = await Promise.all(
        files.sort().map(async (name) => {
            const page = vscode.Uri.joinPath(folder, name);
            const lines = new TextDecoder().decode(await vscode.workspace.fs.readFile(page)).split('\n');
            const code = name.slice(0, -'.md'.length);
            const title = /`([\w-]+)`/.exec(lines[0] ?? '')?.[1] ?? '';
            return { label: code, description: here.has(code) ? `${title} (at the cursor)` : title, detail: lines[2] ?? '', page };
        }),
    );
    rules.sort((one, other) => Number(here.has(other.label)) - Number(here.has(one.label)));
    const chosen = await vscode.window.showQuickPick(rules, { title: 'Rules of Kerascope', matchOnDescription: true, matchOnDetail: true });
    if (chosen !== undefined) {
        await vscode.commands.executeCommand('markdown.showPreview', chosen.page);
    }
}

function codesAtCursor(): Set<string> {
    const editor = vscode.window.activeTextEditor;
    if (editor === undefined) {
        return new Set();
    }
    const line = editor.selection.active.line;
    return new Set(
        vscode.languages
            .getDiagnostics(editor.document.uri)
            .filter((each) => each.source?.toLowerCase() === 'kerascope' && each.range.start.line <= line && line <= each.range.end.line)
            .map(({ code }) => String(typeof code === 'object' ? code.value : code)),
    );
}
