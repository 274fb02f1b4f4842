// A person in VS Code, which runs in a browser: opens a model, looks, clicks. What is seen is printed as JSON.
// node vscode.cjs SCENARIO URL FOLDER-FOR-SCREENSHOTS
// It waits for what must come, never for a time.
const fs = require('node:fs/promises');
const path = require('node:path');
const editors = process.env.KERASCOPE_EDITORS;
const { chromium } = require(path.join(editors, 'vscode', 'node_modules', 'playwright-core'));

const [scenario, url, pictures] = process.argv.slice(2);
const PATIENCE = Number(process.env.PATIENCE) * 1000;
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'];
const CODE = ['.part.editor'];
const CODE_AND_PANEL = ['.part.editor', '.part.panel'];
const WINDOW = [];
const seen = {};

async function main() {
    const browser = await chromium.launch({
        executablePath: process.env.CHROMIUM,
        args: [...FLAGS, '--disable-background-networking', '--disable-component-update'],
        timeout: PATIENCE,
    });
    const page = await browser.newPage({ viewport: { width: 960, height: 640 }, deviceScaleFactor: 1.5 });
    page.setDefaultTimeout(PATIENCE);
    try {
        await openWindow(page);
        await scenarios[scenario](page);
    } catch (error) {
        await page.screenshot({ path: path.join(pictures, `${scenario}-failed.png`) });
        throw error;
    } finally {
        await browser.close();
    }
    console.log(JSON.stringify(seen));
}

const scenarios = {
    async trusted(page) {
        await open(page);
        seen.underlined = await page.locator('.squiggly-warning').count();
        seen.problems = await problems(page);
        seen.message = await messageAtFinding(page);
        const links = page.locator('.markers-panel .monaco-list-row a, .monaco-hover a');
        seen.links = await links.evaluateAll((all) => all.map((link) => link.outerHTML));
        await shoot(page, 'finding', CODE_AND_PANEL);
        await page.keyboard.press('Escape');

        await goTo(page, 12, 1);
        await page.locator('.view-line span', { hasText: /^Block$/ }).first().hover();
        const tree = page.locator('.monaco-hover:visible', { hasText: 'Dense' }).first();
        await tree.waitFor();
        seen.hover = await tree.innerText();
        await shoot(page, 'hover', CODE_AND_PANEL);
        await page.keyboard.press('Escape');

        await goTo(page, 30, 20);
        const bulb = page.locator('.lightBulbWidget:visible, [class*="gutter-lightbulb"]:visible').first();
        await bulb.click();
        await page.waitForSelector('.action-widget .monaco-list-row');
        seen.actions = await page.locator('.action-widget .monaco-list-row').allInnerTexts();
        seen.offered = await page.locator('.action-widget .monaco-list-row.focused').innerText();
        await shoot(page, 'light-bulb', CODE_AND_PANEL);
        await page.keyboard.press('Enter');
        await noFinding(page);
        seen.mended = await code(page);
        seen.problemsAfterwards = await problems(page);
        await shoot(page, 'mended', CODE_AND_PANEL);
    },

    async commands(page) {
        await open(page);
        await command(page, 'Kerascope: Show Rule');
        const rules = page.locator('.quick-input-list .monaco-list-row');
        await rules.filter({ hasText: 'KS101' }).waitFor();
        seen.first = await rules.first().innerText();
        await page.keyboard.press('Enter');
        const rule = view(page);
        await rule.locator('h1').waitFor();
        seen.rule = await rule.locator('body').innerText();
        await shoot(page, 'rule', CODE);
        await page.keyboard.press('Control+w');

        await command(page, 'Kerascope: Restart');
        await noFinding(page);
        await page.waitForSelector('.squiggly-warning', { state: 'attached' });
        seen.problems = await problems(page);
        await page.keyboard.press('Control+1');
        await command(page, 'Kerascope: Fix All That Is Safe to Fix');
        await noFinding(page);
        seen.mended = await code(page);
        seen.problemsAfterwards = await problems(page);

        await command(page, 'Kerascope: Show Log');
        await page.locator('.part.panel [aria-label^="Maximize Panel"]').first().click();
        await page.locator('.output-view .view-line', { hasText: 'Starting' }).nth(1).waitFor();
        seen.log = await output(page);
        await shoot(page, 'log', WINDOW);
        seen.status = await status(page);
    },

    async started(page) {
        await open(page);
        seen.problems = await problems(page);
        await command(page, 'Kerascope: Show Log');
        await page.locator('.output-view .view-line', { hasText: 'Starting' }).first().waitFor();
        seen.log = await output(page);
    },

    async traced(page) {
        await open(page);
        await command(page, 'Kerascope: Show Log');
        await page.locator('.part.panel [aria-label^="Maximize Panel"]').first().click();
        const talk = page.locator('.output-view .view-line', { hasText: /Sending|Received/ });
        await talk.first().waitFor();
        seen.talk = await talk.first().innerText();
    },

    async walkthrough(page) {
        await page.setViewportSize({ width: 1280, height: 700 }); // room for the pictures beside the steps
        await page.keyboard.press('Control+b');
        await command(page, 'Welcome: Open Walkthrough');
        await choose(page, 'See what Keras makes of your layers');
        const steps = page.locator('.getting-started-step');
        await steps.filter({ hasText: 'Open the sample' }).first().waitFor();
        seen.steps = await steps.locator('.step-title').allInnerTexts();
        await view(page).locator('img').first().waitFor();
        seen.picture = await view(page).locator('img').first().evaluate((image) => image.decode().then(() => image.naturalWidth));
        await shoot(page, 'walkthrough', CODE);
        await page.locator('.getting-started-step.expanded .monaco-button', { hasText: 'Open the sample' }).click();
        await page.locator('.tab', { hasText: 'nested_layers.py' }).waitFor();
        await page.waitForSelector('.squiggly-warning', { state: 'attached' });
        await page.keyboard.press('Control+Shift+m');
        await finding(page, 'KS105').waitFor();
        seen.problems = await problems(page);
        await page.locator('.tab', { hasText: 'Walkthrough' }).click();
        await page.locator('.getting-started-step .complete.codicon').first().waitFor();
        seen.done = await page.locator('.getting-started-step', { has: page.locator('.complete.codicon') }).allInnerTexts();
    },

    async build(page) {
        await open(page);
        await page.keyboard.press('Control+j'); // more room for the code
        await goTo(page, 1, 1);
        await lens(page, 'Build check').nth(1).waitFor();
        seen.lenses = await lenses(page);
        await lens(page, 'Build check').first().click();
        await lens(page, 'parameters').first().waitFor();
        await shows(page, '272 parameters');
        seen.lensesAfterwards = await lenses(page);
        seen.figures = await code(page);
        await shoot(page, 'build-check', CODE);

        await command(page, 'Kerascope: Build Check for This File');
        await lens(page, 'no weights').waitFor();
        seen.lensesOfTheFile = await lenses(page);

        await lens(page, 'parameters').first().click();
        await view(page).locator('table').first().waitFor();
        seen.report = await view(page).locator('body').innerText();
        seen.colours = await view(page).locator('tr.tracked').count();
        await shoot(page, 'report-all-tracked', CODE);
    },

    async lost(page) {
        await page.setViewportSize({ width: 960, height: 770 });
        await open(page, 'tagger.py', 'KS101');
        await page.keyboard.press('Control+j');
        await goTo(page, 20, 1);
        await lens(page, 'Build check').first().waitFor();
        await command(page, 'Kerascope: Build Check at Cursor');
        await lens(page, 'untracked').first().waitFor();
        await command(page, 'Kerascope: Show Report of the Build Check');
        await view(page).locator('table').first().waitFor();
        seen.lenses = await lenses(page);
        seen.lost = await view(page).locator('tr.untracked').allInnerTexts();
        seen.kept = await view(page).locator('tr.weight.tracked').count();
        await shoot(page, 'report', CODE);
    },

    // A layer with weights of every state, whose report stands open while the code changes and is saved.
    async states(page) {
        await openFile(page, 'states.py');
        await page.keyboard.press('Control+b');
        await lens(page, 'Build check').first().waitFor();
        await goTo(page, 13, 1);
        await command(page, 'Kerascope: Show Report of the Build Check');
        const offer = page.locator('.notification-list-item', { hasText: 'has not been checked yet' });
        await offer.locator('.monaco-button', { hasText: 'Build Check' }).click();
        await view(page).locator('table').first().waitFor();
        seen.report = await view(page).locator('body').innerText();
        seen.rows = await view(page).locator('tbody tr').evaluateAll((rows) => rows.map((row) => [row.className, row.innerText]));
        seen.contrasts = await view(page).locator('body').evaluate(contrasts);
        await shoot(page, `report-${process.env.THEME}`, CODE);

        await page.keyboard.press('Control+1');
        await goTo(page, 15, 44);
        await page.keyboard.type('0');
        await view(page).getByText('The code has changed since').waitFor();
        await page.keyboard.press('Control+s');
        await view(page).getByText('The code has changed since').waitFor({ state: 'detached' });
        await view(page).getByText('(3, 30)').waitFor();
        await lens(page, 'running').waitFor({ state: 'detached' });
        await lens(page, 'untracked').first().waitFor();
        seen.lenses = await lenses(page);
    },

    // Two folders, each with its own settings.
    async folders(page) {
        await openFile(page, 'quiet.py');
        await lens(page, 'Build check').first().waitFor();
        await openFile(page, 'model.py');
        await page.keyboard.press('Control+Shift+m');
        await finding(page, 'KS105').waitFor();
        seen.problems = await problems(page);
        await page.keyboard.press('Control+1');
        await lens(page, 'Build check').first().click();
        await lens(page, 'parameters').first().waitFor();
        seen.lenses = await lenses(page);
        await shoot(page, 'folders', WINDOW);
    },

    // The server ends by itself, again and again.
    async killed(page) {
        const pids = async () => (await fs.readFile(process.env.PIDS, 'utf8')).trim().split('\n').map(Number);
        await open(page);
        for (let number = 1; number <= 5; number++) {
            await until(async () => (await pids()).length === number);
            await finding(page, 'KS105').waitFor();
            process.kill((await pids()).at(-1), 'SIGKILL');
        }
        seen.message = await message(page);
        seen.starts = (await pids()).length;
        seen.status = await status(page);
        await command(page, 'Notifications: Clear All Notifications');
        await command(page, 'Kerascope: Build Check for This File');
        const offer = page.locator('.notification-list-item', { hasText: 'Kerascope is not running' });
        await offer.locator('.monaco-button', { hasText: 'Restart' }).click();
        await finding(page, 'KS105').waitFor();
        seen.statusAfterwards = await status(page);
    },

    async asked(page) {
        await openFile(page, 'lookup.py');
        await lens(page, 'Build check').click();
        const box = page.locator('.quick-input-box input');
        await box.waitFor();
        seen.proposed = await box.inputValue();
        seen.question = await page.locator('.quick-input-message').innerText();
        await shoot(page, 'asked', WINDOW);
        await box.fill('build("a b", {"a": 3}) on (None');
        await page.locator('.quick-input-message', { hasText: 'bracket' }).waitFor();
        await box.fill('build("a b", {"a": 3}) on int32(None, 2)');
        await page.locator('.quick-input-message', { hasText: 'bracket' }).waitFor({ state: 'detached' });
        await page.keyboard.press('Enter');
        await lens(page, 'parameters').waitFor();
        seen.lenses = await lenses(page);

        // Another text: what was answered before is used, and nobody asked.
        await goTo(page, 9, 70);
        await page.keyboard.type('0');
        await lens(page, 'stale').click();
        await lens(page, 'stale').waitFor({ state: 'detached' });
        await lens(page, 'parameters').waitFor();
        seen.lensesAfterwards = await lenses(page);

        // It is proposed where the person wants other arguments.
        await command(page, 'Kerascope: Build Check at Cursor with Other Arguments');
        await page.locator('.quick-input-message', { hasText: 'How is it made' }).waitFor();
        seen.proposedAgain = await box.inputValue();
    },

    async cancelled(page) {
        await openFile(page, 'slow.py');
        await lens(page, 'Build check').click();
        const notice = page.locator('.notifications-toasts .notification-list-item', { hasText: 'Build check of Slow' });
        await lens(page, 'running').waitFor();
        await notice.filter({ hasText: /Build check of Slow: \w/ }).waitFor();
        seen.notice = await notice.innerText();
        await shoot(page, 'progress', WINDOW);
        await notice.locator('.monaco-button', { hasText: 'Cancel' }).click();
        await notice.waitFor({ state: 'detached' });
        await lens(page, /^Build check$/).waitFor();
        seen.lenses = await lenses(page);
    },

    async notebook(page) {
        await page.keyboard.press('Control+p');
        await choose(page, 'model.ipynb');
        await page.waitForSelector('.notebook-editor .view-line');
        await page.keyboard.press('Control+b');
        await page.keyboard.press('Control+Shift+m');
        await finding(page, 'KS105').waitFor();
        seen.problems = await problems(page);
        await finding(page, 'KS105').dblclick();
        await page.waitForSelector('.notebook-editor .squiggly-warning');
        await shoot(page, 'notebook', CODE_AND_PANEL);
    },

    async told(page) {
        await openFile(page, 'model.py');
        await message(page);
        seen.status = await status(page);
        seen.messages = await page.locator('.notification-list-item-message').allInnerTexts();
        await shoot(page, `told-${process.env.THEME}`, WINDOW);
    },

    // Not trusted at first, then trusted by the person.
    async untrusted(page) {
        await open(page);
        seen.problems = await problems(page);
        seen.banner = await page.locator('.part.banner').innerText();
        await messageAtFinding(page);
        await page.keyboard.press('Escape');
        await page.keyboard.press('Control+1');
        await page.mouse.move(0, 0);
        seen.lenses = await lenses(page);
        seen.commands = await commandsFor(page, 'Kerascope:');
        await shoot(page, 'untrusted', WINDOW);
        seen.status = await status(page);
        await page.mouse.move(0, 0);
        seen.ranBefore = await exists(process.env.RAN);

        await page.locator('.part.banner').getByText('Manage', { exact: true }).click();
        await page.locator('.workspace-trust-editor .monaco-button:visible', { hasText: /^Trust$/ }).click();
        await page.waitForSelector('.part.banner .message-container', { state: 'hidden' });
        await page.locator('.tab', { hasText: 'model.py' }).click();
        await lens(page, 'Build check').first().waitFor();
        seen.lensesAfterwards = await lenses(page);
        await page.waitForSelector('.squiggly-warning', { state: 'attached' });
        seen.problemsAfterwards = await problems(page);
        await shoot(page, 'trusted', WINDOW);
    },

    // The person chooses another interpreter in the Python extension.
    async chosen(page) {
        await openFile(page, 'model.py');
        await lens(page, 'Build check').first().click();
        const message = page.locator('.notification-list-item-message', { hasText: 'Block: ' }).filter({ hasNotText: 'Build check of' });
        await message.waitFor();
        seen.message = await message.innerText();
        await command(page, 'Python: Select Interpreter');
        await choose(page, 'With Keras');
        await lens(page, /^Build check/).first().click();
        await lens(page, 'parameters').first().waitFor();
        await shows(page, '272 parameters');
        seen.lenses = await lenses(page);
    },
};

/** Open a file, wait for its finding, and go there. */
async function open(page, file = 'model.py', rule = 'KS105') {
    await openFile(page, file);
    await page.keyboard.press('Control+b'); // more room for the code
    await page.keyboard.press('Control+Shift+m');
    await finding(page, rule).waitFor();
    await page.keyboard.press('Control+1');
    await goTo(page, 30, 20);
    await page.waitForSelector('.squiggly-warning', { state: 'attached' });
}

/** Now and then a window comes up without what the address names: a person loads it again. */
async function openWindow(page) {
    for (let tries = 4; ; tries--) {
        await page.goto(url);
        await page.waitForSelector('.monaco-workbench .explorer-viewlet, .monaco-workbench .explorer-folders-view');
        try {
            await page.locator('.explorer-folders-view .monaco-list-row').first().waitFor({ timeout: PATIENCE / 4 });
            return;
        } catch (error) {
            if (tries === 1) {
                throw error;
            }
        }
    }
}

async function openFile(page, file) {
    await page.keyboard.press('Control+p');
    await choose(page, file);
    await page.waitForSelector('.view-lines .view-line');
}

async function choose(page, text) {
    const box = page.locator('.quick-input-widget:visible .quick-input-box input');
    await box.waitFor();
    await page.keyboard.type(text);
    await page.locator('.quick-input-list .monaco-list-row.focused', { hasText: text }).waitFor();
    await page.keyboard.press('Enter');
}

async function command(page, name) {
    await page.keyboard.press('F1');
    await choose(page, name);
}

/** The commands that the person finds under a name. */
async function commandsFor(page, name) {
    await page.keyboard.press('F1');
    const box = page.locator('.quick-input-box input');
    await box.fill(`>${name}`);
    const rows = page.locator('.quick-input-list .monaco-list-row');
    await rows.filter({ hasText: 'Kerascope: Show Log' }).waitFor();
    const found = await rows.allInnerTexts();
    await page.keyboard.press('Escape');
    await box.waitFor({ state: 'hidden' });
    return found;
}

/** What Kerascope says of itself behind the braces in the status bar. */
async function status(page) {
    await page.locator('[id="status.languageStatus"]').hover();
    const item = page.locator('.hover-language-status', { hasText: 'Kerascope' }).first();
    await item.waitFor();
    return item.innerText();
}

/** The first that Kerascope tells in a notification. */
async function message(page) {
    const text = page.locator('.notification-list-item-message', { hasText: 'Kerascope' }).first();
    await text.waitFor();
    return text.innerText();
}

async function until(condition) {
    const end = Date.now() + PATIENCE;
    while (!(await condition())) {
        if (Date.now() > end) {
            throw new Error(`Waited in vain until ${condition}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
}

/** How well each text of a page can be read on its background (WCAG: 4.5 is enough), by text. Runs in the page. */
function contrasts(body) {
    const light = (colour) => {
        const [red, green, blue] = colour.match(/[\d.]+/g).slice(0, 3).map((part) => {
            const share = Number(part) / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const behind = light(getComputedStyle(document.documentElement).getPropertyValue('--vscode-editor-background')
        .replace(/^#(..)(..)(..).*$/, (_, ...parts) => parts.slice(0, 3).map((part) => parseInt(part, 16)).join(' ')));
    const found = {};
    for (const element of body.querySelectorAll('h1, p, th, td, li, span')) {
        const text = element.innerText.trim();
        const front = light(getComputedStyle(element).color);
        if (text) {
            found[text] = (Math.max(front, behind) + 0.05) / (Math.min(front, behind) + 0.05);
        }
    }
    return found;
}

function finding(page, rule) {
    return page.locator('.markers-panel .monaco-list-row', { hasText: rule }).first();
}

async function noFinding(page) {
    await page.waitForSelector('.squiggly-warning', { state: 'detached' });
    await finding(page, 'KS105').waitFor({ state: 'detached' });
}

async function problems(page) {
    await page.waitForSelector('.markers-panel');
    return page.locator('.markers-panel .monaco-list-row').allInnerTexts();
}

function lens(page, text) {
    return page.locator('.codelens-decoration a:visible', { hasText: text });
}

async function lenses(page) {
    return page.locator('.codelens-decoration a').allInnerTexts();
}

/** What is told when the pointer rests on the underlined code. */
async function messageAtFinding(page) {
    const { x, y, width, height } = await page.locator('.squiggly-warning').first().boundingBox();
    await page.mouse.move(x + width / 2, y + height / 2);
    const message = page.locator('.monaco-hover:visible', { hasText: 'holds a copy' }).first();
    await message.waitFor();
    return message.innerText();
}

/** What a web view shows. */
function view(page) {
    return page.frameLocator('iframe.webview').frameLocator('iframe#active-frame');
}

async function code(page) {
    return (await page.locator('.editor-instance .view-lines').first().innerText()).replaceAll('\u00a0', ' ');
}

/** The log; its lines are wrapped. */
async function output(page) {
    const lines = await page.locator('.output-view .view-lines').first().innerText();
    return lines.replaceAll('\u00a0', ' ').replaceAll('\n', '');
}

async function shows(page, text) {
    await page.waitForFunction(
        (wanted) => document.querySelector('.view-lines').innerText.replaceAll('\u00a0', ' ').includes(wanted),
        text,
    );
}

async function goTo(page, line, column) {
    await page.keyboard.press('Control+g');
    const box = page.locator('.quick-input-widget:visible .quick-input-box input');
    await box.waitFor();
    await page.keyboard.type(`${line}:${column}`);
    await page.locator('.quick-input-list', { hasText: `${line}` }).first().waitFor();
    await page.keyboard.press('Enter');
    await box.waitFor({ state: 'hidden' });
}

async function exists(file) {
    return fs.access(file).then(() => true, () => false);
}

/** Leave a picture of these parts, or of the whole window, when nothing in it moves any more. */
async function shoot(page, name, parts) {
    const boxes = await Promise.all(parts.map((part) => page.locator(part).first().boundingBox()));
    const options = { animations: 'disabled', caret: 'initial', ...(boxes.length > 0 && { clip: around(boxes) }) };
    let before;
    let picture = await page.screenshot(options);
    for (let tries = 0; tries < 20 && !(before && picture.equals(before)); tries++) {
        before = picture;
        picture = await page.screenshot(options);
    }
    await fs.writeFile(path.join(pictures, `${name}.png`), picture);
}

function around(boxes) {
    const x = Math.min(...boxes.map((box) => box.x));
    const y = Math.min(...boxes.map((box) => box.y));
    const right = Math.max(...boxes.map((box) => box.x + box.width));
    const bottom = Math.max(...boxes.map((box) => box.y + box.height));
    return { x, y, width: right - x, height: bottom - y };
}

main().catch((error) => {
    console.error(String(error));
    process.exit(1);
});
