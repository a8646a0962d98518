"use strict";
// Everything that a log can say reaches the page as text (textContent, setAttribute on fixed names): nothing
// is ever parsed as HTML. Only the rows that are visible exist.
(() => {
  const STATES = ["fetching", "verifying", "installing", "loading", "ready", "draining", "stopped",
    // Of a supervisor's agents, and of itself.
    "booting", "restarting", "failed", "starting", "serving"];
  const STOPPED = 6;
  /** Colours there are for versions; more than that begin again, and their letters tell them apart. */
  const VERSION_COLOURS = 6;
  const VERDICTS = ["violates", "corrupt", "unknown-version", "incomplete", "conforms"];
  /** Where the logarithmic axis turns from straight to logarithmic, in milliseconds. */
  const LOG_KNEE = 50;
  /** Rows that are laid out for a printer. */
  const PRINTED_ROWS = 300;
  /** Events that are shown before a press on a button adds the same number. */
  const EVENTS_SHOWN = 400;

  const get = (id) => document.getElementById(id);
  const totals = JSON.parse(get("totals").textContent);
  const runs = JSON.parse(get("runs").textContent);
  const grid = get("grid"), spacer = get("spacer"), detail = get("detail"), tip = get("tip");
  const axis = get("axis-ticks"), cursor = get("cursor");

  // MARK: Making elements

  const SVG = "http://www.w3.org/2000/svg";
  function make(name, attributes, ...children) {
    const isSVG = /^(svg|g|rect|path|line|text|use|circle)$/.test(name);
    const element = isSVG ? document.createElementNS(SVG, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes ?? {})) {
      if (value === null || value === undefined || value === false) continue;
      if (key === "on") for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
      else element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  }
  const icon = (verdict) =>
    make("svg", { class: `icon v-${verdict}`, "aria-hidden": "true" }, make("use", { href: `#icon-${verdict}` }));

  // MARK: Words

  function length(ms) {
    if (ms === null || ms === undefined) return "–";
    const sign = ms < 0 ? "−" : "", size = Math.abs(ms);
    if (size < 1000) return `${sign}${Number(size.toFixed(size < 10 && size % 1 ? 1 : 0))} ms`;
    // Cut and not rounded, as the terminal shows it.
    if (size < 10000) return `${sign}${(Math.floor(size / 10) / 100).toFixed(2)} s`;
    if (size < 60000) return `${sign}${(Math.floor(size / 100) / 10).toFixed(1)} s`;
    const seconds = Math.floor(size / 1000), minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60);
    if (hours === 0) return `${sign}${minutes} min ${seconds % 60} s`;
    const days = Math.floor(hours / 24);
    return days === 0 ? `${sign}${hours} h ${minutes % 60} min` : `${sign}${days} d ${hours % 24} h`;
  }
  function clock(ms, precise) {
    const date = new Date(ms);
    if (Number.isNaN(date.getTime())) return "–";
    const text = date.toISOString();
    return precise ? text.slice(11, 23) : text.slice(11, 19);
  }
  function wholeClock(ms) {
    const date = new Date(ms);
    return Number.isNaN(date.getTime()) ? "–" : `${date.toISOString().slice(0, 23).replace("T", " ")} UTC`;
  }
  const plural = (count, one, many) => `${count.toLocaleString("en")} ${count === 1 ? one : many ?? one + "s"}`;
  const short = (id) => (id.length > 12 ? id.slice(0, 8) : id);
  const value = (field) => (typeof field === "string" ? field : JSON.stringify(field));

  // MARK: What is known of a run beside its data

  const firstBase = runs.reduce((least, run) => Math.min(least, run.base ?? Infinity), Infinity);
  for (const [index, run] of runs.entries()) {
    run.index = index;
    run.children = [];
    run.base ??= Number.isFinite(firstBase) ? firstBase : 0;
    run.restarts = run.stretches.filter(([state, , attempt]) => state === 3 && attempt > 1).length;
    run.stretches.forEach((stretch) => { stretch.end = stretch[4] ?? Math.max(run.end, stretch[3]); });
    run.isOpen = run.stretches.length > 0 && run.stretches.at(-1)[0] !== 6;
    run.hay = [run.id, run.agent, run.deployment, run.verdict, run.outcome, run.why, run.place, run.violation?.promise,
      ...run.stretches.map(([state, cause]) => `${STATES[state]} ${cause}`),
      ...run.moments.filter(([, , , level]) => level !== "info").map(([, , event, , fields]) =>
        `${event} ${fields.error ?? ""} ${fields.code ?? ""} ${fields.message ?? ""}`),
    ].join(" ").toLowerCase();
    run.sentence = sentence(run);
    if (run.agents) run.children = run.agents.map((agent) => agentRow(run, agent));
  }
  /** A row for an agent of a supervisor: what a run has, as far as an agent has it. */
  function agentRow(run, agent) {
    const runIDs = new Set(agent.lives.map(([, , , id]) => id));
    const row = {
      ...run, agents: null, children: [], parent: run, of: agent, id: `${run.id}/${agent.id}`, agent: agent.id, why: null,
      trouble: null, violation: null, outcome: null, boot: null, repairs: [], due: [], reloads: [], workers: [], leftOut: 0,
      state: STATES[agent.stretches.at(-1)?.[0]] ?? run.state, restarts: agent.restarts, requests: 0, output: 0,
      stretches: agent.stretches, marks: run.marks.filter((mark) => mark[5] === agent.id),
      moments: run.moments.filter(([, , , , fields]) => fields.agent === agent.id || runIDs.has(fields.worker_run)),
    };
    row.stretches.forEach((stretch) => { stretch.end = stretch[4] ?? Math.max(run.end, stretch[3]); });
    row.isOpen = row.stretches.length > 0 && row.stretches.at(-1)[0] !== STOPPED;
    row.hay = [agent.id, ...agent.versions.flat(), ...runIDs, ...row.stretches.flatMap(([state, cause]) => [STATES[state], cause])]
      .join(" ").toLowerCase();
    row.sentence = sentence(row).replace(/^[^:]*/, agent.id);
    run.hay += ` ${row.hay}`;
    return row;
  }
  const versionOf = (row, revision) => row.of?.versions.findIndex(([, other]) => other === revision) ?? -1;
  const versionName = (row, revision) => row.of?.versions[versionOf(row, revision)]?.[0] ?? "";
  function sentence(run) {
    const parts = run.stretches.slice(0, 12).map((stretch) =>
      `${STATES[stretch[0]]}${stretch[0] === STOPPED ? "" : " " + length(stretch.end - stretch[3])}`);
    if (run.stretches.length > 12) parts.push("and more");
    return `${run.verdict}: ${parts.join(", ")}${run.isOpen ? ", the log ends there" : ""}`;
  }
  function summary(run) {
    if (run.why) return run.why;
    if (run.of) {
      const { versions, changes, failedChanges, losses, served, down } = run.of;
      const parts = [run.state, versions.length > 1 ? `${versions.length} versions` : versions[0]?.[1] ?? ""];
      if (changes) parts.push(plural(changes, "change"));
      if (failedChanges) parts.push(`${failedChanges} failed`);
      if (losses) parts.push(plural(losses, "loss", "losses"));
      if (down) parts.push(`down ${length(down)}`);
      return [...parts, `up ${length(served)}`].filter(Boolean).join(" · ");
    }
    if (run.agents) {
      const parts = [run.isOpen ? `ends ${run.state}` : run.outcome ?? run.state, plural(run.agents.length, "agent"), length(run.end)];
      if (run.settle !== null) parts.push(`settled ${length(run.settle)}`);
      return parts.join(" · ");
    }
    const parts = [run.excuse ?? (run.isOpen ? `ends in ${run.state}` : run.outcome ?? run.state), length(run.end)];
    if (run.boot !== null) parts.push(`boot ${length(run.boot)}`);
    if (run.restarts) parts.push(plural(run.restarts, "restart"));
    const reloads = run.reloads.length;
    if (reloads) parts.push(plural(reloads, "reload"));
    return parts.join(" · ");
  }

  // MARK: Filter and order

  const shownVerdicts = new Set(VERDICTS);
  let shown = [], active = 0, opened = null;

  const orders = {
    trouble: (a, b) => VERDICTS.indexOf(a.verdict) - VERDICTS.indexOf(b.verdict) || !!b.agents - !!a.agents || (b.outcome === "failed") - (a.outcome === "failed") || a.base - b.base,
    log: (a, b) => a.index - b.index,
    start: (a, b) => a.base - b.base || a.index - b.index,
    length: (a, b) => b.end - a.end,
    boot: (a, b) => (b.boot ?? -1) - (a.boot ?? -1),
    restarts: (a, b) => b.restarts - a.restarts || a.index - b.index,
    agent: (a, b) => (a.agent ?? "").localeCompare(b.agent ?? "") || a.base - b.base,
  };

  function choose() {
    const words = get("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const kept = shown[active];
    shown = runs.filter((run) => shownVerdicts.has(run.verdict) && words.every((word) => run.hay.includes(word)));
    shown.sort(orders[get("sort").value]);
    const count = shown.length;
    // A supervisor's agents stand below it: all, or those that the filter is about.
    shown = shown.flatMap((run) => {
      const found = run.children.filter((row) => words.every((word) => row.hay.includes(word)));
      return [run, ...(found.length ? found : run.children)];
    });
    active = Math.max(0, shown.indexOf(kept));
    grid.setAttribute("aria-rowcount", shown.length);
    get("empty").hidden = shown.length > 0;
    get("status").textContent = `${plural(count, "run")} shown`;
    rows.forEach((row) => row.remove());
    rows.clear();
    draw();
  }

  // MARK: Time

  let kind = "uptime", domain = [0, 1], whole = [0, 1];
  const scaled = (run, uptime) =>
    kind === "clock" ? run.base + uptime : kind === "log" ? Math.log10(1 + Math.max(0, uptime) / LOG_KNEE) : uptime;
  const unscaled = (place) => (kind === "log" ? LOG_KNEE * (10 ** place - 1) : place);

  function measure() {
    let low = kind === "clock" ? Infinity : 0, high = -Infinity;
    for (const run of runs) {
      low = Math.min(low, scaled(run, kind === "clock" ? 0 : run.stretches[0]?.[3] ?? 0));
      high = Math.max(high, scaled(run, run.end));
    }
    if (!(high > low)) [low, high] = [Number.isFinite(low) ? low : 0, (Number.isFinite(low) ? low : 0) + 1];
    if (kind !== "clock") low = 0;
    const margin = (high - low) * 0.015;
    whole = [low - margin / 2, high + margin];
  }
  function show(low, high) {
    const least = Math.min(kind === "log" ? 0.002 : 0.5, whole[1] - whole[0]);
    const span = Math.min(Math.max(high - low, least), whole[1] - whole[0]);
    const middle = (low + high) / 2;
    let start = Math.min(Math.max(middle - span / 2, whole[0]), whole[1] - span);
    domain = [start, start + span];
    draw();
  }
  const zoom = (factor, at = 0.5) => {
    const place = domain[0] + (domain[1] - domain[0]) * at, span = (domain[1] - domain[0]) * factor;
    show(place - span * at, place + span * (1 - at));
  };
  const move = (share) => {
    const by = (domain[1] - domain[0]) * share;
    show(domain[0] + by, domain[1] + by);
  };
  const fit = () => show(...whole);

  const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5,
    6e5, 9e5, 18e5, 36e5, 72e5, 108e5, 216e5, 432e5, 864e5, 1728e5, 6048e5, 2592e6, 31536e6];
  const ROUND = [0, ...[1, 10, 100, 1e3, 1e4].flatMap((n) => [n, 2 * n, 5 * n]), 6e4, 12e4, 3e5, 6e5, 18e5, 36e5, 108e5, 432e5, 864e5, 6048e5, 2592e6, 31536e6];
  function ticks(width) {
    const [low, high] = domain, found = [];
    const add = (place, text) => found.push({ x: (place - low) / (high - low) * width, text });
    if (kind === "log") {
      let last = -Infinity;
      for (const ms of ROUND) {
        const place = Math.log10(1 + ms / LOG_KNEE), x = (place - low) / (high - low) * width;
        if (x < -1 || x > width || x - last < 62) continue;
        add(place, length(ms));
        last = x;
      }
      if (found.length > 1) return found;
      found.length = 0;
    }
    const [from, to] = [unscaled(low), unscaled(high)];
    const wanted = (to - from) / Math.max(2, width / 110);
    const step = STEPS.find((size) => size >= wanted) ?? Math.ceil(wanted / 31536e6) * 31536e6;
    for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
      if (at < 0 && kind !== "clock") continue;
      const name = kind === "clock" ? (step >= 864e5 ? wholeClock(at).slice(0, 10) : clock(at, step < 1000)) : tickName(at, step);
      add(kind === "log" ? Math.log10(1 + at / LOG_KNEE) : at, name);
    }
    return found;
  }
  function tickName(ms, step) {
    if (ms === 0) return "0";
    if (step < 1) return `${ms.toFixed(1)} ms`;
    if (step < 1000 && domain[1] < 1000) return `${Math.round(ms)} ms`;
    if (step < 6e4 && ms < 6e4) return `${Number((ms / 1000).toFixed(3))} s`;
    return length(ms);
  }

  // MARK: Rows

  const rows = new Map();
  let lines = [], trackWidth = 0;
  const rowHeight = () => parseFloat(getComputedStyle(document.body).getPropertyValue("--row"));

  let isDrawing = false;
  function draw() {
    if (isDrawing) return;
    isDrawing = true;
    requestAnimationFrame(() => { isDrawing = false; drawNow(); });
  }
  function drawNow(all = false) {
    if (all) {
      // For a printer: in their order, as wide as the paper.
      rows.forEach((row) => row.remove());
      rows.clear();
    }
    trackWidth = axis.clientWidth;
    const narrow = trackWidth === 0;
    if (narrow) trackWidth = grid.clientWidth;
    drawAxis();
    fitPaper(axis, all);
    const height = rowHeight();
    spacer.style.height = `${shown.length * height}px`;
    const first = all ? 0 : Math.max(0, Math.floor(grid.scrollTop / height) - 3);
    const last = all ? Math.min(shown.length, PRINTED_ROWS) - 1
      : Math.min(shown.length - 1, Math.ceil((grid.scrollTop + Math.min(grid.clientHeight, innerHeight)) / height) + 3);
    for (const [index, row] of rows) {
      if (index < first || index > last) { row.remove(); rows.delete(index); }
    }
    for (let index = first; index <= last; index++) {
      let row = rows.get(index);
      if (!row) {
        row = makeRow(shown[index], index);
        rows.set(index, row);
        spacer.append(row);
      }
      row.style.transform = `translateY(${index * height}px)`;
      row.classList.toggle("active", index === active);
      row.setAttribute("aria-selected", index === active);
      drawTrack(row.svg, shown[index]);
      fitPaper(row.svg, all);
    }
    if (shown.length) grid.setAttribute("aria-activedescendant", `row-${active}`);
    else grid.removeAttribute("aria-activedescendant");
  }

  function fitPaper(svg, isPaper) {
    if (!isPaper) return svg.removeAttribute("viewBox");
    svg.setAttribute("viewBox", `0 0 ${trackWidth} ${svg === axis ? 30 : 49}`);
    svg.setAttribute("preserveAspectRatio", "none");
  }

  function makeRow(run, index) {
    const code = run.of
      ? make("span", { class: "versions" }, ...run.of.versions.slice(-4).map(([letter], index) =>
          make("b", { class: `v${(Math.max(0, run.of.versions.length - 4) + index) % VERSION_COLOURS}` }, letter)))
      : make("code", {}, short(run.id));
    const name = make("span", { class: "name" }, run.agents ? "supervisor" : run.agent ?? "(no agent)", code);
    const sub = make("span", { class: run.why || run.outcome === "failed" ? "sub trouble" : "sub" }, summary(run));
    const mark = run.of ? make("span", { class: `swatch ${run.state}`, "aria-hidden": "true" }) : icon(run.verdict);
    const svg = make("svg", { role: "img", "aria-label": run.sentence });
    const row = make("div", { role: "row", class: run.of ? "row agent" : "row", id: `row-${index}`, "aria-rowindex": index + 1, "data-run": run.id },
      make("div", { role: "rowheader", class: "label" }, mark,
        make("div", {}, make("span", { class: "hidden" }, run.of ? "agent " : `${run.verdict}: `), name, sub)),
      make("div", { role: "gridcell", class: "track" }, svg));
    row.svg = svg;
    row.addEventListener("click", (event) => {
      if (wasDragged) return;
      setActive(index, false);
      open(run, event.target.sequence);
    });
    return row;
  }

  function tipped(element, ...words) {
    element.words = words;
    return element;
  }

  function drawTrack(svg, run) {
    const [low, high] = domain, width = trackWidth;
    const x = (uptime) => (scaled(run, uptime) - low) / (high - low) * width;
    const cut = (place) => Math.min(Math.max(place, -20), width + 20);
    const parts = [make("path", { class: "grid-lines", d: lines.map((at) => `M${at.toFixed(1)} 0V80`).join("") })];
    let covered = -Infinity;
    for (const stretch of run.stretches) {
      const [state, cause, attempt, start, , sequence, waits] = stretch;
      const from = cut(x(start)), to = cut(x(stretch.end));
      if (to < -10 || from > width + 10) continue;
      if (state === STOPPED) { parts.push(cap(run, from, stretch)); continue; }
      // What is thinner than a pixel and already covered is not drawn again.
      if (to - from < 1 && to < covered) continue;
      const wide = Math.max(to - from, 1.4), name = STATES[state];
      covered = from + wide;
      const bar = make("rect", { class: `bar ${name}`, x: from.toFixed(2), y: 7, width: wide.toFixed(2), height: 18, rx: Math.min(3, wide / 3).toFixed(1) });
      bar.sequence = sequence;
      const waited = waits.reduce((sum, [, begin, end]) => sum + end - begin, 0);
      tipped(bar, `${name}${attempt ? ` · attempt ${attempt}` : ""} · ${length(stretch.end - start)}`,
        `${cause || "–"}, from ${length(start)}`, waited ? `own work ${length(stretch.end - start - waited)}, waited ${length(waited)}` : "");
      parts.push(bar);
      for (const [what, begin, end] of waits) {
        const left = cut(x(begin)), right = cut(x(end));
        if (right - left < 0.8) continue;
        const wait = make("rect", { class: "wait", x: left.toFixed(2), y: 8, width: (right - left).toFixed(2), height: 16 });
        wait.sequence = sequence;
        parts.push(tipped(wait, `waits: ${what} · ${length(end - begin)}`, `in ${name}`));
      }
      const left = Math.max(from, 0), room = Math.min(to, width) - left;
      const version = versionName(run, stretch[7]), label = `${version ? `${version} ` : ""}${length(stretch.end - start)}`;
      if (version) bar.words.push(`version ${version} ${stretch[7]}${stretch[8] === null ? "" : `, worker ${stretch[8]}`}`);
      if (stretch[9]) bar.words.push(stretch[9]);
      const free = waits.length ? firstFree(stretch, x, left) : room;
      if (free > 7 * name.length + 12) {
        const text = free > 7 * (name.length + label.length) + 20 ? `${name} ${label}` : name;
        parts.push(make("text", { class: `bar-text on-${name}`, x: (left + 6).toFixed(1), y: 20 }, text));
      }
    }
    if (run.isOpen) parts.push(make("path", { class: "cap open", d: `M${(cut(x(run.end)) + 3).toFixed(1)} 7v18` }));
    for (const worker of run.workers) drawWorker(worker);
    for (const life of run.of?.lives ?? []) drawLife(life);
    for (const [start, end, error] of run.reloads) {
      const from = cut(x(start)), to = Math.max(cut(x(end ?? run.end)), from + 3);
      if (to < -10 || from > width + 10) continue;
      parts.push(tipped(make("path", { class: "reload", d: `M${from.toFixed(1)} 30v-2.5H${to.toFixed(1)}v2.5` }),
        `reload · ${length((end ?? run.end) - start)}`, error ?? ""));
    }
    let lastMark = -Infinity;
    for (const [sequence, uptime, , level, label] of run.marks) {
      const at = x(uptime);
      if (at < -8 || at > width + 8) continue;
      if (at - lastMark < 1.5 && level !== "error") continue;
      lastMark = at;
      const shape = level === "error" ? `M${at.toFixed(1)} 28l5 5-5 5-5-5z` : level === "warning"
        ? `M${at.toFixed(1)} 28.5l5 8.5h-10z` : `M${(at - 3).toFixed(1)} 30h6v6h-6z`;
      const mark = make("path", { class: `mark ${level}`, d: shape });
      mark.sequence = sequence;
      parts.push(tipped(mark, label, `at ${length(uptime)}`));
    }
    if (run.trouble !== null) {
      const at = x(run.trouble);
      if (at >= -8 && at <= width + 8) {
        parts.push(make("path", { class: "here", d: `M${at.toFixed(1)} 3v38` }));
        const head = make("path", { class: "here-head", d: `M${(at - 5).toFixed(1)} 0h10l-5 6z` });
        head.sequence = run.violation?.sequence;
        parts.push(tipped(head, run.verdict, run.why));
      }
    }
    svg.replaceChildren(...parts);

    /** A worker's process: thin while it boots, then as thick as it serves, in its version's colour. */
    function drawLife([worker, revision, pid, id, start, serves, end, lost, how, lane, sequence]) {
      const from = cut(x(start)), to = Math.max(cut(x(end ?? run.end)), from + 1);
      if (to < -10 || from > width + 10) return;
      const y = 29 + Math.min(lane, 2) * 7, index = versionOf(run, revision), ready = serves === null ? to : Math.min(to, Math.max(from, cut(x(serves))));
      const words = [`worker ${worker} · version ${versionName(run, revision)} ${revision} · ${length((end ?? run.end) - start)}`,
        serves === null ? "it never served" : `served after ${length(serves - start)}`,
        end === null ? "its end is not in the log" : `${lost ? "was lost" : "ended as asked"}${how ? `: ${how}` : ""}`,
        id ? `process ${pid}, run ${short(id)}` : `process ${pid}`];
      const add = (left, right, height) => {
        if (right - left < 0.2) return;
        const life = make("rect", { class: `life v${Math.max(0, index) % VERSION_COLOURS}`, x: left.toFixed(2), y: y + (5 - height) / 2, width: (right - left).toFixed(2), height, rx: 1 });
        life.sequence = sequence;
        parts.push(tipped(life, ...words));
      };
      add(from, ready, 2);
      add(ready, to, 5);
      if (to - Math.max(from, 0) > 16) parts.push(make("text", { class: "life-text", x: (Math.max(from, 0) + 3).toFixed(1), y: y + 5 }, versionName(run, revision)));
      if (lost) parts.push(make("rect", { class: "worker lost", x: (to - 1.5).toFixed(2), y: y - 1, width: 3, height: 7 }));
    }
    function drawWorker([pid, attempt, start, end, asked, how, lane]) {
      const from = cut(x(start)), to = Math.max(cut(x(end ?? run.end)), from + 1);
      if (to < -10 || from > width + 10) return;
      const y = 31 + Math.min(lane, 2) * 5;
      parts.push(tipped(make("rect", { class: "worker", x: from.toFixed(2), y, width: (to - from).toFixed(2), height: 3, rx: 1.5 }),
        `worker ${pid} · attempt ${attempt} · ${length((end ?? run.end) - start)}`, end === null ? "its end is not in the log" : `${asked ? "ended as asked" : "was lost"}${how ? `: ${how}` : ""}`));
      if (end !== null && !asked) {
        parts.push(make("rect", { class: "worker lost", x: (to - 1.5).toFixed(2), y: y - 2, width: 3, height: 7 }));
      }
    }
  }
  /** Pixels of a stretch before its first wait, from `left`. */
  function firstFree(stretch, x, left) {
    const next = stretch[6].map(([, begin]) => x(begin)).filter((at) => at > left);
    const isWaiting = stretch[6].some(([, begin, end]) => x(begin) <= left && x(end) > left + 4);
    return isWaiting ? 0 : Math.min(x(stretch.end), trackWidth, ...next) - left;
  }
  function cap(run, at, stretch) {
    const outcome = run.outcome ?? "clean";
    const shape = outcome === "clean" ? `M${at.toFixed(1)} 8v16` : outcome === "cut"
      ? `M${at.toFixed(1)} 8v16m4-16v16` : `M${(at + 2).toFixed(1)} 11l9 9m0-9l-9 9`;
    const path = make("path", { class: `cap ${outcome}`, d: shape });
    path.sequence = stretch[5];
    return tipped(path, `stopped · ${outcome}`, `${stretch[1]}, at ${length(stretch[3])}`);
  }

  function drawAxis() {
    const width = trackWidth, found = ticks(width);
    lines = found.map(({ x }) => x);
    const children = found.flatMap(({ x, text }) => x > width - 12 ? [] : [
      make("line", { x1: x, x2: x, y1: 20, y2: 30 }),
      make("text", { x: x + 3, y: 17 }, text)]);
    if (brush) children.push(make("rect", { class: "brush", x: Math.min(...brush), y: 0, width: Math.abs(brush[1] - brush[0]), height: 30 }));
    axis.replaceChildren(...children);
    get("axis-name").textContent = kind === "clock" ? `${wholeClock(domain[0]).slice(0, 10)} UTC`
      : kind === "log" ? "uptime (logarithmic)" : "uptime";
  }

  // MARK: Choosing a run

  function setActive(index, scrolls = true) {
    if (!shown.length) return;
    active = Math.min(Math.max(index, 0), shown.length - 1);
    if (scrolls) {
      const height = rowHeight(), top = active * height;
      if (top < grid.scrollTop) grid.scrollTop = top;
      else if (top + height > grid.scrollTop + grid.clientHeight) grid.scrollTop = top + height - grid.clientHeight;
    }
    drawNow();
  }
  function zoomTo(run) {
    const [from, to] = [scaled(run, kind === "clock" ? 0 : run.stretches[0]?.[3] ?? 0), scaled(run, run.end)];
    const margin = (to - from) * 0.03;
    show(from - margin, to + margin);
  }

  // MARK: One run

  const HIDDEN_FIELDS = new Set(["from", "to", "state"]);
  function brief(event, fields) {
    const parts = [];
    if (fields.to) parts.push(`→ ${fields.to}`);
    for (const [name, field] of Object.entries(fields)) {
      if (HIDDEN_FIELDS.has(name) || field === null || name === "config" || name === "detail" || name === "stack") continue;
      const text = value(field);
      parts.push(name === "error" || name === "message" || name === "cause" ? text : `${name} ${text}`);
      if (parts.join(" · ").length > 240) break;
    }
    return parts.join(" · ").replace(/\s+/g, " ");
  }

  function fact(name, text) {
    return text === null || text === undefined || text === "" ? null
      : make("div", {}, make("dt", {}, name), make("dd", {}, text));
  }

  function troubleBox(run) {
    if (!run.why) return null;
    const box = make("section", { class: run.verdict === "violates" || run.verdict === "corrupt" ? "trouble-box" : "trouble-box soft", "aria-label": "What is wrong" });
    const violation = run.violation;
    if (violation) {
      box.append(make("h3", {}, `${violation.event}, seq ${violation.sequence}: ${violation.problem}`),
        make("p", { class: "promise" }, make("code", {}, violation.promise), ` – ${violation.text}`),
        make("p", {}, `The state before was ${violation.state}${run.troublePlace ? `; the line is ${run.troublePlace}` : ""}.`));
      const witness = violation.witness;
      if (witness) {
        const run = runs.find((other) => other.id === witness.run);
        box.append(make("p", {}, `The worker's own log, run ${short(witness.run)}, seq ${witness.sequence}: ${witness.text}${witness.place ? ` (${witness.place})` : ""} `,
          run ? make("button", { type: "button", on: { click: () => { goTo(run); jump(witness.sequence); } } }, "Show that line") : null));
      }
      if (violation.missed !== null) box.append(make("p", {}, `Missed by ${length(violation.missed)}.`));
      if (violation.allowed.length) {
        box.append(make("p", {}, "What could have stood there:"), list(violation.allowed));
      }
    } else {
      box.append(make("h3", {}, run.verdict), make("p", {}, run.why), run.troublePlace ? make("p", {}, `The line is ${run.troublePlace}.`) : "");
    }
    if (run.repairs.length) box.append(make("p", {}, "What would mend the log:"), list(run.repairs));
    if (violation) {
      box.append(make("button", { type: "button", on: { click: () => jump(violation.sequence) } }, "Show the line"));
    }
    return box;
  }
  /** The workers of an agent; the button of one whose log is here shows its run. */
  function workerTable(row) {
    const head = ["worker", "version", "process", "from", "served after", "lived", "end"].map((name) => make("th", { scope: "col" }, name));
    const body = row.of.lives.slice(-200).map(([worker, revision, pid, id, start, serves, end, lost, how]) => {
      const run = id && runs.find((other) => other.id === id);
      return make("tr", {},
        make("th", { scope: "row" }, run ? make("button", { type: "button", title: `Show run ${id}`, on: { click: () => goTo(run) } }, `${worker}`) : `${worker}`),
        make("td", {}, make("b", { class: `letter v${Math.max(0, versionOf(row, revision)) % VERSION_COLOURS}` }, versionName(row, revision)), ` ${revision.slice(0, 6)}`),
        make("td", {}, `${pid}`), make("td", {}, length(start)), make("td", {}, serves === null ? "never" : length(serves - start)),
        make("td", {}, `${end === null ? "≥ " : ""}${length((end ?? row.end) - start)}`),
        make("td", { class: lost ? "lost-text" : "" }, end === null ? "not in the log" : how ?? (lost ? "lost" : "as asked")));
    });
    return make("table", { class: "lives" }, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body));
  }
  function goTo(run) {
    const index = shown.indexOf(run);
    if (index >= 0) setActive(index);
    open(run);
  }
  const list = (texts) => make("ul", {}, ...texts.map((text) => make("li", {}, text)));

  function stretchTable(run) {
    const longest = Math.max(1, ...run.stretches.map((stretch) => stretch.end - stretch[3]));
    const body = run.stretches.slice(0, 300).map((stretch) => {
      const [state, cause, attempt, start, end, , waits] = stretch;
      const took = stretch.end - start, waited = waits.reduce((sum, [, begin, until]) => sum + until - begin, 0);
      const name = STATES[state], share = (ms) => (ms / longest * 90).toFixed(1);
      const isEnd = state === STOPPED;
      const bar = make("svg", { class: "share", "aria-hidden": "true" },
        make("rect", { class: name, x: 0, y: 0, width: isEnd ? 0 : Math.max(share(took), 1), height: 10 }),
        make("rect", { class: "wait", x: share(took - waited), y: 0, width: share(waited), height: 10 }));
      return make("tr", {},
        make("th", { scope: "row" }, make("span", { class: `swatch ${name}` }), name, attempt ? ` ${attempt}` : ""),
        make("td", {}, [cause, versionName(run, stretch[7])].filter(Boolean).join(" · "),
          stretch[9] ? make("div", { class: "waits" }, stretch[9]) : null, waits.length ? make("div", { class: "waits" }, waits.slice(0, 5).map(([what, begin, until]) => `${what} ${length(until - begin)}`).join(", ")) : null),
        make("td", { class: "number" }, length(start)),
        make("td", { class: "number" }, isEnd ? "" : `${end === null ? "≥ " : ""}${length(took)}`),
        make("td", { class: "number" }, isEnd ? "" : length(Math.max(0, took - waited))),
        make("td", { class: "number" }, waited ? length(waited) : ""),
        make("td", {}, bar));
    });
    const head = ["state", "cause", "from", "took", "own work", "waited", ""].map((name, index) =>
      make("th", { scope: "col", class: index > 1 && index < 6 ? "number" : "" }, name || make("span", { class: "hidden" }, "share")));
    return make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body));
  }

  function eventItem(run, [sequence, uptime, event, level, fields]) {
    const isHere = run.violation?.sequence === sequence;
    const what = make("span", { class: "what" }, make("b", {}, event), make("span", {}, ` ${brief(event, fields)}`));
    const item = make("details", { class: `event ${level}${isHere ? " here" : ""}`, "data-sequence": sequence },
      make("summary", {}, make("time", {}, length(uptime)), make("span", { class: "dot", "aria-hidden": "true" }),
        make("span", { class: "hidden" }, level === "info" ? "" : `${level}: `), what));
    item.addEventListener("toggle", () => {
      if (item.querySelector("dl")) return;
      const entries = [["seq", sequence], ["wall clock", wholeClock(run.base + uptime)], ["level", level], ...Object.entries(fields)];
      item.append(make("dl", { class: "fields" }, ...entries.flatMap(([name, field]) =>
        [make("dt", {}, name), make("dd", {}, name === "config" ? JSON.stringify(field, null, 1) : value(field) ?? "")])));
    });
    return make("li", {}, item);
  }

  function open(run, sequence) {
    opened = run;
    const events = make("ul", { class: "events" });
    const levels = make("select", { "aria-label": "Which events", id: "levels" },
      make("option", { value: "all" }, "all"), make("option", { value: "trouble" }, "warnings and errors"));
    let room = EVENTS_SHOWN;
    const fill = () => {
      const kept = run.moments.filter(([, , , level]) => levels.value === "all" || level !== "info");
      const items = kept.slice(0, room).flatMap((moment) =>
        [run.leftOut > 0 && moment[0] === run.gapAt ? make("li", { class: "gap" }, `${plural(run.leftOut, "event")} not kept`) : null, eventItem(run, moment)]).filter(Boolean);
      events.replaceChildren(...items);
      if (kept.length > room) {
        events.append(make("li", { class: "gap" }, make("button", { type: "button", on: { click: () => { room += EVENTS_SHOWN; fill(); } } }, `${plural(kept.length - room, "more event")}`)));
      }
      if (run.moments.length === 0) events.append(make("li", { class: "gap" }, "The events of this run are not in this page: it has as many as it may hold."));
    };
    detail.reveal = (wanted) => {
      const index = run.moments.findIndex(([number]) => number === wanted);
      if (index < 0) return null;
      levels.value = "all";
      room = Math.max(room, index + 20);
      fill();
      return detail.querySelector(`[data-sequence="${wanted}"]`);
    };
    levels.addEventListener("change", fill);
    fill();
    const due = run.due.map(([what, at]) => `${what} at ${length(at)}`).join(", ");
    const versions = run.of?.versions.map(([letter, revision, deployment]) => `${letter} ${revision}${deployment ? ` (${deployment})` : ""}`).join(", ");
    const others = [plural(run.requests, "request"), plural(run.output, "line") + " of the agent"].join(", ");
    detail.replaceChildren(
      make("div", { class: "detail-head" },
        make("div", {}, make("h2", {}, icon(run.verdict), run.agents ? "supervisor" : run.agent ?? "(no agent)", make("span", { class: "hidden" }, `, ${run.verdict}`)), make("code", {}, run.parent?.id ?? run.id)),
        make("button", { type: "button", on: { click: () => zoomTo(run) }, title: "Zoom to this run (z)" }, "Zoom"),
        make("button", { type: "button", id: "close", "aria-label": "Close", title: "Close (Esc)", on: { click: close } }, "✕")),
      troubleBox(run) ?? "",
      make("dl", { class: "facts" }, ...(run.of ? [
        fact("state", run.state), fact("versions", versions), fact("up", length(run.of.served)), fact("down", run.of.down ? length(run.of.down) : null),
        fact("changes", run.of.changes || null), fact("failed changes", run.of.failedChanges || null), fact("losses", run.of.losses || null),
      ] : [
        fact("verdict", run.verdict), fact("outcome", run.outcome ?? `the log ends in ${run.state}`), fact("why not judged by --strict", run.excuse),
        fact("agents", run.agents?.length), fact("settled after", run.agents && run.settle !== null ? length(run.settle) : null),
        fact("lived", length(run.end)), fact("boot", run.boot === null ? null : length(run.boot)),
        fact("restarts", run.restarts || null), fact("due next", run.verdict === "incomplete" ? due : null), fact("package", run.package), fact("deployment", run.deployment),
        fact("started", wholeClock(run.base)), fact("lines", `${run.lines.toLocaleString("en")} (${others})`), fact("first line", run.place),
      ]).filter(Boolean)),
      make("h3", {}, "Where the time went"), stretchTable(run),
      ...(run.of?.lives.length ? [make("h3", {}, "Its workers"), workerTable(run)] : []),
      make("h3", {}, "Events", levels), events);
    detail.hidden = false;
    detail.scrollTop = 0;
    detail.setAttribute("aria-label", `Run ${run.id}`);
    detail.focus({ preventScroll: true });
    draw();
    if (sequence) jump(sequence, false);
  }
  function jump(sequence, opens = true) {
    const item = detail.reveal?.(sequence);
    if (!item) return;
    item.open = true;
    item.scrollIntoView({ block: "center" });
    if (opens) item.querySelector("summary").focus();
  }
  function close() {
    if (detail.hidden) return;
    detail.hidden = true;
    opened = null;
    grid.focus();
    draw();
  }

  // MARK: Mouse and touch

  let brush = null, drag = null, wasDragged = false;
  const pointers = new Map();
  const trackLeft = () => axis.getBoundingClientRect().left || grid.getBoundingClientRect().left;

  grid.addEventListener("scroll", () => draw(), { passive: true });
  grid.addEventListener("wheel", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) {
      event.preventDefault();
      zoom(1.0025 ** event.deltaY, (event.clientX - trackLeft()) / trackWidth);
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      move((event.deltaX || event.deltaY) / trackWidth);
    }
  }, { passive: false });
  axis.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(1.0025 ** event.deltaY, (event.clientX - trackLeft()) / trackWidth);
  }, { passive: false });

  grid.addEventListener("pointerdown", (event) => {
    wasDragged = false;
    if (!event.target.closest(".track") || event.button !== 0) return;
    pointers.set(event.pointerId, event.clientX);
    drag = { x: event.clientX, domain, spread: spread() };
  });
  const spread = () => {
    const places = [...pointers.values()];
    return places.length > 1 ? Math.max(20, Math.abs(places[0] - places[1])) : null;
  };
  window.addEventListener("pointermove", (event) => {
    if (pointers.has(event.pointerId)) pointers.set(event.pointerId, event.clientX);
    if (drag && pointers.has(event.pointerId)) {
      const span = drag.domain[1] - drag.domain[0], now = spread();
      if (now && drag.spread) {
        const middle = ([...pointers.values()].reduce((sum, x) => sum + x, 0) / pointers.size - trackLeft()) / trackWidth;
        const place = drag.domain[0] + span * middle, size = span * drag.spread / now;
        wasDragged = true;
        show(place - size * middle, place + size * (1 - middle));
      } else if (wasDragged || Math.abs(event.clientX - drag.x) > 4) {
        if (!wasDragged && event.pointerType === "mouse") grid.setPointerCapture?.(event.pointerId);
        wasDragged = true;
        grid.classList.add("panning");
        const by = (drag.x - event.clientX) / trackWidth * span;
        show(drag.domain[0] + by, drag.domain[1] + by);
      }
    }
    hover(event);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    window.addEventListener(name, (event) => {
      pointers.delete(event.pointerId);
      drag = null;
      grid.classList.remove("panning");
    });
  }
  grid.addEventListener("dblclick", (event) => { if (event.target.closest(".track")) fit(); });

  function hover(event) {
    const isInside = event.target instanceof Element && (event.target.closest(".track") || event.target === axis);
    const words = event.target.words;
    tip.hidden = !words || wasDragged && drag !== null;
    if (words) {
      const [first, ...more] = words.filter(Boolean);
      tip.replaceChildren(make("b", {}, first), ...more.map((text) => make("span", {}, text.length > 300 ? `${text.slice(0, 300)}…` : text)));
      const box = tip.getBoundingClientRect();
      tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - box.width - 8))}px`;
      tip.style.top = `${event.clientY + 22 + box.height > innerHeight ? event.clientY - box.height - 12 : event.clientY + 18}px`;
    }
    cursor.hidden = !isInside || event.pointerType === "touch" || axis.clientWidth === 0;
    if (!cursor.hidden) {
      const x = event.clientX - trackLeft(), place = unscaled(domain[0] + (domain[1] - domain[0]) * x / trackWidth);
      cursor.style.left = `${event.clientX - get("main").getBoundingClientRect().left}px`;
      cursor.classList.toggle("left", x > trackWidth - 110);
      cursor.firstElementChild.textContent = kind === "clock" ? clock(place, true) : length(Math.max(0, place));
    }
  }
  document.addEventListener("pointerleave", () => { tip.hidden = cursor.hidden = true; });

  axis.addEventListener("pointerdown", (event) => {
    axis.setPointerCapture(event.pointerId);
    const x = event.clientX - trackLeft();
    brush = [x, x];
  });
  axis.addEventListener("pointermove", (event) => {
    if (!brush) return;
    brush[1] = event.clientX - trackLeft();
    drawAxis();
  });
  axis.addEventListener("pointerup", () => {
    if (!brush) return;
    const [from, to] = brush.map((x) => domain[0] + (domain[1] - domain[0]) * x / trackWidth).sort((a, b) => a - b);
    const isWide = Math.abs(brush[1] - brush[0]) > 6;
    brush = null;
    isWide ? show(from, to) : drawAxis();
  });
  axis.addEventListener("dblclick", fit);

  // MARK: Keyboard

  grid.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(grid.clientHeight / rowHeight()) - 1);
    const acts = {
      ArrowDown: () => setActive(active + 1), ArrowUp: () => setActive(active - 1),
      PageDown: () => setActive(active + page), PageUp: () => setActive(active - page),
      Home: () => setActive(0), End: () => setActive(shown.length - 1),
      ArrowLeft: () => move(-0.1), ArrowRight: () => move(0.1),
      Enter: () => shown[active] && open(shown[active]), " ": () => shown[active] && open(shown[active]),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  });
  document.addEventListener("keydown", (event) => {
    const isTyping = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "Escape" && !get("keys").open) {
      if (!detail.hidden) return close();
      if (event.target === get("search")) { event.target.value = ""; choose(); }
      grid.focus();
      return;
    }
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey || get("keys").open) return;
    const acts = {
      "/": () => get("search").focus(), "?": () => get("keys").showModal(), "+": () => zoom(0.6), "=": () => zoom(0.6),
      "-": () => zoom(1 / 0.6), "0": fit, z: () => shown[active] && zoomTo(shown[active]), n: nextTrouble,
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  });
  function nextTrouble() {
    const isTrouble = (run) => run.verdict !== "conforms" || run.outcome === "failed";
    for (let step = 1; step <= shown.length; step++) {
      const index = (active + step) % shown.length;
      if (!isTrouble(shown[index])) continue;
      setActive(index);
      if (opened) open(shown[index]);
      return;
    }
  }

  // MARK: Controls

  get("zoom-in").addEventListener("click", () => zoom(0.6));
  get("zoom-out").addEventListener("click", () => zoom(1 / 0.6));
  get("fit").addEventListener("click", fit);
  get("help").addEventListener("click", () => get("keys").showModal());
  get("search").addEventListener("input", () => { active = 0; grid.scrollTop = 0; choose(); });
  get("sort").addEventListener("change", () => { grid.scrollTop = 0; choose(); });
  get("axis-kind").addEventListener("change", (event) => setKind(event.target.value));
  function setKind(name) {
    kind = name;
    get("axis-kind").value = name;
    measure();
    fit();
  }
  const themes = ["auto", "light", "dark"];
  get("theme").addEventListener("click", () => {
    const next = themes[(themes.indexOf(document.documentElement.dataset.theme ?? "auto") + 1) % themes.length];
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    get("theme").textContent = `Theme: ${next}`;
  });
  new ResizeObserver(() => draw()).observe(grid);
  window.addEventListener("beforeprint", () => drawNow(true));
  window.addEventListener("afterprint", () => drawNow());
  window.addEventListener("hashchange", fromAddress);
  function fromAddress() {
    const id = decodeURIComponent(location.hash.replace(/^#run=/, ""));
    const index = id ? shown.findIndex((run) => run.id === id) : -1;
    if (index < 0) return;
    setActive(index);
    open(shown[index]);
  }

  function begin() {
    const counts = totals.runs;
    const names = VERDICTS.filter((verdict) => counts[verdict]);
    for (const verdict of names) {
      const chip = make("button", { type: "button", class: "chip", "aria-pressed": "true", "data-verdict": verdict },
        icon(verdict), verdict, " ", make("b", {}, counts[verdict].toLocaleString("en")));
      chip.addEventListener("click", () => {
        const others = names.filter((name) => name !== verdict);
        const isAlone = shownVerdicts.has(verdict) && others.every((name) => !shownVerdicts.has(name));
        for (const name of names) isAlone || name === verdict ? shownVerdicts.add(name) : shownVerdicts.delete(name);
        for (const other of get("chips").children) other.setAttribute("aria-pressed", shownVerdicts.has(other.dataset.verdict));
        choose();
      });
      get("chips").append(chip);
    }
    const count = Object.values(counts).reduce((sum, number) => sum + number, 0);
    const words = [plural(count, "run"), plural(totals.lines, "line")];
    if (totals.foreign) words.push(plural(totals.foreign, "line") + " of others");
    if (totals.corrupt) words.push(plural(totals.corrupt, "unreadable line"));
    get("subtitle").textContent = words.join(" · ");
    const notes = [];
    if (totals.leftOut) notes.push(`${plural(totals.leftOut, "run")} left out: a page holds ${totals.limit.toLocaleString("en")} and the counts above are of all of them.`);
    if (totals.withoutEvents) notes.push(`${plural(totals.withoutEvents, "run")} without events: the page holds as many as it may.`);
    if (totals.firstCorrupt) notes.push(`Unreadable: ${totals.firstCorrupt}`);
    if (!count) notes.push("There is no run in the input.");
    get("note").textContent = notes.join(" ");
    get("note").hidden = !notes.length;

    const swatch = (...shapes) => make("svg", { "aria-hidden": "true" }, ...shapes);
    const box = (name) => make("rect", { class: name, x: 1, y: 1, width: 14, height: 10, rx: 2 });
    const legend = [...STATES.slice(0, 6).map((name) => [swatch(box(`bar ${name}`)), name]),
      [swatch(box("bar ready"), box("wait")), "waits"],
      [swatch(make("rect", { class: "worker", x: 0, y: 5, width: 16, height: 3 })), "worker"],
      [swatch(make("path", { class: "reload", d: "M2 9V4H14V9" })), "reload"],
      [swatch(make("path", { class: "mark warning", d: "M8 1.5l5 8.5H3z" })), "warning"],
      [swatch(make("path", { class: "mark error", d: "M8 1l5 5-5 5-5-5z" })), "error"],
      [swatch(make("path", { class: "cap failed", d: "M4 2l8 8m0-8l-8 8" })), "failed"]];
    if (runs.some((run) => run.agents)) {
      legend.push(...["booting", "restarting"].map((name) => [swatch(box(`bar ${name}`)), `agent ${name}`]), [swatch(box("bar failed")), "agent failed"],
        ...["A", "B", "C"].map((letter, index) => [swatch(make("rect", { class: `life v${index}`, x: 0, y: 3, width: 16, height: 6, rx: 1 })), `version ${letter}`]));
    }
    get("legend").append(...legend.map(([shape, name]) => make("li", {}, shape, name)));

    // A boot is lost beside a long life on a straight axis.
    const ends = runs.map((run) => run.end).sort((a, b) => a - b);
    const boots = runs.map((run) => run.boot).filter((boot) => boot !== null).sort((a, b) => a - b);
    // Workers stand below their supervisor, each at its own time.
    if (runs.some((run) => run.agents)) kind = get("axis-kind").value = "clock";
    else if (boots.length && ends.at(-1) > 60 * boots[boots.length >> 1]) kind = get("axis-kind").value = "log";
    measure();
    domain = whole;
    choose();
    drawNow();
    fromAddress();
    document.documentElement.dataset.ready = "";
  }
  begin();
})();
