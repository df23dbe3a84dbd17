// Opens the pages of recordings in headless Chromium, offline, and compares what they show with their JSON. See `page`.
//
// The model below knows the events as runtime/src/record/json.rs documents them, and nothing of the page's own script.

import { createRequire } from "node:module";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import assert from "node:assert/strict";

const { chromium } = createRequire(join(process.env.NODE_PATH, "x.js"))("playwright-core");
const place = process.argv[2];
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const SIZES = { wide: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };

/** What each task does after the first n events: the ready queue in order, and who waits for what. */
function model(run, n) {
  const ready = [], tasks = new Map();
  const queue = (task) => ready.includes(task) || ready.push(task);
  const leave = (task) => ready.includes(task) && ready.splice(ready.indexOf(task), 1);
  for (const event of run.events.slice(0, n)) {
    const it = tasks.get(event.task) ?? {};
    switch (event.event) {
      case "spawned": tasks.set(event.task, { }); queue(event.task); break;
      case "woken": if (it.runs) it.again = true; else { it.wait = undefined; queue(event.task); } break;
      case "polled": leave(event.task); tasks.set(event.task, { runs: true }); break;
      case "ready": tasks.set(event.task, {}); if (it.again) queue(event.task); break;
      case "waits": tasks.set(event.task, { wait: event }); break;
      case "ended": leave(event.task); tasks.delete(event.task); break;
    }
  }
  const waits = [...tasks.values()].flatMap((it) => it.wait ?? []);
  return {
    ready: ready.map((task) => run.tasks[task].title),
    alive: tasks.size,
    timers: waits.filter((wait) => wait.until !== undefined).length,
    fds: waits.filter((wait) => wait.fd !== undefined).map((wait) => wait.fd).sort((a, b) => a - b),
  };
}

const texts = (page, id) => page.locator(`#${id} li`).allTextContents();

/** What the panel shows, in the model's form. */
async function shown(page) {
  return {
    ready: await texts(page, "ready"),
    alive: (await texts(page, "table")).length,
    timers: (await texts(page, "timers")).length,
    fds: (await texts(page, "fds")).map((text) => Number(/^fd (\d+)/.exec(text)[1])),
  };
}

/** Looks at one page; what was compared, in words. */
async function check(context, file) {
  const page = await context.newPage();
  const complaints = [];
  const url = pathToFileURL(file).href;
  page.on("request", (request) => request.url().startsWith(url) || request.url() === "data:,"
    || complaints.push(`requests ${request.url()}`));
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(url);

  const run = await page.evaluate("RUN");
  const json = file.replace(/html$/, "json");
  if (existsSync(json)) assert.deepEqual(run, JSON.parse(readFileSync(json)), "the page holds another run than the JSON");
  assert.equal(await page.locator(".lane").count(), run.tasks.length, "a lane a task");
  assert.deepEqual(await page.locator(".lane").allTextContents(), run.tasks.map((task) => task.title));

  const steps = Math.min(run.events.length, 60);
  let changed = 0;
  for (let n = 1; n <= steps; n++) {
    await (n % 2 ? page.click("#next") : page.keyboard.press("ArrowRight"));
    const expected = model(run, n);
    assert.deepEqual(await shown(page), expected, `after ${n} events of ${file}`);
    changed += expected.ready.join() !== model(run, n - 1).ready.join();
  }
  assert.ok(changed > 0, "the ready queue changed");
  await page.keyboard.press("ArrowLeft");
  assert.deepEqual(await shown(page), model(run, steps - 1), "a step back");
  await page.click("#last");
  assert.deepEqual(await shown(page), model(run, run.events.length), "the end");
  await page.click("#first");
  assert.deepEqual(await shown(page), model(run, 0), "the beginning");

  await page.keyboard.press("/");
  await page.keyboard.type(run.tasks.at(-1).title);
  assert.ok(await page.locator(".lane.hit").count() > 0, "the search finds the last task");
  await page.fill("#search", "");
  const [english, words] = [await page.locator("h2").allTextContents(), async () => page.locator("h2").allTextContents()];
  await page.click("#lang");
  assert.notDeepEqual(await words(), english, "the other language");
  await page.click("#lang");
  assert.deepEqual(await words(), english);

  if (file.endsWith("course.html")) { // it takes its time
    await page.selectOption("#speed", "2");
    await page.click("#play");
    await page.waitForFunction("cursor === events.length");
  }
  assert.deepEqual(complaints, [], file);

  await page.goto(`${url}?event=${Math.ceil(run.events.length / 2)}`);
  for (const [size, viewport] of Object.entries(SIZES)) {
    await page.setViewportSize(viewport);
    // The page draws anew once it hears of its size; then nothing sticks out.
    await page.waitForFunction("document.documentElement.scrollWidth <= innerWidth", null, { timeout: 5000 });
    await page.screenshot({ path: file.replace(/html$/, `${size}.png`) });
  }
  await page.close();
  return `${run.tasks.length} tasks, ${run.events.length} events, ${steps} steps compared`;
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args: FLAGS });
const context = await browser.newContext({ viewport: SIZES.wide, offline: true, locale: "en" });
const pages = readdirSync(place).filter((name) => name.endsWith(".html")).sort();
assert.ok(pages.length >= 7, `seven pages at least, not ${pages.length}`);
for (const name of pages) console.log(`ok: ${name}, ${await check(context, join(place, name))}`);
await browser.close();
