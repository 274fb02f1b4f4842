/** Where the talk between the editor and the server is written down: in the log, if the setting `trace.server` says
 * so. The client alone would ask for a log level, too, of which that setting says nothing. */

import * as vscode from 'vscode';

export class Trace implements vscode.Disposable {
    /** The log, as the client is to see it. */
    readonly channel: vscode.LogOutputChannel;

    private readonly changed = new vscode.EventEmitter<vscode.LogLevel>();
    private readonly listener: vscode.Disposable;

    constructor(private readonly log: vscode.LogOutputChannel) {
        this.channel = Object.create(log, {
            logLevel: { get: () => this.level() },
            onDidChangeLogLevel: { value: this.changed.event },
            trace: { value: (text: string) => (wanted() ? log.info(text) : log.trace(text)) },
        }) as vscode.LogOutputChannel;
        this.listener = log.onDidChangeLogLevel(() => this.refresh());
    }

    /** Look at the setting again. */
    refresh(): void {
        this.changed.fire(this.level());
    }

    private level(): vscode.LogLevel {
        return wanted() ? vscode.LogLevel.Trace : this.log.logLevel;
    }

    dispose(): void {
        this.listener.dispose();
        this.changed.dispose();
    }
}

function wanted(): boolean {
    return vscode.workspace.getConfiguration('kerascope').get<string>('trace.server', 'off') !== 'off';
}
