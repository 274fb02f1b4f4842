/** Starts the server, stops it, and starts it anew when something that it was started with has changed. */

import * as path from 'node:path';
import * as vscode from 'vscode';
import {
    CloseAction,
    type CloseHandlerResult,
    type ConfigurationParams,
    DidChangeConfigurationNotification,
    ErrorAction,
    type Executable,
    LanguageClient,
    type LanguageClientOptions,
    type Middleware,
    RevealOutputChannelOn,
    State,
} from 'vscode-languageclient/node';
import { type ChosenInterpreters, findPython, mayBeStarted, OLDEST, programFile } from './python';
import type { StatusItem } from './status';
import { Trace } from './trace';
import { expanded } from './variables';

const SECTION = 'kerascope';
const START = 'start.py';
/** Settings that the server is started with: a change of one starts it anew. */
const STARTED_WITH = ['path', 'serverPython', 'importStrategy'].map((name) => `${SECTION}.${name}`);
/** A server that ends by itself is started anew, but not more often than this within these milliseconds. */
const OFTEN = 4;
const RECENTLY = 3 * 60_000;

/** What goes wrong in the talk with the server is in the log. The person is told what it means, once, and by us. */
class QuietClient extends LanguageClient {
    override error(message: string, data?: unknown): void {
        super.error(message, data, false);
    }
}

export class Server implements vscode.Disposable {
    private client: LanguageClient | undefined;
    /** Starts and stops follow one another. */
    private queue: Promise<void> = Promise.resolve();
    /** Whether the server answered since it was asked to start. */
    private ran = false;
    /** When it ended by itself. */
    private ends: readonly number[] = [];
    private readonly disposables: vscode.Disposable[] = [];
    private readonly trace: Trace;

    constructor(
        private readonly context: vscode.ExtensionContext,
        private readonly log: vscode.LogOutputChannel,
        private readonly interpreters: ChosenInterpreters,
        private readonly status: StatusItem,
        /** What else has a say in the talk with the server. */
        private readonly middleware: Middleware,
    ) {
        this.trace = new Trace(log);
        this.disposables.push(
            this.trace,
            vscode.workspace.onDidChangeConfiguration((event) => {
                if (event.affectsConfiguration(`${SECTION}.trace`)) {
                    this.trace.refresh();
                }
                if (STARTED_WITH.some((name) => event.affectsConfiguration(name))) {
                    void this.restart();
                } else if (event.affectsConfiguration(SECTION)) {
                    this.settingsChanged();
                }
            }),
            vscode.workspace.onDidGrantWorkspaceTrust(() => void this.restart()),
            interpreters.onDidChange(() => this.settingsChanged()),
        );
    }

    /** The client, as long as it talks to a server. */
    get running(): LanguageClient | undefined {
        return this.client?.state === State.Running ? this.client : undefined;
    }

    restart(): Promise<void> {
        this.queue = this.queue.then(async () => {
            await this.stop();
            await this.start();
        });
        return this.queue;
    }

    private async start(): Promise<void> {
        this.status.starting();
        const command = await this.command();
        if (command === undefined) {
            return;
        }
        const setting = vscode.workspace.getConfiguration(SECTION).get<string[]>('path', []).length > 0 ? 'path' : 'serverPython';
        const options: LanguageClientOptions = {
            documentSelector: [
                { scheme: 'file', language: 'python' },
                { scheme: 'untitled', language: 'python' },
            ],
            outputChannel: this.log,
            traceOutputChannel: this.trace.channel,
            revealOutputChannelOn: RevealOutputChannelOn.Never,
            initializationOptions: { trusted: vscode.workspace.isTrusted, showsResults: true },
            errorHandler: {
                error: () => ({ action: ErrorAction.Continue }),
                closed: () => this.ended(client),
            },
            initializationFailedHandler: () => false,
            middleware: {
                ...this.middleware,
                workspace: {
                    ...this.middleware.workspace,
                    configuration: async (params, token, next) => {
                        const answers = await next(params, token);
                        return Array.isArray(answers) ? this.completed(params, answers) : answers;
                    },
                },
            },
        };
        this.log.info(`Starting ${[command.command, ...(command.args ?? [])].join(' ')}`);
        const client = new QuietClient(SECTION, 'Kerascope', command, options);
        this.client = client;
        this.ran = false;
        this.ends = [];
        client.onDidChangeState(({ newState }) => {
            if (newState === State.Running && client === this.client) {
                this.ran = true;
                this.status.running(client.initializeResult?.serverInfo?.version ?? '', command.command);
            }
        });
        try {
            await client.start();
        } catch (error) {
            this.log.error(String(error));
            this.failed(`Kerascope doesn't start: ${command.command} ended early. The log says why.`, setting);
        }
    }

    /** The server ended by itself: whether it is started anew. */
    private ended(client: LanguageClient): CloseHandlerResult {
        if (!this.ran || client !== this.client) {
            return { action: CloseAction.DoNotRestart }; // told where it was started
        }
        const now = Date.now();
        this.ends = [...this.ends.filter((end) => now - end < RECENTLY), now];
        if (this.ends.length <= OFTEN) {
            this.status.starting();
            return { action: CloseAction.Restart };
        }
        this.failed(
            `Kerascope ended by itself ${this.ends.length} times within three minutes, and is not started anew. The log ` +
                'says more; the command “Kerascope: Restart” starts it.',
        );
        return { action: CloseAction.DoNotRestart };
    }

    private async stop(): Promise<void> {
        const client = this.client;
        this.client = undefined;
        try {
            await client?.dispose();
        } catch (error) {
            this.log.warn(`The server didn't end in order: ${String(error)}`);
        }
    }

    /** How the server is started; undefined, and said so, where it can't be. */
    private async command(): Promise<Executable | undefined> {
        const settings = vscode.workspace.getConfiguration(SECTION);
        const folder = vscode.workspace.workspaceFolders?.[0];
        const [program, ...rest] = settings.get<string[]>('path', []).map((text) => expanded(text, folder));
        const options = { cwd: this.context.extensionPath };
        if (program !== undefined) {
            const file = programFile(program, folder);
            if (file === undefined) {
                this.failed(`Kerascope doesn't start: the setting kerascope.path names ${program}, which is no program here.`, 'path');
                return undefined;
            }
            if (mayBeStarted(file, this.log)) {
                return { command: file, args: [...rest, 'server'], options };
            }
        }
        const chosen = await this.interpreters.of(folder?.uri);
        const set = expanded(settings.get<string>('serverPython', ''), folder);
        const { found, tried } = await findPython(set, chosen, folder, this.log);
        if (found === undefined) {
            const looked = tried.length === 0 ? 'There is no Python on the PATH.' : `Looked at ${tried.join(', ')}.`;
            this.failed(
                `Kerascope needs Python ${OLDEST.join('.')} or later to run on. ${looked} Install one, or name it ` +
                    'in the setting kerascope.serverPython; the interpreter of your project can stay as it is.',
                'serverPython',
            );
            return undefined;
        }
        if (settings.get<string>('importStrategy') === 'fromEnvironment') {
            if (found.hasKerascope) {
                return { command: found.path, args: ['-m', 'kerascope', 'server'], options };
            }
            this.log.warn(`${found.path} has no Kerascope installed: the extension's own runs.`);
        }
        return { command: found.path, args: ['-I', path.join(this.context.extensionPath, START), 'server'], options };
    }

    /** The settings as the server wants them: with the interpreter that is chosen, and whether it may run things. */
    private completed(params: ConfigurationParams, answers: readonly unknown[]): Promise<unknown[]> {
        return Promise.all(
            params.items.map(async (item, index) => {
                const answer = answers[index];
                if (item.section !== SECTION || typeof answer !== 'object' || answer === null) {
                    return answer;
                }
                const resource = item.scopeUri === undefined ? undefined : vscode.Uri.parse(item.scopeUri);
                const { trace: _, path: __, serverPython: ___, importStrategy: ____, ...settings } = answer as Record<
                    string,
                    unknown
                >;
                const folder = resource && vscode.workspace.getWorkspaceFolder(resource);
                const python = settings['python'];
                const interpreter = await this.interpreters.of(resource);
                return {
                    ...settings,
                    ...(typeof python === 'string' && { python: expanded(python, folder) }),
                    interpreter: interpreter ?? null,
                    trusted: vscode.workspace.isTrusted,
                };
            }),
        );
    }

    private settingsChanged(): void {
        void this.running?.sendNotification(DidChangeConfigurationNotification.type, { settings: null });
    }

    /** Say that there is no server; `setting` is where that can be changed. */
    private failed(message: string, setting?: string): void {
        this.status.failed(message);
        this.log.error(message);
        const ways = [...(setting === undefined ? [] : ['Open Settings']), 'Show Log'];
        void vscode.window.showErrorMessage(message, ...ways).then((choice) => {
            if (choice === 'Open Settings') {
                void vscode.commands.executeCommand('workbench.action.openSettings', `${SECTION}.${setting}`);
            } else if (choice === 'Show Log') {
                this.log.show();
            }
        });
    }

    async stopForGood(): Promise<void> {
        this.queue = this.queue.then(() => this.stop());
        await this.queue;
    }

    dispose(): void {
        vscode.Disposable.from(...this.disposables).dispose();
    }
}
