// A browser for page_test.py: takes a call [METHOD, ...] a line on standard input and answers each
// with a line, {"value": ...} or {"error": "..."}. Ends when its input does.
import {createInterface} from 'node:readline';
import {createRequire} from 'node:module';
import {setTimeout as sleep} from 'node:timers/promises';

const require = createRequire(process.env.PLAYWRIGHT_MODULES + '/');
const {chromium} = require('playwright-core');

let browser, page, problems;

/** What is in focus, as a person would name it. */
const nameOfFocus = () => {
  const element = document.activeElement;
  const label = element.labels?.[0]?.textContent ?? element.textContent;
  return (element.getAttribute('aria-label') ?? label).replace(/\s+/g, ' ').trim();
};

/** Texts whose colour is too near to their ground's: [text, ratio]. Gradients are not judged. */
const paleTexts = () => {
  const rgb = (colour) => colour.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const groundOf = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const {backgroundColor, backgroundImage} = getComputedStyle(at);
      if (backgroundImage !== 'none') {
        const stops = backgroundImage.match(/rgba?\([^)]*\)/g);
        if (stops) return stops.map(rgb);
      }
      if ((rgb(backgroundColor)[3] ?? 1) === 1) return [rgb(backgroundColor)];
    }
    return [[255, 255, 255]];
  };
  const pale = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility() || element.closest('.unseen, .skip, option')) continue;
    const style = getComputedStyle(element);
    for (const ground of groundOf(element)) {
      const [high, low] = [light(rgb(style.color)), light(ground)].sort((a, b) => b - a);
      const ratio = (high + 0.05) / (low + 0.05);
      if (ratio < 4.5) pale.push([node.data.trim().slice(0, 30), Math.round(ratio * 100) / 100]);
    }
  }
  return pale;
};

/** What any page of ours must not have, in words. */
const structuralFaults = () => {
  const faults = [];
  const headings = [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].filter((h) => h.checkVisibility());
  headings.reduce((before, heading) => {
    const level = Number(heading.tagName[1]);
    if (level > before + 1) faults.push(`heading ${heading.textContent} skips a level`);
    return level;
  }, 0);
  if (document.querySelectorAll('h1').length !== 1) faults.push('not one h1');
  const ids = [...document.querySelectorAll('[id]')].map(({id}) => id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push(`id ${id} twice`);
  for (const name of ['aria-controls', 'aria-describedby', 'aria-labelledby']) {
    for (const element of document.querySelectorAll(`[${name}]`)) {
      const lost = element.getAttribute(name).split(' ').find((id) => !document.getElementById(id));
      if (lost) faults.push(`${name} names ${lost}, which is not there`);
    }
  }
  for (const image of document.images) if (!image.hasAttribute('alt')) faults.push(`no alt: ${image.src}`);
  return faults;
};

const CONTROLS = new Set(['button', 'link', 'textbox', 'searchbox', 'combobox', 'checkbox', 'switch',
                          'spinbutton', 'listbox', 'DisclosureTriangle', 'table']);

/** Controls that a screen reader could not name, by what the browser tells it. */
async function namelessControls() {
  const session = await page.context().newCDPSession(page);
  const {nodes} = await session.send('Accessibility.getFullAXTree');
  await session.detach();
  const controls = nodes.filter(({ignored, role}) => !ignored && CONTROLS.has(role?.value));
  if (controls.length < 5) return ['there are hardly any controls'];
  return controls.filter(({name}) => !name?.value?.trim()).map(({role}) => role.value);
}

const methods = {
  /** Opens a new page; options as Playwright's: viewport, colorScheme, reducedMotion. */
  async open(url, options) {
    browser ??= await chromium.launch({executablePath: process.env.CHROMIUM, args: JSON.parse(process.env.CHROMIUM_ARGS)});
    await page?.context().close();
    const context = await browser.newContext(options);
    page = await context.newPage();
    problems = [];
    page.on('console', (line) => line.type() === 'error' && problems.push(line.text()));
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('dialog', (dialog) => { problems.push('a dialog'); dialog.dismiss(); });
    await page.goto(url);
  },
  evaluate: (expression) => page.evaluate(expression),
  /** Not Playwright's own, which the page's policy forbids: it evaluates inside the page. */
  async wait(expression, ms) {
    for (const end = Date.now() + ms; Date.now() < end; await sleep(20)) {
      if (await page.evaluate(expression)) return;
    }
    throw new Error(`not within ${ms} ms`);
  },
  press: (key) => page.keyboard.press(key),
  type: (text) => page.keyboard.type(text),
  /** Goes on by the tabulator until what is named so is in focus. */
  async tabTo(name, key = 'Tab') {
    for (let i = 0; i < 200; ++i) {
      await page.keyboard.press(key);
      if ((await page.evaluate(nameOfFocus)).startsWith(name)) {
        const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
        if (ring === 'none') throw new Error(`${name}: its focus can't be seen`);
        return;
      }
    }
    throw new Error(`the tabulator does not come to ${name}`);
  },
  /** The controls that one turn of the tabulator does not come to, and how many it comes to. */
  async tabTurn() {
    await page.evaluate(() => { window.visited = new Set(); });
    for (let i = 0; i < 500; ++i) {
      await page.keyboard.press('Tab');
      const goesOn = await page.evaluate(() => {
        const at = document.activeElement;
        return at === document.body || (!window.visited.has(at) && Boolean(window.visited.add(at)));
      });
      if (!goesOn) break;
    }
    return page.evaluate(() => ({
      visited: window.visited.size,
      missed: [...document.querySelectorAll('a[href], button:enabled, input, select, textarea, summary, [tabindex="0"]')]
        .filter((one) => one.checkVisibility() && !window.visited.has(one)).map((one) => one.outerHTML.slice(0, 80)),
    }));
  },
  overflow: () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
  async audit() {
    return {nameless: await namelessControls(), faults: await page.evaluate(structuralFaults), pale: await page.evaluate(paleTexts)};
  },
  problems: () => problems.splice(0),
  screenshot: (path) => page.screenshot({path, fullPage: true}),
};

for await (const line of createInterface({input: process.stdin})) {
  const [method, ...parameters] = JSON.parse(line);
  let answer;
  try {
    answer = {value: (await methods[method](...parameters)) ?? null};
  } catch (error) {
    answer = {error: String(error)};
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
await browser?.close();
