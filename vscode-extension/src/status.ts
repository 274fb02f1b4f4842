/** The item behind the braces of a Python file's language, and in its place an error if the server can't run. */

import * as vscode from 'vscode';

export class StatusItem implements vscode.Disposable {
    private readonly item = vscode.languages.createLanguageStatusItem('kerascope', { language: 'python' });

    constructor() {
        this.item.name = 'Kerascope';
        this.item.command = { command: 'kerascope.showLog', title: 'Show Log' };
    }

    starting(): void {
        this.set(vscode.LanguageStatusSeverity.Information, 'Kerascope', 'starting');
        this.item.busy = true;
    }

    running(version: string, program: string): void {
        const trust = vscode.workspace.isTrusted ? '' : ', findings only: the workspace is not trusted';
        this.set(vscode.LanguageStatusSeverity.Information, `Kerascope ${version}`, `${program}${trust}`);
    }

    failed(message: string): void {
        this.set(vscode.LanguageStatusSeverity.Error, 'Kerascope', message);
    }

    private set(severity: vscode.LanguageStatusSeverity, text: string, detail: string): void {
        this.item.severity = severity;
        this.item.text = text;
        this.item.detail = detail;
        this.item.busy = false;
    }

    dispose(): void {
        this.item.dispose();
    }
}
