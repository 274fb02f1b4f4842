/** Starts the server, stops it, and starts it anew when something that it was started with has changed. */

import * as path from 'node:path';
import * as vscode from 'vscode';
import {
    type ConfigurationParams,
    DidChangeConfigurationNotification,
    type Executable,
    LanguageClient,
    type LanguageClientOptions,
    type Middleware,
    RevealOutputChannelOn,
    State,
} from 'vscode-languageclient/node';
import { type ChosenInterpreters, findPython, OLDEST } from './python';
import type { StatusItem } from './status';

const SECTION = 'kerascope';
/** Settings that the server is started with: a change of one starts it anew. */
const STARTED_WITH = ['path', 'serverPython', 'importStrategy'].map((name) => `${SECTION}.${name}`);

export class Server implements vscode.Disposable {
    private client: LanguageClient | undefined;
    /** Starts and stops follow one another. */
    private queue: Promise<void> = Promise.resolve();
    private readonly disposables: vscode.Disposable[] = [];

    constructor(
        private readonly context: vscode.ExtensionContext,
        private readonly log: vscode.LogOutputChannel,
        private readonly interpreters: ChosenInterpreters,
        private readonly status: StatusItem,
        /** What else has a say in the talk with the server. */
        private readonly middleware: Middleware,
    ) {
        this.disposables.push(
            vscode.workspace.onDidChangeConfiguration((event) => {
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
        const options: LanguageClientOptions = {
            documentSelector: [
                { scheme: 'file', language: 'python' },
                { scheme: 'untitled', language: 'python' },
            ],
            outputChannel: this.log,
            revealOutputChannelOn: RevealOutputChannelOn.Never,
            initializationOptions: { trusted: vscode.workspace.isTrusted, showsResults: true },
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
        const client = new LanguageClient(SECTION, 'Kerascope', command, options);
        this.client = client;
        try {
            await client.start();
            this.status.running(client.initializeResult?.serverInfo?.version ?? '', command.command);
        } catch (error) {
            this.log.error(String(error));
            this.failed(`Kerascope doesn't start: ${command.command} ended early. The log says why.`);
        }
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
        const [program, ...rest] = settings.get<string[]>('path', []);
        const options = { cwd: this.context.extensionPath };
        if (program !== undefined) {
            return { command: program, args: [...rest, 'server'], options };
        }
        const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
        const chosen = await this.interpreters.of(folder);
        const { found, tried } = await findPython(settings.get<string>('serverPython', ''), chosen, this.log);
        if (found === undefined) {
            const looked = tried.length === 0 ? 'There is no Python on the PATH.' : `Looked at ${tried.join(', ')}.`;
            this.failed(
                `Kerascope needs Python ${OLDEST.join('.')} or later to run on. ${looked} Install one, or name it ` +
                    'in the setting kerascope.serverPython; the interpreter of your project can stay as it is.',
            );
            return undefined;
        }
        if (settings.get<string>('importStrategy') === 'fromEnvironment') {
            if (found.hasKerascope) {
                return { command: found.path, args: ['-m', 'kerascope', 'server'], options };
            }
            this.log.warn(`${found.path} has no Kerascope installed: the extension's own runs.`);
        }
        return { command: found.path, args: ['-I', path.join(this.context.extensionPath, 'start.py'), 'server'], options };
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
                const interpreter = await this.interpreters.of(resource);
                return { ...settings, interpreter: interpreter ?? null, trusted: vscode.workspace.isTrusted };
            }),
        );
    }

    private settingsChanged(): void {
        void this.running?.sendNotification(DidChangeConfigurationNotification.type, { settings: null });
    }

    private failed(message: string): void {
        this.status.failed(message);
        this.log.error(message);
        void vscode.window.showErrorMessage(message, 'Open Settings', 'Show Log').then((choice) => {
            if (choice === 'Open Settings') {
                void vscode.commands.executeCommand('workbench.action.openSettings', 'kerascope.serverPython');
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
