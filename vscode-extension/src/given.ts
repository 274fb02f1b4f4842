/** How a layer is made and called, in the words of the comment that may stand above its class:
 * `build(units=3) on (None, 5)`. */

/** `init`: the arguments of the constructor; `on`: those of the call. */
export interface Given {
    readonly init?: string;
    readonly on?: string;
}

/** The two parts of what a person wrote; a sentence for the person where that can't be told. */
export function parseGiven(text: string): Given | string {
    const line = text.trim().replace(/^#?\s*kerascope:\s*/, '');
    if (line.includes('…')) {
        return 'Replace each … by a value.';
    }
    const head = /^build\s*(?=\()|^(?=\()/.exec(line);
    if (head === null) {
        return 'Begin with the arguments of the constructor: build(units=3) on (None, 5)';
    }
    const end = closing(line, head[0].length);
    if (end === undefined) {
        return 'A bracket is not closed.';
    }
    const init = line.slice(head[0].length + 1, end).trim();
    const rest = line.slice(end + 1).trim();
    if (rest === '') {
        return { init };
    }
    const on = /^on\b\s*(.+)$/.exec(rest)?.[1];
    if (on === undefined) {
        return 'After the brackets comes what to call it on: on (None, 5)';
    }
    return closing(`(${on})`, 0) === on.length + 1 ? { init, on } : 'A bracket is not closed.';
}

/** Where the bracket that opens at `start` is closed. */
function closing(text: string, start: number): number | undefined {
    let depth = 0;
    let quote = '';
    for (let index = start; index < text.length; index++) {
        const character = text.charAt(index);
        if (quote !== '') {
            if (character === '\\') {
                index++;
            } else if (character === quote) {
                quote = '';
            }
        } else if (character === '"' || character === "'") {
            quote = character;
        } else if ('([{'.includes(character)) {
            depth++;
        } else if (')]}'.includes(character) && --depth === 0) {
            return index;
        }
    }
    return undefined;
}
