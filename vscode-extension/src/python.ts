/** Which Python Kerascope runs on, and which one the person has chosen for their code. These may differ:
 * Kerascope needs 3.10 or later, a project may stay on an older one. */

import { execFile } from 'node:child_process';
import { accessSync, constants, realpathSync } from 'node:fs';
import * as path from 'node:path';
import * as vscode from 'vscode';

export const OLDEST: readonly [number, number] = [3, 10];

/** A Python that answered. */
export interface Python {
    readonly path: string;
    readonly version: readonly [number, number];
    /** Whether it has a Kerascope of its own. */
    readonly hasKerascope: boolean;
}

/** What of the Python extension's API is used here. */
interface PythonApi {
    readonly environments: {
        getActiveEnvironmentPath(resource?: vscode.Uri): { readonly path: string };
        resolveEnvironment(
            path: unknown,
        ): Promise<{ readonly executable: { readonly uri?: vscode.Uri | undefined } } | undefined>;
        readonly onDidChangeActiveEnvironmentPath: vscode.Event<unknown>;
    };
}

/** The interpreters that are chosen in the Python extension, where it is installed and may be asked. */
export class ChosenInterpreters implements vscode.Disposable {
    private readonly changed = new vscode.EventEmitter<void>();
    private readonly disposables: vscode.Disposable[] = [this.changed];
    private api: Promise<PythonApi | undefined> | undefined;

    readonly onDidChange = this.changed.event;

    constructor(private readonly log: vscode.LogOutputChannel) {
        // It may be installed while we run.
        this.disposables.push(
            vscode.extensions.onDidChange(() => {
                if (this.api !== undefined && extension() === undefined) {
                    this.api = undefined;
                }
            }),
        );
    }

    /** The interpreter for a folder or file; undefined where nobody chose one. */
    async of(resource: vscode.Uri | undefined): Promise<string | undefined> {
        if (!vscode.workspace.isTrusted || extension() === undefined) {
            return undefined;
        }
        this.api ??= this.connect();
        const environments = (await this.api)?.environments;
        if (environments === undefined) {
            return undefined;
        }
        try {
            const chosen = environments.getActiveEnvironmentPath(resource);
            const resolved = await environments.resolveEnvironment(chosen);
            return resolved?.executable.uri?.fsPath ?? (path.isAbsolute(chosen.path) ? chosen.path : undefined);
        } catch (error) {
            this.log.warn(`The Python extension doesn't say which interpreter is chosen: ${String(error)}`);
            return undefined;
        }
    }

    private async connect(): Promise<PythonApi | undefined> {
        try {
            const api = (await extension()?.activate()) as PythonApi | undefined;
            const listener = api?.environments?.onDidChangeActiveEnvironmentPath(() => this.changed.fire());
            if (listener !== undefined) {
                this.disposables.push(listener);
            }
            return api?.environments === undefined ? undefined : api;
        } catch (error) {
            this.log.warn(`The Python extension can't be used: ${String(error)}`);
            return undefined;
        }
    }

    dispose(): void {
        vscode.Disposable.from(...this.disposables).dispose();
    }
}

function extension(): vscode.Extension<unknown> | undefined {
    return vscode.extensions.getExtension('ms-python.python');
}

/** A Python to run on: the first of these that is new enough. `tried` says what was looked at. */
export async function findPython(
    set: string,
    chosen: string | undefined,
    folder: vscode.WorkspaceFolder | undefined,
    log: vscode.LogOutputChannel,
): Promise<{ readonly found: Python | undefined; readonly tried: readonly string[] }> {
    const windows = process.platform === 'win32';
    const candidates = set
        ? [set]
        : [
              ...(chosen === undefined ? [] : [chosen]),
              ...(windows ? ['python', 'python3'] : ['python3', 'python']),
              ...[14, 13, 12, 11, 10].map((minor) => `python3.${minor}`),
          ];
    const tried: string[] = [];
    for (const candidate of candidates) {
        const file = programFile(candidate, folder);
        if (file === undefined) {
            if (set) {
                tried.push(`${candidate} (not found)`);
            }
            continue;
        }
        if (!mayBeStarted(file, log)) {
            continue;
        }
        const python = await ask(file);
        if (python !== undefined && isNewEnough(python.version)) {
            return { found: python, tried };
        }
        tried.push(python === undefined ? `${file} (doesn't start)` : `${file} (${python.version.join('.')})`);
    }
    return { found: undefined, tried };
}

function isNewEnough(version: readonly [number, number]): boolean {
    return version[0] > OLDEST[0] || (version[0] === OLDEST[0] && version[1] >= OLDEST[1]);
}

/** The file behind a program's name, or behind its path, which may be relative to the workspace. For a name the
 * current folder is never looked into, and neither is a relative PATH. */
export function programFile(name: string, folder: vscode.WorkspaceFolder | undefined): string | undefined {
    if (path.isAbsolute(name) || name.includes('/') || name.includes('\\')) {
        const file = path.isAbsolute(name) ? name : folder && path.join(folder.uri.fsPath, name);
        return file !== undefined && isProgram(file) ? file : undefined;
    }
    const endings = process.platform === 'win32' ? ['.exe'] : [''];
    for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
        for (const ending of path.isAbsolute(folder) ? endings : []) {
            const file = path.join(folder, name + ending);
            if (isProgram(file)) {
                return file;
            }
        }
    }
    return undefined;
}

function isProgram(file: string): boolean {
    try {
        accessSync(file, constants.X_OK); // on Windows: whether it is there
        return true;
    } catch {
        return false;
    }
}

function realFile(file: string): string | undefined {
    try {
        return realpathSync(file);
    } catch {
        return undefined;
    }
}

/** Whether the workspace is trusted, or the file isn't of it. */
export function mayBeStarted(file: string, log: vscode.LogOutputChannel): boolean {
    if (vscode.workspace.isTrusted || !isInWorkspace(file)) {
        return true;
    }
    log.info(`${file} lies in a workspace that isn't trusted: not started.`);
    return false;
}

function isInWorkspace(file: string): boolean {
    const places = [file, realFile(file) ?? file, path.join(realFile(path.dirname(file)) ?? '', path.basename(file))];
    return (vscode.workspace.workspaceFolders ?? []).some(({ uri }) =>
        [uri.fsPath, realFile(uri.fsPath) ?? uri.fsPath].some((folder) =>
            places.some((place) => {
                const way = path.relative(folder, place); // on Windows, absolute from one drive to another
                return !way.startsWith('..') && !path.isAbsolute(way);
            }),
        ),
    );
}

const QUESTION =
    'import sys, importlib.util as u; print(*sys.version_info[:2], int(u.find_spec("kerascope") is not None))';

/** What a Python says of itself; undefined if it doesn't. */
function ask(file: string): Promise<Python | undefined> {
    return new Promise((resolve) => {
        const options = { timeout: 20_000, windowsHide: true, cwd: path.dirname(file) };
        execFile(file, ['-I', '-c', QUESTION], options, (error, answer) => {
            const [major, minor, has] = answer.trim().split(' ').map(Number);
            const known = !error && major !== undefined && minor !== undefined && !Number.isNaN(major + minor);
            resolve(known ? { path: file, version: [major, minor], hasKerascope: has === 1 } : undefined);
        });
    });
}
