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

export interface Report {
    readonly class_name: string;
    readonly path: string;
    readonly line: number;
    readonly status: string;
    readonly message: string;
    readonly how: string;
    readonly init: string;
    readonly inputs: string;
    readonly missing: string;
    readonly tree: Node | null;
    readonly loose: readonly Weight[];
    readonly raised: readonly Raised[];
    readonly warnings: readonly string[];
    readonly not_measured: Readonly<Record<string, string>>;
    readonly restored: Readonly<Record<string, boolean | null>>;
    readonly versions: Readonly<Record<string, string | null>>;
    readonly seconds: number;
    readonly start_seconds: number;
    readonly output: string;
}

/** What the server answers for one class. */
export interface Result {
    readonly uri: string;
    readonly class: string;
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

    show(result: Result): void {
        const key = `${result.uri}#${result.class}`;
        let panel = this.panels.get(key);
        if (panel === undefined) {
            const column = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
            panel = vscode.window.createWebviewPanel('kerascope.report', `${result.class}: build check`, column, {
                enableScripts: true,
                localResourceRoots: [],
            });
            panel.onDidDispose(() => this.panels.delete(key));
            panel.webview.onDidReceiveMessage((frame: Frame) => void open(frame));
            this.panels.set(key, panel);
        } else {
            panel.reveal(undefined, true);
        }
        panel.webview.html = page(result);
    }

    /** Show it only where it is open already. */
    refresh(result: Result): void {
        if (this.panels.has(`${result.uri}#${result.class}`)) {
            this.show(result);
        }
    }

    dispose(): void {
        for (const panel of this.panels.values()) {
            panel.dispose();
        }
    }
}

async function open(frame: Frame): Promise<void> {
    const line = Math.max(frame.line - 1, 0);
    await vscode.window.showTextDocument(vscode.Uri.file(frame.path), {
        viewColumn: vscode.ViewColumn.One,
        selection: new vscode.Range(line, 0, line, 0),
    });
}

// --- the page ---

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
    const versions = ['keras', 'tf_keras', 'tensorflow', 'backend', 'python']
        .filter((name) => report.versions[name])
        .map((name) => `${name} ${report.versions[name] ?? ''}`);
    const facts = [
        report.init && `made as <code>${escaped(report.class_name)}(${escaped(report.init)})</code>`,
        report.inputs && `called on <code>${escaped(report.inputs)}</code>`,
        report.how && escaped(report.how),
    ].filter(Boolean);
    const seconds = `${report.seconds.toFixed(1)} s${report.start_seconds ? ` after a start of ${report.start_seconds.toFixed(0)} s` : ''}`;
    return `<h1>${place(escaped(report.class_name), { path: report.path, line: report.line })}</h1>
${report.status === 'built' ? totals(report) : `<p class="bad">${escaped(report.message || report.status)}</p>`}
${report.missing ? `<p>Write above the class:<br><code>${escaped(report.missing)}</code></p>` : ''}
${report.raised.map(raisedPart).join('')}
${report.tree === null ? '' : `<table><thead><tr><th>layer or weight</th><th>shape</th><th class="number">parameters</th>
<th>state</th></tr></thead><tbody>${nodeRows(report.tree, 0)}${report.loose.map((weight) => weightRow(weight, 1)).join('')}</tbody></table>`}
${lists(report)}
<p class="note">${[...facts, seconds, escaped(versions.join(' · '))].join('<br>')}</p>`;
}

function totals(report: Report): string {
    const weights = [...(report.tree === null ? [] : weightsBelow(report.tree)), ...report.loose];
    const lost = weights.filter((weight) => !weight.tracked).length;
    const parameters = weights.reduce((sum, weight) => sum + weight.parameters, 0);
    const tracked = lost === 0 ? '<span class="good">all tracked</span>' : `<span class="bad">${lost} untracked</span>`;
    return `<p class="totals">${counted(weights.length, 'weight')} · ${counted(parameters, 'parameter')} · ${tracked}</p>`;
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
        ...report.warnings.map((warning) => `Keras warned: ${escaped(warning)}`),
        ...Object.entries(report.restored)
            .filter(([, same]) => same === false)
            .map(([how]) => `Saved and loaded again (${escaped(how)}), it gives other outputs.`),
        ...Object.entries(report.not_measured).map(([what, why]) => `Not measured: ${escaped(what)}, since ${escaped(why)}`),
    ];
    const list = rows.length === 0 ? '' : `<ul>${rows.map((row) => `<li>${row}</li>`).join('')}</ul>`;
    return list + (report.output ? `<details><summary>What the code printed</summary><pre>${escaped(report.output)}</pre></details>` : '');
}

function nodeRows(node: Node, depth: number): string {
    const [kind, state] = !node.tracked ? ['untracked', 'untracked'] : node.built ? ['tracked', ''] : ['unbuilt', 'not built'];
    const name = lastPart(node.path);
    const label = `${name ? `${escaped(name)} ` : ''}<span class="class">${escaped(node.class_name)}</span>`;
    const held = node.through ? ` <span class="note">in ${escaped(node.through)}</span>` : '';
    return (
        `<tr class="${kind}"><td colspan="3" class="${indent(depth)}">${place(label, node.created)}${held}</td><td>${state}</td></tr>` +
        node.weights.map((weight) => weightRow(weight, depth + 1)).join('') +
        node.children.map((child) => nodeRows(child, depth + 1)).join('')
    );
}

function weightRow(weight: Weight, depth: number): string {
    const wrong = weight.tracked
        ? [
              weight.gradient === false ? 'no gradient' : '',
              weight.effect === false ? 'no effect' : '',
              weight.saved === false ? 'not saved' : '',
          ].filter(Boolean)
        : ['untracked'];
    const kind = !weight.tracked ? 'untracked' : wrong.length > 0 ? 'unbuilt' : 'tracked';
    const state = [...wrong, ...(weight.trainable ? [] : ['not trainable'])].join(', ') || 'trained';
    const label = place(escaped(lastPart(weight.path) || weight.name || 'variable'), weight.created ?? weight.held);
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

/** `blocks[0].dense.kernel` → `kernel`, `blocks[0]` → `blocks[0]`. */
function lastPart(place: string): string {
    return /[^.[\]]+(\[[^\]]*\])*$/.exec(place)?.[0] ?? place;
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

const STYLE = `
body { color: var(--vscode-foreground); font-family: var(--vscode-font-family); font-size: var(--vscode-font-size); padding: 0 1.2em 1.2em; }
h1 { font-size: 1.35em; margin: 0.8em 0 0.2em; }
a { color: inherit; text-decoration: none; } a:hover { text-decoration: underline; }
table { border-collapse: collapse; margin: 0.8em 0; }
th { text-align: left; font-weight: normal; color: var(--vscode-descriptionForeground); }
th, td { padding: 0.15em 0.7em 0.15em 0.5em; border-bottom: 1px solid var(--vscode-editorWidget-border, transparent); }
td { font-family: var(--vscode-editor-font-family); white-space: nowrap; } td[colspan] { white-space: normal; }
td:first-child { border-left: 3px solid transparent; }
.number { text-align: right; } .class { color: var(--vscode-symbolIcon-classForeground, inherit); } .weight .class { color: inherit; }
.tracked td:first-child { border-left-color: var(--vscode-testing-iconPassed); } .weight.tracked td:last-child { color: var(--vscode-descriptionForeground); }
.untracked td:first-child { border-left-color: var(--vscode-editorError-foreground); } .untracked td:last-child, .bad { color: var(--vscode-editorError-foreground); }
.unbuilt td:first-child { border-left-color: var(--vscode-editorWarning-foreground); } .unbuilt td:last-child { color: var(--vscode-editorWarning-foreground); }
.good { color: var(--vscode-testing-iconPassed); } .totals { font-size: 1.1em; margin: 0.2em 0; } .note { color: var(--vscode-descriptionForeground); }
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
