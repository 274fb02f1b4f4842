/** The build check, asked for by the person: shown while it runs, and asking back where it can't know how a
 * layer is made. What is run, and whether, the server decides. */

import * as vscode from 'vscode';
import {
    type CancellationToken,
    CodeLensRequest,
    ExecuteCommandRequest,
    type LanguageClient,
    type Middleware,
    WorkDoneProgress,
} from 'vscode-languageclient/node';
import { type Given, parseGiven } from './given';
import type { About, ReportViews, Result } from './report';

const BUILD = 'kerascope.build';
const BUILD_FILE = 'kerascope.buildFile';
const SHOW_REPORT = 'kerascope.showReport';
const REPORT_SCHEME = 'kerascope-report:';
/** Milliseconds after which a check that still runs is shown; most end sooner. */
const SHOWN_AFTER = 400;

/** What the server finds no place for in the code. */
const ABOUT_NO_LINE = new Set(['no-keras', 'unknown', 'timeout', 'memory', 'crashed', 'refused']);

export class BuildChecks {
    /** What runs when a command of the server is called, from a lens or a code action. */
    readonly middleware: Middleware = {
        executeCommand: (command, args, next) => {
            const about = classOf(args);
            if (command === BUILD && about !== undefined) {
                return this.build(about);
            }
            if (command === BUILD_FILE && typeof args[0]?.uri === 'string') {
                return this.buildFile(args[0].uri);
            }
            if (command === SHOW_REPORT && about !== undefined) {
                return this.showReport(about);
            }
            return next(command, args);
        },
        provideCodeLenses: async (document, token, next) => {
            const lenses = await next(document, token);
            for (const { command } of lenses ?? []) {
                const about = classOf(command?.arguments ?? []);
                if (about !== undefined && this.views.outdatedBy(about, command?.title ?? '')) {
                    void this.rewrite(about);
                }
            }
            return lenses;
        },
        window: {
            // The report is shown in a view of our own.
            showDocument: async (params, token, next) =>
                params.uri.startsWith(REPORT_SCHEME) ? { success: true } : await next(params, token),
        },
    };

    constructor(
        private readonly client: () => LanguageClient | undefined,
        private readonly views: ReportViews,
        private readonly memory: vscode.Memento,
    ) {}

    /** Check the class that the cursor is in; `other`: on arguments that the person is asked for. */
    async buildAtCursor(other: boolean): Promise<void> {
        const about = await this.classAtCursor();
        if (about === undefined) {
            return;
        }
        const given = other ? await this.ask(about, '', this.remembered(about) ?? 'build(…) on (None, …)') : undefined;
        if (!other || given !== undefined) {
            await this.build(about, given);
        }
    }

    async buildThisFile(): Promise<void> {
        const client = this.running();
        const document = vscode.window.activeTextEditor?.document;
        if (document !== undefined && client !== undefined) {
            await this.buildFile(client.code2ProtocolConverter.asUri(document.uri));
        }
    }

    async showReportAtCursor(): Promise<void> {
        const about = await this.classAtCursor();
        if (about !== undefined) {
            await this.showReport(about);
        }
    }

    /** Check a class. Without `given` as the code says; what the person answered before comes after that. */
    private async build(about: About, given?: Given): Promise<Result | undefined> {
        const result = await this.run<Result>(BUILD, about.class, { ...about, ...given });
        if (result === undefined) {
            return undefined;
        }
        if (result.status === 'unknown') {
            const text = this.remembered(about);
            const before = given === undefined ? givenOf(text) : undefined;
            const answer = before ?? (await this.ask(about, result.message, text ?? result.reports[0]?.missing ?? ''));
            return answer === undefined ? result : this.build(about, answer);
        }
        this.tell([result]);
        return result;
    }

    private async buildFile(uri: string): Promise<unknown> {
        const file = vscode.Uri.parse(uri).path.split('/').pop() ?? uri;
        const answer = await this.run<{ classes?: Result[]; message?: string }>(BUILD_FILE, file, { uri });
        if (answer?.classes !== undefined) {
            this.tell(answer.classes);
        } else if (answer?.message) {
            void vscode.window.showWarningMessage(answer.message);
        }
        return answer;
    }

    /** Tell the person what stands on no line of the code: why there is no result, or the result in short. */
    private tell(results: readonly Result[]): void {
        for (const result of results) {
            this.views.refresh(result);
            if (ABOUT_NO_LINE.has(result.status)) {
                void vscode.window.showWarningMessage(`${result.class}: ${result.message}`);
            }
        }
        const short = results.filter(({ summary }) => summary).map((result) => `${result.class}: ${result.summary}`);
        vscode.window.setStatusBarMessage(short.join('   '), 8000);
    }

    private async showReport(about: About): Promise<void> {
        const result = (await this.report(about)) ?? (await this.offerBuild(about));
        if (result !== undefined && result.status !== 'refused') {
            this.views.show(result);
        }
    }

    private async rewrite(about: About): Promise<void> {
        const result = await this.report(about);
        if (result !== undefined) {
            this.views.rewrite(result);
        }
    }

    /** The report of the last check; undefined if there was none. */
    private async report(about: About): Promise<Result | undefined> {
        const params = { command: SHOW_REPORT, arguments: [about] };
        try {
            return (await this.client()?.sendRequest(ExecuteCommandRequest.type, params)) as Result | undefined;
        } catch {
            return undefined;
        }
    }

    private async offerBuild(about: About): Promise<Result | undefined> {
        const text = `${about.class} has not been checked yet.`;
        const choice = await vscode.window.showInformationMessage(text, 'Build Check');
        return choice === undefined ? undefined : this.build(about);
    }

    /** The client; where no server runs, the person is told. */
    private running(): LanguageClient | undefined {
        const client = this.client();
        if (client === undefined) {
            void vscode.window.showWarningMessage('Kerascope is not running.', 'Restart', 'Show Log').then((choice) => {
                if (choice !== undefined) {
                    void vscode.commands.executeCommand(choice === 'Restart' ? 'kerascope.restart' : 'kerascope.showLog');
                }
            });
        }
        return client;
    }

    /** Have the server run a command. What it refuses is told to the person. */
    private async run<T>(command: string, what: string, argument: object): Promise<T | undefined> {
        const client = this.running();
        if (client === undefined) {
            return undefined;
        }
        const workDoneToken = `kerascope-${Math.random().toString(36).slice(2)}`;
        const cancelled = new vscode.CancellationTokenSource();
        const params = { command, arguments: [argument], workDoneToken };
        const answer = client.sendRequest(ExecuteCommandRequest.type, params, cancelled.token as CancellationToken);
        const steps = new vscode.EventEmitter<string>();
        let step = '';
        const listener = client.onProgress(WorkDoneProgress.type, workDoneToken, (value) => {
            if (value.kind !== 'end' && value.message !== undefined) {
                const about = `${what}: `; // as the title says
                step = value.message.startsWith(about) ? value.message.slice(about.length) : value.message;
                steps.fire(step);
            }
        });
        const show = (): void => {
            const title = `Build check of ${what}`;
            const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
            void vscode.window.withProgress(options, async (progress, token) => {
                progress.report({ message: step });
                steps.event((message) => progress.report({ message }));
                token.onCancellationRequested(() => cancelled.cancel());
                await answer.then(nothing, nothing);
            });
        };
        const shown = setTimeout(show, SHOWN_AFTER);
        try {
            return (await answer) as T;
        } catch (error) {
            if (!cancelled.token.isCancellationRequested) {
                void vscode.window.showWarningMessage(error instanceof Error ? error.message : String(error));
            }
            return undefined;
        } finally {
            clearTimeout(shown);
            listener.dispose();
            steps.dispose();
            cancelled.dispose();
        }
    }

    /** Ask the person how the class is made and called. What was answered is proposed the next time. */
    private async ask(about: About, why: string, text: string): Promise<Given | undefined> {
        const value = text.replace(/^#\s*kerascope:\s*/, '') || 'build(…) on (None, …)';
        const blank = value.indexOf('…');
        const answer = await vscode.window.showInputBox({
            title: `Build check of ${about.class}`,
            prompt: `${why && `${why} `}How is it made, and on what is it called? For example: build(units=3) on (None, 5)`,
            value,
            ...(blank < 0 ? {} : { valueSelection: [blank, blank + 1] as [number, number] }),
            ignoreFocusOut: true,
            validateInput: (input) => {
                const given = parseGiven(input);
                return typeof given === 'string' ? given : undefined;
            },
        });
        const given = givenOf(answer);
        if (given !== undefined) {
            await this.memory.update(key(about), answer);
        }
        return given;
    }

    private remembered(about: About): string | undefined {
        return this.memory.get<string>(key(about));
    }

    /** The layer class that the cursor is in, or the nearest above it. */
    private async classAtCursor(): Promise<About | undefined> {
        const editor = vscode.window.activeTextEditor;
        const client = this.running();
        if (editor === undefined || client === undefined) {
            return undefined;
        }
        const uri = client.code2ProtocolConverter.asUri(editor.document.uri);
        const lenses = (await client.sendRequest(CodeLensRequest.type, { textDocument: { uri } })) ?? [];
        const line = editor.selection.active.line;
        const before = lenses.filter((lens) => lens.range.start.line <= line);
        const about = classOf((before.at(-1) ?? lenses[0])?.command?.arguments ?? []);
        if (about === undefined) {
            const why = vscode.workspace.isTrusted
                ? 'There is no layer class in this file, or the build check is switched off.'
                : 'The build check runs code of this workspace, which you have not trusted.';
            void vscode.window.showInformationMessage(why);
        }
        return about;
    }
}


function nothing(): void {
    // Whether it came to a good end is told elsewhere.
}

function key(about: About): string {
    return `given:${about.uri}#${about.class}`;
}

function givenOf(text: string | undefined): Given | undefined {
    const given = text === undefined ? undefined : parseGiven(text);
    return typeof given === 'object' ? given : undefined;
}

function classOf(args: readonly unknown[]): About | undefined {
    const about = args[0] as Partial<About> | undefined;
    return typeof about?.uri === 'string' && typeof about.class === 'string'
        ? { uri: about.uri, class: about.class }
        : undefined;
}
