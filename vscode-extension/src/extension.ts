/** The extension: finds a Python, starts the server, and gives its answers a place in the editor. It knows
 * nothing of Keras. */

import * as vscode from 'vscode';
import { BuildChecks } from './build';
import { ChosenInterpreters } from './python';
import { ReportViews } from './report';
import { showRule } from './rules';
import { Server } from './server';
import { StatusItem } from './status';

let server: Server | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
    const log = vscode.window.createOutputChannel('Kerascope', { log: true });
    const interpreters = new ChosenInterpreters(log);
    const status = new StatusItem();
    const views = new ReportViews();
    const builds = new BuildChecks(() => server?.running, views, context.workspaceState);
    server = new Server(context, log, interpreters, status, builds.middleware);
    const commands: Record<string, () => unknown> = {
        'kerascope.buildAtCursor': () => builds.buildAtCursor(false),
        'kerascope.buildAtCursorWith': () => builds.buildAtCursor(true),
        'kerascope.buildThisFile': () => builds.buildThisFile(),
        'kerascope.showReportAtCursor': () => builds.showReportAtCursor(),
        'kerascope.fixAll': () =>
            vscode.commands.executeCommand('editor.action.codeAction', { kind: 'source.fixAll.kerascope', apply: 'first' }),
        'kerascope.showRule': () => showRule(context.extensionUri),
        'kerascope.restart': () => server?.restart(),
        'kerascope.showLog': () => log.show(),
        'kerascope.openSample': () => openSample(context),
    };
    context.subscriptions.push(log, interpreters, status, views, server);
    for (const [name, run] of Object.entries(commands)) {
        context.subscriptions.push(vscode.commands.registerCommand(name, run));
    }
    await server.restart();
}

export async function deactivate(): Promise<void> {
    await server?.stopForGood();
}

/** A copy of the sample that the person may change, anew each time, beside the walkthrough that leads on. */
async function openSample(context: vscode.ExtensionContext): Promise<void> {
    const source = vscode.Uri.joinPath(context.extensionUri, 'walkthrough', 'nested_layers.py');
    const copy = vscode.Uri.joinPath(context.globalStorageUri, 'nested_layers.py');
    await vscode.workspace.fs.createDirectory(context.globalStorageUri);
    await vscode.workspace.fs.copy(source, copy, { overwrite: true });
    await vscode.window.showTextDocument(copy, { viewColumn: vscode.ViewColumn.Beside });
}
