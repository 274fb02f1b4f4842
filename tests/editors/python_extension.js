// What of the API of Microsoft's extension for Python is used, in its shape (vscode-python, src/client/api/types.ts).
const vscode = require('vscode');

const interpreters = INTERPRETERS;

exports.activate = (context) => {
    let chosen = Object.values(interpreters)[0];
    const changed = new vscode.EventEmitter();
    const choose = async () => {
        const name = await vscode.window.showQuickPick(Object.keys(interpreters));
        if (name !== undefined) {
            chosen = interpreters[name];
            changed.fire({ id: chosen, path: chosen, resource: undefined });
        }
    };
    context.subscriptions.push(vscode.commands.registerCommand('python.setInterpreter', choose));
    return {
        ready: Promise.resolve(),
        environments: {
            getActiveEnvironmentPath: () => ({ id: chosen, path: chosen }),
            resolveEnvironment: async ({ path }) => ({ id: path, path, executable: { uri: vscode.Uri.file(path) } }),
            onDidChangeActiveEnvironmentPath: changed.event,
        },
    };
};
