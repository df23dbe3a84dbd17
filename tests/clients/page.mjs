// Opens the pages of recordings in headless Chromium, offline, and compares what they show with their JSON; and checks the form of
// those for Perfetto. See `page`.
//
// The model below knows the events as runtime/src/inspect/record/json.rs documents them, and nothing of the page's own script.

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

/** What each task does after the first n events: the ready queue in order, who waits for what, and what the console shows. */
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
    console: printed(run, n),
  };
}

/** The console's lines with who printed them: the tests' programs write whole lines. */
function printed(run, n) {
  const events = run.events.slice(0, n).filter((event) => event.event === "printed");
  return events.flatMap((event) => {
    assert.ok(event.text.endsWith("\n"), `a whole line: ${event.text}`);
    const who = event.task === undefined ? "·" : run.tasks[event.task].title;
    return event.text.slice(0, -1).split("\n").map((line) => who + line);
  });
}

const texts = (page, id) => page.evaluate((id) => [...document.querySelectorAll(`#${id} li`)].map((it) => it.textContent), id);

/** What the panel shows, in the model's form. Asked at once: each question costs milliseconds. */
async function shown(page) {
  const { ready, table, timers, fds, console } = await page.evaluate(() => {
    const list = (id) => [...document.querySelectorAll(`#${id} li`)].map((it) => it.textContent);
    return Object.fromEntries(["ready", "table", "timers", "fds", "console"].map((id) => [id, list(id)]));
  });
  return { ready, alive: table.length, timers: timers.length, fds: fds.map((text) => Number(/^fd (\d+)/.exec(text)[1])), console };
}

/** The console at the cursor: each printed line can be found, by the search and by its key, and clicked. */
async function checkConsole(page, run) {
  const prints = run.events.flatMap((event, n) => event.event === "printed" ? [n + 1] : []);
  if (!prints.length) return;
  const cursor = () => page.evaluate("cursor");
  await page.click("#first");
  for (const n of prints.slice(0, 10)) {
    await page.keyboard.press("c");
    assert.equal(await cursor(), n, "C goes to the next line");
    assert.deepEqual(await texts(page, "console"), printed(run, n));
    assert.ok(await page.locator("#console li.cur").count() > 0, "the new line is marked");
  }
  await page.keyboard.press("Shift+C");
  assert.equal(await cursor(), prints.at(Math.min(prints.length, 10) - 2), "and back");

  await page.click("#last");
  const box = await page.locator("#console").evaluate((it) => it.scrollHeight - it.scrollTop - it.clientHeight);
  assert.ok(box < 2, "the newest line is in sight");
  const word = run.events[prints.at(-1) - 1].text.trim().split("\n").at(-1);
  await page.click("#first");
  await page.keyboard.press("/");
  await page.keyboard.type(word.toUpperCase());
  await page.keyboard.press("Enter");
  const found = run.events[await cursor() - 1];
  assert.ok(found.text.includes(word), "the search finds a line that is not there yet");
  assert.ok(await page.locator("#console li.hit").count() > 0);
  await page.keyboard.press("Escape");
  await page.fill("#search", "");
  await page.click("#console li >> nth=0");
  assert.equal(await cursor(), prints[0], "a click goes there");
}

/** Trace Event Format: the fields that each kind of event must have; slices of a thread that do not cut each other; arrows in pairs. */
function checkTrace(file) {
  const trace = JSON.parse(readFileSync(file));
  assert.equal(trace.displayTimeUnit, "ms");
  const ends = new Map(), arrows = new Map(), named = new Set(), used = new Set();
  let latest = 0;
  for (const event of trace.traceEvents) {
    const complaint = `${file}: ${JSON.stringify(event)}`;
    const { ph, ts, pid, tid, name } = event;
    assert.ok("MXisf".includes(ph) && ph.length === 1, complaint);
    for (const number of [ts, pid, tid]) assert.ok(Number.isFinite(number) && number >= 0, complaint);
    assert.ok(typeof name === "string" && name !== "", complaint);
    if (event.args !== undefined) assert.equal(typeof event.args, "object", complaint);
    if (ph === "M") {
      assert.ok(["process_name", "thread_name"].includes(name) && typeof event.args.name === "string", complaint);
      named.add(tid);
      continue;
    }
    used.add(tid);
    if (ph === "i") assert.ok(["t", "p", "g"].includes(event.s), complaint);
    if (ph === "X") {
      assert.ok(Number.isFinite(event.dur) && event.dur >= 0, complaint);
      // In the order in which they are written; a microsecond's fraction is no cut.
      assert.ok(ts >= (ends.get(tid) ?? 0) - 0.001, `${complaint} begins before the end of the one before`);
      ends.set(tid, ts + event.dur);
    }
    assert.ok(ts >= latest, `${complaint} is not in the order of time`);
    latest = ts;
    if ("sf".includes(ph)) {
      assert.ok(event.id !== undefined && event.cat === "wake", complaint);
      if (ph === "f") assert.equal(event.bp, "e", complaint);
      const key = `${event.cat} ${event.id}`;
      arrows.set(key, [...(arrows.get(key) ?? []), event]);
    }
  }
  for (const tid of used) assert.ok(named.has(tid), `${file}: thread ${tid} has no name`);
  const holds = (slice, arrow) => slice.ph === "X" && slice.tid === arrow.tid && slice.ts <= arrow.ts && arrow.ts <= slice.ts + slice.dur + 0.001;
  for (const [key, [start, end, ...more]] of arrows) {
    assert.ok(start.ph === "s" && end?.ph === "f" && !more.length && start.ts <= end.ts, `${file}: the arrow ${key}`);
    for (const arrow of [start, end]) {
      assert.ok(trace.traceEvents.some((slice) => holds(slice, arrow)), `${file}: no slice holds ${JSON.stringify(arrow)}`);
    }
  }
  return `${trace.traceEvents.length} trace events, ${arrows.size} arrows, ${used.size} threads`;
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
  assert.equal(run.console, true, "MYRT_RECORD records the console");
  await page.keyboard.press("ArrowLeft");
  assert.deepEqual(await shown(page), model(run, steps - 1), "a step back");
  await page.click("#last");
  assert.deepEqual(await shown(page), model(run, run.events.length), "the end");
  await page.click("#first");
  assert.deepEqual(await shown(page), model(run, 0), "the beginning");

  await checkConsole(page, run);
  await page.click("#first");

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
assert.ok(pages.length >= 9, `nine pages at least, not ${pages.length}`);
for (const name of pages) console.log(`ok: ${name}, ${await check(context, join(place, name))}`);
const traces = readdirSync(place).filter((name) => name.endsWith(".perfetto.json")).sort();
assert.ok(traces.length >= 9, `nine traces at least, not ${traces.length}`);
for (const name of traces) console.log(`ok: ${name}, ${checkTrace(join(place, name))}`);
await browser.close();
