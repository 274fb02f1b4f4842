/** What a path in a setting may contain, as in the settings of other extensions: VS Code itself leaves that to them. */

import { homedir } from 'node:os';
import type * as vscode from 'vscode';

/** The text with `${workspaceFolder}`, `${userHome}`, `${env:NAME}` and a leading `~` replaced by what they mean;
 * what means nothing here stays as it is. */
export function expanded(text: string, folder: vscode.WorkspaceFolder | undefined): string {
    return text
        .replace(/^~(?=$|[\\/])/, homedir)
        .replace(/\$\{(workspaceFolder|workspaceRoot|userHome|env:([^}]+))\}/g, (whole, name: string, variable?: string) => {
            if (variable !== undefined) {
                return process.env[variable] ?? '';
            }
            return name === 'userHome' ? homedir() : (folder?.uri.fsPath ?? whole);
        });
}
