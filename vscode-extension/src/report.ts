/** A build check's report, as the server sends it, and the web view that shows it. */

import { randomBytes } from 'node:crypto';
import * as path from 'node:path';
import * as vscode from 'vscode';

export interface Frame {
    readonly path: string;
    readonly line: number;
}

export interface Weight {
    readonly path: string;
    readonly name: string;
    readonly owner: string;
    readonly shape: readonly (number | null)[];
    readonly dtype: string;
    readonly parameters: number;
    readonly trainable: boolean;
    readonly tracked: boolean;
    readonly trained: boolean;
    readonly watched: boolean | null;
    readonly gradient: boolean | null;
    readonly effect: boolean | null;
    readonly saved: boolean | null;
    readonly created: Frame | null;
    readonly held: Frame | null;
}

export interface Node {
    readonly path: string;
    readonly class_name: string;
    readonly built: boolean;
    readonly tracked: boolean;
    readonly called: boolean | null;
    readonly created: Frame | null;
    readonly through: string;
    readonly weights: readonly Weight[];
    readonly children: readonly Node[];
}

export interface Raised {
    readonly stage: string;
    readonly type: string;
    readonly message: string;
    readonly frames: readonly Frame[];
}

export interface Count {
    readonly weights: number;
    readonly trainable: number;
    readonly parameters: number;
}

export interface Report {
    readonly class_name: string;
    readonly path: string;
    readonly line: number;
    readonly status: string;
    readonly summary: string;
    readonly message: string;
    readonly how: string;
    readonly init: string;
    readonly inputs: string;
    readonly missing: string;
    readonly tree: Node | null;
    readonly loose: readonly Weight[];
    readonly counts: Readonly<Record<string, Count>>;
    readonly new_every_call: readonly Weight[];
    readonly raised: readonly Raised[];
    readonly warnings: readonly string[];
    readonly not_measured: Readonly<Record<string, string>>;
    readonly restored: Readonly<Record<string, boolean | null>>;
    readonly versions: Readonly<Record<string, string | null>>;
    readonly seconds: number;
    readonly start_seconds: number;
    readonly output: string;
}

/** A class in a file. */
export interface About {
    readonly uri: string;
    readonly class: string;
}

/** What the server answers for one class. */
export interface Result extends About {
    readonly status: string;
    readonly message: string;
    readonly summary: string;
    /** Whether the code has changed since. */
    readonly stale?: boolean;
    readonly reports: readonly Report[];
    readonly markdown: string;
}

/** Shows reports, one beside the editor for each class. */
export class ReportViews implements vscode.Disposable {
    private readonly panels = new Map<string, vscode.WebviewPanel>();
    /** What the lens over the class said when its report was last written. */
    private readonly lenses = new Map<string, string>();

    show(result: Result): void {
        const key = keyOf(result);
        let panel = this.panels.get(key);
        if (panel === undefined) {
            const column = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
            panel = vscode.window.createWebviewPanel('kerascope.report', `${result.class}: build check`, column, {
                enableScripts: true,
                localResourceRoots: [],
            });
            panel.onDidDispose(() => {
                this.panels.delete(key);
                this.lenses.delete(key);
            });
            panel.webview.onDidReceiveMessage((frame: Frame) => void open(frame));
            this.panels.set(key, panel);
        } else {
            panel.reveal(undefined, true);
        }
        panel.webview.html = page(result);
    }

    /** Show it only where it is open already. */
    refresh(result: Result): void {
        if (this.panels.has(keyOf(result))) {
            this.show(result);
        }
    }

    /** Whether the lens over a class says something else than when its report, which is open, was written: the code
     * has changed since, or was checked on save. */
    outdatedBy(about: About, lens: string): boolean {
        const key = keyOf(about);
        const before = this.lenses.get(key);
        this.lenses.set(key, lens);
        return this.panels.has(key) && before !== undefined && before !== lens;
    }

    /** Write an open report anew, without bringing it to the front. */
    rewrite(result: Result): void {
        const panel = this.panels.get(keyOf(result));
        if (panel !== undefined) {
            panel.webview.html = page(result);
        }
    }

    dispose(): void {
        for (const panel of this.panels.values()) {
            panel.dispose();
        }
    }
}

function keyOf(about: About): string {
    return `${about.uri}#${about.class}`;
}

async function open(frame: Frame): Promise<void> {
    const line = Math.max(frame.line - 1, 0);
    await vscode.window.showTextDocument(vscode.Uri.file(frame.path), {
        viewColumn: vscode.ViewColumn.One,
        selection: new vscode.Range(line, 0, line, 0),
    });
}

// --- the page ---

const PROGRAMS: Readonly<Record<string, string>> = {
    python: 'Python',
    keras: 'Keras',
    tf_keras: 'tf_keras',
    tensorflow: 'TensorFlow',
    jax: 'JAX',
    torch: 'PyTorch',
};
const MOMENTS: Readonly<Record<string, string>> = {
    init: 'after the constructor',
    build: 'after build(shape)',
    functional: 'in a functional model, before it runs',
    call: 'after a call',
};
const STAGES: Readonly<Record<string, string>> = {
    ...MOMENTS,
    gradients: 'gradients',
    again: 'a second call',
    weights: 'weights after a call',
    effect: 'the effect of each weight',
    'weights-file': 'save_weights and load_weights',
    'model-file': 'the .keras format',
};

function page(result: Result): string {
    const nonce = randomBytes(16).toString('base64');
    const stale = result.stale === true ? '<p class="note">The code has changed since this check.</p>' : '';
    return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'">
<title>${escaped(result.class)}</title><style nonce="${nonce}">${STYLE}</style></head>
<body>${stale}${result.reports.map(reportPart).join('') || `<pre>${escaped(result.markdown)}</pre>`}
<script nonce="${nonce}">${SCRIPT}</script></body></html>`;
}

function reportPart(report: Report): string {
    const made = report.inputs || report.init ? `<code>${escaped(report.class_name.split('.').pop() ?? '')}(${escaped(report.init)})</code>` : '';
    const called = report.inputs ? `called on <code>${escaped(report.inputs)}</code>` : '';
    const how = [made, called].filter(Boolean).join(', ') + (report.how ? `, ${escaped(report.how)}` : '');
    const started = report.start_seconds ? `, after ${report.start_seconds.toFixed(1)} s to start` : '';
    const facts = [how.replace(/^, /, ''), `${escaped(versions(report))}, ${report.seconds.toFixed(2)} s${started}`];
    const good = report.status === 'built' && report.summary.endsWith('tracked') && !report.summary.endsWith('untracked');
    const kind = good ? 'good' : report.status === 'built' && weightsOf(report).length === 0 ? 'note' : 'bad';
    return `<h1>${place(escaped(report.class_name), { path: report.path, line: report.line })}</h1>
<p class="summary ${kind}">${escaped(report.summary)}</p>
${report.status === 'built' || !report.message ? '' : `<p>${escaped(report.message)}</p>`}
${report.missing ? `<p>Write above the class:<br><code>${escaped(report.missing)}</code></p>` : ''}
${report.raised.map(raisedPart).join('')}
${treePart(report)}
${countsPart(report)}
${lists(report)}
<p class="note">${facts.filter(Boolean).join('<br>')}</p>`;
}

function treePart(report: Report): string {
    if (report.tree === null) {
        return '';
    }
    const loose = report.loose.map((weight) => weightRow(weight, 1, '')).join('');
    return `<table><thead><tr><th>layer or weight</th><th>shape</th><th class="number">parameters</th><th>state</th></tr></thead>
<tbody>${nodeRows(report.tree, 0, '')}${loose}</tbody></table>`;
}

/** What Keras reports at which moment: the ways in which people use layers differ in it. */
function countsPart(report: Report): string {
    const rows = Object.entries(MOMENTS).flatMap(([moment, words]) => {
        const count = report.counts[moment];
        const cells = count && [count.weights, count.trainable, count.parameters].map((number) => number.toLocaleString('en'));
        return cells ? [`<tr><td>${words}</td>${cells.map((cell) => `<td class="number">${cell}</td>`).join('')}</tr>`] : [];
    });
    if (rows.length === 0 || weightsOf(report).length === 0) {
        return '';
    }
    return `<table><thead><tr><th></th><th class="number">weights</th><th class="number">trainable</th><th class="number">parameters</th></tr></thead>
<tbody>${rows.join('')}</tbody></table>`;
}

function weightsOf(report: Report): Weight[] {
    return [...(report.tree === null ? [] : weightsBelow(report.tree)), ...report.loose];
}

function versions(report: Report): string {
    const shown = Object.entries(PROGRAMS).flatMap(([key, name]) => (report.versions[key] ? [`${name} ${report.versions[key]}`] : []));
    const backend = report.versions['backend'];
    return shown.join(', ') + (backend && backend !== 'tensorflow' ? ` (backend: ${backend})` : '');
}

function weightsBelow(node: Node): Weight[] {
    return [...node.weights, ...node.children.flatMap(weightsBelow)];
}

function raisedPart(raised: Raised): string {
    const frames = raised.frames.map((frame) => `<br>at ${place(`${escaped(path.basename(frame.path))}:${frame.line}`, frame)}`);
    return `<p><span class="bad">${escaped(raised.type)}</span> (${escaped(raised.stage)}): ${escaped(raised.message)}${frames.join('')}</p>`;
}

function lists(report: Report): string {
    const rows = [
        ...Object.entries(report.restored).flatMap(([stage, same]) => {
            const why = report.not_measured[stage];
            const what = same ? 'the same outputs from a fresh instance' : why ? `can't be loaded: ${why}` : 'other outputs from a fresh instance';
            return same === null ? [] : [`<span class="${same ? 'good' : 'bad'}">${escaped(`${words(stage)}: ${what}`)}</span>`];
        }),
        ...(report.new_every_call.length > 0
            ? [`<span class="bad">every call makes ${counted(report.new_every_call.length, 'new variable')}</span>`]
            : []),
        ...Object.entries(report.not_measured)
            .filter(([stage]) => report.restored[stage] !== false)
            .map(([stage, why]) => escaped(`not measured: ${words(stage)}${why ? ` (${why})` : ''}`)),
        ...report.warnings.map((warning) => escaped(`Keras warns: ${warning}`)),
    ];
    const list = rows.length === 0 ? '' : `<ul>${rows.map((row) => `<li>${row}</li>`).join('')}</ul>`;
    return list + (report.output ? `<details><summary>What the code printed</summary><pre>${escaped(report.output)}</pre></details>` : '');
}

function nodeRows(node: Node, depth: number, parent: string): string {
    const kind = !node.tracked ? 'untracked' : node.built ? 'tracked' : 'unbuilt';
    const unbuilt = node.built ? '' : node.called === false ? 'not built: never called' : 'not built';
    const state = [node.tracked ? '' : 'untracked', unbuilt].filter(Boolean).join(', ');
    const name = within(node.path, parent);
    const label = name ? `${escaped(name)} <span class="class">${escaped(node.class_name)}</span>` : escaped(node.class_name);
    const held = node.through ? ` <span class="note">in ${escaped(node.through)}</span>` : '';
    return (
        `<tr class="${kind}"><td colspan="3" class="${indent(depth)}">${place(label, node.created)}${held}</td><td>${state}</td></tr>` +
        node.weights.map((weight) => weightRow(weight, depth + 1, node.path)).join('') +
        node.children.map((child) => nodeRows(child, depth + 1, node.path)).join('')
    );
}

function weightRow(weight: Weight, depth: number, parent: string): string {
    const wrong = [
        weight.tracked && weight.trained && weight.gradient === false ? 'no gradient' : '',
        weight.tracked && weight.effect === false ? 'no effect' : '',
        weight.tracked && weight.saved === false ? 'not saved' : '',
    ].filter(Boolean);
    const kind = !weight.tracked ? 'untracked' : wrong.length > 0 ? 'unbuilt' : 'tracked';
    const training = !weight.trainable ? ["doesn't train"] : !weight.tracked ? [] : !weight.trained ? ['frozen'] : [];
    const state = [...(weight.tracked ? [] : ['untracked']), ...training, ...wrong].join(', ') || 'trained';
    const label = place(escaped(within(weight.path, parent) || weight.name || 'variable'), weight.created ?? weight.held);
    const shape = `(${weight.shape.map((size) => size ?? 'None').join(', ')}${weight.shape.length === 1 ? ',' : ''})`;
    return `<tr class="${kind} weight"><td class="${indent(depth)}">${label}</td><td>${shape}</td>
<td class="number">${weight.parameters.toLocaleString('en')}</td><td>${state}</td></tr>`;
}

function indent(depth: number): string {
    return `indent${Math.min(depth, DEEPEST)}`;
}

/** The text, leading to the line of code if there is one. */
function place(text: string, frame: Frame | null): string {
    return frame === null ? text : `<a href="#" data-path="${escaped(frame.path)}" data-line="${frame.line}">${text}</a>`;
}

/** `blocks[0].dense.kernel`, within `blocks[0].dense` → `kernel`. */
function within(place: string, parent: string): string {
    return place.startsWith(parent) ? place.slice(parent.length).replace(/^\./, '') : place;
}

function words(stage: string): string {
    return STAGES[stage] ?? stage;
}

function counted(number: number, word: string): string {
    return `${number.toLocaleString('en')} ${word}${number === 1 ? '' : 's'}`;
}

function escaped(text: string): string {
    const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
    return text.replace(/[&<>"']/g, (character) => names[character] ?? character);
}

/** How far rows are indented; deeper ones stand below one another. */
const DEEPEST = 20;
const INDENTS = Array.from({ length: DEEPEST + 1 }, (_, depth) => `.indent${depth} { padding-left: ${0.5 + depth * 1.2}em; }`).join('\n');

/** Of the theme's colours those that are meant for text, since not each that marks a line can be read as a word. */
const STYLE = `
:root { --good: var(--vscode-gitDecoration-addedResourceForeground, var(--vscode-foreground));
  --doubtful: var(--vscode-gitDecoration-modifiedResourceForeground, var(--vscode-foreground)); --bad: var(--vscode-editorError-foreground, var(--vscode-errorForeground)); }
body { color: var(--vscode-foreground); font-family: var(--vscode-font-family); font-size: var(--vscode-font-size); padding: 0 1.2em 1.2em; }
h1 { font-size: 1.35em; margin: 0.8em 0 0.2em; }
a { color: inherit; text-decoration: none; } a:hover, a:focus { text-decoration: underline; }
table { border-collapse: collapse; margin: 0.8em 0; }
th { text-align: left; font-weight: normal; white-space: nowrap; }
th, .note, .class, .weight.tracked td:last-child { color: var(--vscode-descriptionForeground); }
th, td { padding: 0.15em 0.7em 0.15em 0.5em; border-bottom: 1px solid var(--vscode-editorWidget-border, transparent); }
td { font-family: var(--vscode-editor-font-family); white-space: nowrap; } td[colspan], td:last-child { white-space: normal; }
tbody td:first-child:not([class]) { font-family: inherit; white-space: normal; }
td:first-child { border-left: 3px solid transparent; } .number { text-align: right; }
.tracked td:first-child { border-left-color: var(--vscode-testing-iconPassed); }
.untracked td:first-child { border-left-color: var(--bad); } .untracked td:last-child, .bad { color: var(--bad); }
.unbuilt td:first-child { border-left-color: var(--vscode-editorWarning-foreground); } .unbuilt td:last-child { color: var(--doubtful); }
.good { color: var(--good); } .summary { font-size: 1.1em; margin: 0.2em 0; }
ul { padding-left: 1.2em; } pre { white-space: pre-wrap; }
${INDENTS}`;

const SCRIPT = `
const editor = acquireVsCodeApi();
document.addEventListener('click', (event) => {
    const link = event.target.closest('a[data-path]');
    if (link) {
        event.preventDefault();
        editor.postMessage({ path: link.dataset.path, line: Number(link.dataset.line) });
    }
});`;
