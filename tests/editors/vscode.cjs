// A person in VS Code, which runs in a browser: opens a model, looks, clicks. What is seen is printed as JSON.
// node vscode.cjs SCENARIO URL FOLDER-FOR-SCREENSHOTS
const path = require('node:path');
const editors = process.env.KERASCOPE_EDITORS;
const { chromium } = require(path.join(editors, 'vscode', 'node_modules', 'playwright-core'));

const [scenario, url, pictures] = process.argv.slice(2);
const PATIENCE = Number(process.env.PATIENCE ?? 60) * 1000;
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'];
const seen = {};

async function main() {
    const browser = await chromium.launch({
        executablePath: process.env.CHROMIUM,
        args: [...FLAGS, '--disable-background-networking', '--disable-component-update'],
    });
    const page = await browser.newPage({ viewport: { width: 1180, height: 800 } });
    page.setDefaultTimeout(PATIENCE);
    try {
        await page.goto(url);
        await page.waitForSelector('.monaco-workbench .explorer-viewlet, .monaco-workbench .explorer-folders-view');
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
        await shoot(page, '1-finding');

        await goTo(page, 12, 1);
        await page.locator('.view-line span', { hasText: /^Block$/ }).first().hover();
        const tree = page.locator('.monaco-hover:visible', { hasText: 'Dense' }).first();
        await tree.waitFor();
        seen.hover = await tree.innerText();
        await shoot(page, '2-hover');
        await page.keyboard.press('Escape');

        await goTo(page, 30, 20);
        const bulb = page.locator('.lightBulbWidget:visible, [class*="gutter-lightbulb"]:visible').first();
        await bulb.click();
        await page.waitForSelector('.action-widget .monaco-list-row');
        seen.actions = await page.locator('.action-widget .monaco-list-row').allInnerTexts();
        await shoot(page, '3-light-bulb');
        seen.offered = await page.locator('.action-widget .monaco-list-row.focused').innerText();
        await page.keyboard.press('Enter');
        await page.waitForSelector('.squiggly-warning', { state: 'detached' });
        await page.locator('.markers-panel .monaco-list-row', { hasText: 'KS105' }).waitFor({ state: 'detached' });
        seen.mended = await code(page);
        seen.problemsAfterwards = await problems(page);
        await shoot(page, '4-mended');
    },

    async build(page) {
        await open(page);
        await page.keyboard.press('Control+j'); // more room for the code
        await goTo(page, 1, 1);
        await page.locator('.codelens-decoration a', { hasText: 'Build check' }).nth(1).waitFor();
        seen.lenses = await lenses(page);
        await page.locator('.codelens-decoration a', { hasText: 'Build check' }).first().click();
        await page.locator('.codelens-decoration a', { hasText: 'parameters' }).first().waitFor();
        await page.waitForFunction(() => document.querySelector('.view-lines').innerText.includes('272\u00a0parameters')
            || document.querySelector('.view-lines').innerText.includes('272 parameters'));
        seen.lensesAfterwards = await lenses(page);
        seen.figures = await code(page);
        await shoot(page, '5-build-check');

        await page.locator('.codelens-decoration a', { hasText: 'parameters' }).first().click();
        const report = page.frameLocator('iframe.webview').frameLocator('iframe');
        await report.locator('table').waitFor();
        seen.report = await report.locator('body').innerText();
        seen.colours = await report.locator('tr.tracked').count();
        await shoot(page, '6-report');
    },

    async lost(page) {
        await open(page, 'tagger.py', 'KS101');
        await page.keyboard.press('Control+j');
        await goTo(page, 20, 1);
        const lens = page.locator('.codelens-decoration a');
        await lens.filter({ hasText: 'Build check' }).first().click();
        await lens.filter({ hasText: 'untracked' }).first().click();
        const report = page.frameLocator('iframe.webview').frameLocator('iframe');
        await report.locator('table').waitFor();
        seen.lenses = await lenses(page);
        seen.lost = await report.locator('tr.untracked').allInnerTexts();
        seen.kept = await report.locator('tr.weight.tracked').count();
        await shoot(page, '8-lost-weights');
    },

    async asked(page) {
        await openFile(page, 'lookup.py');
        const lens = page.locator('.codelens-decoration a');
        await lens.filter({ hasText: 'Build check' }).click();
        const box = page.locator('.quick-input-box input');
        await box.waitFor();
        seen.proposed = await box.inputValue();
        seen.question = await page.locator('.quick-input-message').innerText();
        await shoot(page, '10-asked');
        await box.fill('build("a b", {"a": 3}) on (None');
        await page.locator('.quick-input-message', { hasText: 'bracket' }).waitFor();
        await box.fill('build("a b", {"a": 3}) on int32(None, 2)');
        await page.keyboard.press('Enter');
        await lens.filter({ hasText: 'parameters' }).waitFor();
        seen.lenses = await lenses(page);

        // Another text: what was answered before is used, and nobody asked.
        await goTo(page, 9, 70);
        await page.keyboard.type('0');
        await lens.filter({ hasText: 'stale' }).click();
        await lens.filter({ hasText: 'stale' }).waitFor({ state: 'detached' });
        await lens.filter({ hasText: 'parameters' }).waitFor();
        seen.lensesAfterwards = await lenses(page);
    },

    async cancelled(page) {
        await openFile(page, 'slow.py');
        await page.locator('.codelens-decoration a', { hasText: 'Build check' }).click();
        const notice = page.locator('.notifications-toasts .notification-list-item', { hasText: 'Build check of Slow' });
        await notice.waitFor();
        await page.locator('.codelens-decoration a', { hasText: 'running' }).waitFor();
        await page.waitForTimeout(1500);
        seen.notice = await notice.innerText();
        await shoot(page, '11-progress');
        await notice.locator('.monaco-button', { hasText: 'Cancel' }).click();
        await notice.waitFor({ state: 'detached' });
        await page.locator('.codelens-decoration a', { hasText: /^Build check$/ }).waitFor();
        seen.lenses = await lenses(page);
    },

    async told(page) {
        await openFile(page, 'model.py');
        const message = page.locator('.notification-list-item-message', { hasText: 'Kerascope' });
        await message.first().waitFor();
        seen.messages = await message.allInnerTexts();
        await shoot(page, '9-no-python');
    },

    async untrusted(page) {
        await open(page);
        seen.problems = await problems(page);
        await page.waitForTimeout(2000); // time for a lens, or anything else that must not come
        seen.lenses = await lenses(page);
        seen.banner = await page.locator('.statusbar-item', { hasText: 'Restricted' }).count();
        await shoot(page, '7-untrusted');
    },
};

/** Open a file, wait for its finding, and go there. */
async function open(page, file = 'model.py', rule = 'KS105') {
    await openFile(page, file);
    await page.keyboard.press('Control+b'); // more room for the code
    await page.keyboard.press('Control+Shift+m');
    await page.locator('.markers-panel .monaco-list-row', { hasText: rule }).first().waitFor();
    await page.keyboard.press('Control+1');
    await goTo(page, 30, 20);
    await page.waitForSelector('.squiggly-warning', { state: 'attached' });
}

async function openFile(page, file) {
    await page.keyboard.press('Control+p');
    await page.waitForSelector('.quick-input-box input');
    await page.keyboard.type(file);
    await page.locator('.quick-input-list .monaco-list-row', { hasText: file }).first().waitFor();
    await page.keyboard.press('Enter');
    await page.waitForSelector('.view-lines .view-line');
}

async function problems(page) {
    await page.waitForSelector('.markers-panel');
    return page.locator('.markers-panel .monaco-list-row').allInnerTexts();
}

async function lenses(page) {
    return page.locator('.codelens-decoration a').allInnerTexts();
}

async function code(page) {
    return (await page.locator('.editor-instance .view-lines').first().innerText()).replaceAll('\u00a0', ' ');
}

async function goTo(page, line, column) {
    await page.keyboard.press('Control+g');
    await page.waitForSelector('.quick-input-box input');
    await page.keyboard.type(`${line}:${column}`);
    await page.keyboard.press('Enter');
}

async function shoot(page, name) {
    await page.waitForTimeout(400); // what moves comes to rest
    await page.screenshot({ path: path.join(pictures, `${name}.png`) });
}

main().catch((error) => {
    console.error(String(error));
    process.exit(1);
});
