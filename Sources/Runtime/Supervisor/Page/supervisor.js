// The page of the supervisor. What comes from the network is put in as text, never as HTML.
"use strict";
(() => {
  // How often the fleet is asked for, how long an answer may take (ms), and how much is kept.
  const POLL = 2000, PATIENCE = 8000, KEPT_LINES = 1000, KEPT_POINTS = 60, TAIL = 200;
  const STATES = ["failed", "restarting", "booting", "draining", "stopped", "ready"];
  const PHASES = ["fetch", "verify", "install", "load"];
  const LEVELS = ["debug", "info", "warning", "error"];
  const TOKEN_KEY = "par-supervisor-token";
  // Of the log's members, those that every line has or that stand elsewhere in it.
  const QUIET = new Set(["timestamp", "level", "event", "seq", "run_id", "agentAppId", "deploymentId", "uptime_ms", "agent", "state", "config"]);

  const get = (id) => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";

  // MARK: Elements

  function fill(element, facts, children) {
    for (const [name, value] of Object.entries(facts ?? {})) {
      if (value === undefined || value === null || value === false) continue;
      if (name === "text") element.textContent = value;
      else if (name === "on") for (const [kind, act] of Object.entries(value)) element.addEventListener(kind, act);
      else element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  }
  const make = (name, facts, ...children) => fill(document.createElement(name), facts, children);
  const draw = (name, facts, ...children) => fill(document.createElementNS(SVG, name), facts, children);
  const icon = (state) => {
    const known = STATES.includes(state) ? state : "stopped";
    const turns = known === "booting" || known === "restarting";
    return draw("svg", { class: turns ? "icon turn" : "icon", "aria-hidden": "true" }, draw("use", { href: `#icon-${known}` }));
  };
  const setText = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };
  const setClass = (element, name) => {
    if (element.className !== name) element.className = name;
  };
  /// Replaces what an element holds, but only when it is to look different: focus and selection stay.
  function renew(element, key, children) {
    const text = JSON.stringify(key);
    if (element.dataset.key === text) return;
    element.dataset.key = text;
    element.replaceChildren(...children().filter(Boolean));
  }

  // MARK: Words

  const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
  function length(ms) {
    if (ms === null || ms === undefined || !Number.isFinite(ms)) return "–";
    if (ms < 0) return "0 ms";
    if (ms < 10) return `${Number(ms.toFixed(1))} ms`;
    if (ms < 1000) return `${Math.round(ms)} ms`;
    if (ms < 10e3) return `${(ms / 1000).toFixed(2)} s`;
    return age(ms);
  }
  function age(ms) {
    const s = Math.max(0, Math.floor(ms / 1000));
    if (s < 60) return `${s} s`;
    if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
    if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
    return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
  }
  const bytes = (count) =>
    !Number.isFinite(count) ? "–" : count < 1e6 ? `${Math.round(count / 1e3)} kB` : count < 1e9 ? `${Math.round(count / 1e6)} MB` : `${(count / 1e9).toFixed(2)} GB`;
  const clock = (time) => new Date(time).toLocaleTimeString([], { hour12: false });
  const word = (value) => (typeof value === "string" ? value : "");
  const shown = (version) => [word(version?.name), word(version?.version)].filter(Boolean).join(" ");
  const sum = (phases) => PHASES.reduce((total, name) => total + (phases?.[name] ?? 0), 0);
  /// The worker that an agent has: the one that serves, or without one the one that is to.
  const workerOf = (agent) => {
    const workers = agent.workers ?? [];
    return workers.find((one) => one.role === "active") ?? workers.find((one) => one.role === "target") ?? null;
  };
  /// Of a worker that boots, as far as it came.
  const bootTime = (worker) => (worker ? worker.boot_ms ?? sum(worker.phases_ms) : 0);
  const micro = (count) => (Number.isFinite(count) ? length(count / 1000) : "–");

  // MARK: What is known

  let fleet = null, agents = [], answeredAt = 0, skew = 0;
  // The agent whose details are shown; and one that is to be chosen as soon as it is there.
  let chosen = null, awaited = null, hiddenStates = new Set(), stale = false;
  let token = sessionStorage.getItem(TOKEN_KEY);
  const traffic = new Map(); // agent -> {at, requests, points}
  const now = () => Date.now() + skew;

  // MARK: Asking

  class Refusal extends Error {
    constructor(status, body) {
      super(word(body?.error) || `the supervisor answered ${status}`);
      this.status = status;
      this.problems = Array.isArray(body?.problems) ? body.problems : [];
    }
  }
  async function ask(path, { method = "GET", body, fields = {} } = {}) {
    const headers = { Accept: "application/json", ...fields };
    if (token) headers.Authorization = `Bearer ${token}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const answer = await fetch(path, {
      method, headers, cache: "no-store", redirect: "error", signal: AbortSignal.timeout(PATIENCE),
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    let value = null;
    try { value = JSON.parse(text); } catch { /* an answer of something between us and the supervisor */ }
    if (!answer.ok) throw new Refusal(answer.status, value);
    return { value, etag: answer.headers.get("ETag") };
  }

  let timer = 0, asking = false, again = false;
  async function refresh() {
    if (asking) { again = true; return; }
    asking = true;
    clearTimeout(timer);
    const begun = Date.now();
    try {
      // Open to everyone; with the token its reasons are whole.
      const { value } = await ask("fleet");
      if (!value) throw new Error("the supervisor's answer cannot be read");
      take(value, (begun + Date.now()) / 2);
    } catch (error) {
      lose(error);
    }
    asking = false;
    clearTimeout(timer);
    if (again) { again = false; soon(); } else if (!document.hidden) timer = setTimeout(refresh, POLL);
  }
  let soonTimer = 0;
  /// After an event of the log; many at once ask once.
  const soon = () => { soonTimer ||= setTimeout(() => { soonTimer = 0; refresh(); }, 120); };

  function take(answer, at) {
    skew = Date.parse(answer.now) - at || 0;
    answeredAt = Date.now();
    if (stale) {
      stale = false;
      document.body.classList.remove("stale");
      get("lost").hidden = true;
      say("Connection is back.");
    }
    const before = fleet && new Map(agents.map((agent) => [agent.agent_app_id, agent]));
    fleet = answer;
    agents = Array.isArray(answer.agents) ? answer.agents : [];
    measure();
    if (before) tellChanges(before);
    if (awaited && agents.some((agent) => agent.agent_app_id === awaited)) {
      const id = awaited;
      awaited = null;
      choose(id, false);
    }
    render();
  }

  function lose(error) {
    if (!answeredAt || stale) {
      setText(get("subtitle"), answeredAt ? get("subtitle").textContent : "The supervisor does not answer.");
    }
    if (!stale) {
      stale = true;
      document.body.classList.add("stale");
      const since = answeredAt ? `What you see is from ${clock(answeredAt)}. ` : "";
      get("lost").replaceChildren(make("span", { text: `Connection lost: ${reasonOf(error)}. ${since}Trying again.` }));
      get("lost").hidden = false;
    }
    showLink();
  }
  const reasonOf = (error) =>
    error.name === "TimeoutError" ? "no answer in time" : error instanceof TypeError ? "the supervisor cannot be reached" : error.message;

  /// Requests a second, from what was counted between two answers.
  function measure() {
    const at = performance.now();
    for (const agent of agents) {
      const count = agent.traffic?.requests ?? 0;
      let seen = traffic.get(agent.agent_app_id);
      if (!seen) traffic.set(agent.agent_app_id, seen = { at, requests: count, points: [] });
      const seconds = (at - seen.at) / 1000;
      if (seconds < 0.8) continue;
      // A count that went back was begun anew.
      seen.points.push(Math.max(0, count - seen.requests) / seconds);
      if (seen.points.length > KEPT_POINTS) seen.points.shift();
      Object.assign(seen, { at, requests: count });
    }
    const ids = new Set(agents.map((agent) => agent.agent_app_id));
    for (const id of traffic.keys()) if (!ids.has(id)) traffic.delete(id);
  }

  // MARK: Telling

  let told = [], tellTimer = 0;
  /// The live region: what changed within a second is one sentence.
  function say(sentence) {
    told.push(sentence);
    tellTimer ||= setTimeout(() => {
      tellTimer = 0;
      get("status").textContent = told.length > 3 ? `${told.length} changes. ${told.at(-1)}` : told.join(" ");
      told = [];
    }, 1000);
  }
  function tellChanges(before) {
    for (const agent of agents) {
      const was = before.get(agent.agent_app_id);
      before.delete(agent.agent_app_id);
      if (!was) say(`${agent.agent_app_id} is new, ${agent.state}.`);
      else if (was.state !== agent.state) say(`${agent.agent_app_id} is ${agent.state}${agent.state === "failed" && agent.reason ? `: ${agent.reason}` : ""}.`);
      else if (agent.target?.state === "failed" && was.target?.state !== "failed") say(`The new version of ${agent.agent_app_id} failed.`);
      else if (was.active?.revision !== agent.active?.revision && was.active) say(`${agent.agent_app_id} serves another version.`);
    }
    for (const id of before.keys()) say(`${id} is gone.`);
  }
  function notice(sentence, kind) {
    get("notice").dataset.kind = kind;
    setText(get("notice-text"), sentence);
    get("notice").hidden = false;
  }
  get("notice-close").addEventListener("click", () => { get("notice").hidden = true; });

  // MARK: The table

  const troubleRank = (agent) => {
    const rank = STATES.indexOf(agent.state);
    return agent.state === "ready" && agent.target ? (agent.target.state === "failed" ? 0.5 : 4.5) : rank < 0 ? 4 : rank;
  };
  const ORDERS = {
    name: () => 0,
    trouble: (a, b) => troubleRank(a) - troubleRank(b),
    recent: (a, b) => Date.parse(b.since) - Date.parse(a.since),
    latency: (a, b) => (b.traffic?.p99_us ?? 0) - (a.traffic?.p99_us ?? 0),
    traffic: (a, b) => rate(b) - rate(a),
    memory: (a, b) => (workerOf(b)?.rss_bytes ?? 0) - (workerOf(a)?.rss_bytes ?? 0),
    boot: (a, b) => bootTime(workerOf(b)) - bootTime(workerOf(a)),
  };
  const rate = (agent) => traffic.get(agent.agent_app_id)?.points.at(-1) ?? 0;
  const byName = (a, b) => (a.agent_app_id < b.agent_app_id ? -1 : a.agent_app_id > b.agent_app_id ? 1 : 0);

  const rows = new Map();
  function newRow(id) {
    const parts = {
      name: make("button", { class: "open", type: "button", text: id, on: { click: (event) => { event.stopPropagation(); choose(id, true); } } }),
      deployment: make("span", { class: "sub" }), state: make("span"), since: make("span", { class: "sub" }),
      reason: make("span", { class: "sub trouble" }), version: make("div", { class: "version" }), boot: make("div", { class: "boot" }),
      restarts: make("div"), traffic: make("div", { class: "traffic" }), latency: make("div"), tail: make("span", { class: "sub" }),
      memory: make("div"), cpu: make("span", { class: "sub" }),
    };
    const cell = (name, ...children) => make("td", { role: "cell", class: name }, ...children);
    const row = make("tr", { role: "row", "data-agent": id, on: { click: () => { if (!String(getSelection())) choose(id, false); } } },
      make("th", { role: "rowheader", scope: "row" }, parts.name, parts.deployment),
      cell(null, parts.state, parts.since, parts.reason), cell(null, parts.version), cell(null, parts.boot),
      cell("number", parts.restarts), cell(null, parts.traffic), cell("number", parts.latency, parts.tail), cell("number", parts.memory, parts.cpu));
    row.addEventListener("animationend", () => row.classList.remove("changed"));
    return { row, parts, state: null };
  }

  const badge = (state) => [icon(state), make("span", { text: state })];
  const sinceText = (agent) => `for ${age(now() - Date.parse(agent.since))}`;

  function bootBars(element, worker, longest) {
    const phases = worker?.phases_ms, total = bootTime(worker);
    renew(element, [phases ?? null, total, longest, worker?.phase ?? null], () => {
      if (!phases || !total) return [make("span", { class: "soft", text: "–" })];
      const words = PHASES.filter((name) => phases[name] > 0).map((name) => `${name} ${length(phases[name])}`).join(", ");
      const track = make("span", { class: "track", role: "img", "aria-label": `Boot by phase: ${words}`, title: words });
      for (const name of PHASES) {
        if (!(phases[name] > 0)) continue;
        const part = make("span", { class: name });
        part.style.width = `${(100 * phases[name]) / Math.max(longest, 1)}%`;
        track.append(part);
      }
      const running = worker.boot_ms === null && word(worker.phase);
      return [track, make("b", { class: "number" }, make("span", { text: length(total) }), running ? make("span", { class: "sub", text: `${running} …` }) : null)];
    });
  }

  function sparkline(element, agent) {
    const points = traffic.get(agent.agent_app_id)?.points ?? [];
    const inFlight = agent.traffic?.in_flight ?? 0, perSecond = points.at(-1);
    renew(element, [points, inFlight], () => {
      const top = Math.max(1, ...points), step = 100 / (KEPT_POINTS - 1), start = 100 - step * (points.length - 1);
      const line = points.map((value, index) => `${(start + index * step).toFixed(2)} ${(23 - (21 * value) / top).toFixed(2)}`).join("L");
      const words = perSecond === undefined ? "–" : `${perSecond < 10 ? Number(perSecond.toFixed(1)) : Math.round(perSecond)}/s`;
      return [
        draw("svg", { class: "spark", viewBox: "0 0 100 24", preserveAspectRatio: "none", "aria-hidden": "true" },
          points.length > 1 && Math.max(...points) > 0 ? draw("path", { class: "under", d: `M${start.toFixed(2)} 24L${line}L100 24Z` }) : null,
          points.length > 1 ? draw("path", { d: `M${line}` }) : null),
        make("span", {}, make("span", { text: words }), make("span", { class: "sub", text: `${inFlight} in flight` })),
      ];
    });
  }

  function versionLines(agent) {
    const target = agent.target;
    const lines = [make("code", { text: agent.active ? word(agent.active.revision) : "–" })];
    if (shown(agent.active)) lines.unshift(make("span", { class: "sub", text: shown(agent.active) }));
    if (target) {
      lines.push(make("span", { class: "sub" }, make("span", { class: `target s-${target.state}` },
        icon(target.state), make("span", { text: target.state === "failed" ? `${word(target.revision)} failed` : `to ${word(target.revision)}, ${target.state}` }))));
    }
    return lines;
  }

  // An end of a version that failed beside the one that serves is none.
  const restartCount = (agent) => (agent.restarts?.recent ?? []).filter((one) => one.will_restart).length + (workerOf(agent)?.restarts ?? 0);

  function updateRow(entry, agent, longest) {
    const { parts, row } = entry;
    setText(parts.deployment, word(agent.deployment_id));
    setClass(parts.state, `state s-${agent.state}`);
    renew(parts.state, agent.state, () => badge(agent.state));
    setText(parts.since, sinceText(agent));
    const reason = agent.state !== "ready" ? word(agent.reason) : agent.target?.state === "failed" ? `${word(agent.target.reason)}` : "";
    setText(parts.reason, reason);
    parts.reason.hidden = !reason;
    renew(parts.version, [agent.active ?? null, agent.target ?? null], () => versionLines(agent));
    const worker = workerOf(agent), traffic = agent.traffic ?? {};
    bootBars(parts.boot, worker, longest);
    const restarts = restartCount(agent);
    setText(parts.restarts, String(restarts));
    setClass(parts.restarts, restarts ? "hot" : "soft");
    sparkline(parts.traffic, agent);
    setText(parts.latency, micro(traffic.p50_us));
    setText(parts.tail, Number.isFinite(traffic.p99_us) ? `p99 ${micro(traffic.p99_us)}` : "");
    setText(parts.memory, worker ? bytes(worker.rss_bytes) : "–");
    setText(parts.cpu, Number.isFinite(worker?.cpu_seconds) ? `${worker.cpu_seconds.toFixed(1)} s CPU` : "");
    row.classList.toggle("active", chosen === agent.agent_app_id);
    if (chosen === agent.agent_app_id) parts.name.setAttribute("aria-current", "true");
    else parts.name.removeAttribute("aria-current");
    if (entry.state && entry.state !== agent.state) row.classList.add("changed");
    entry.state = agent.state;
  }

  function fits(agent, text) {
    if (hiddenStates.has(agent.state)) return false;
    if (!text) return true;
    return [agent.agent_app_id, agent.deployment_id, agent.state, agent.reason, agent.target?.reason, agent.active?.revision,
      agent.target?.revision, shown(agent.active)]
      .some((value) => word(value).toLowerCase().includes(text));
  }

  function render() {
    const supervisor = fleet.supervisor ?? {};
    setText(get("subtitle"), [
      word(supervisor.state), plural(agents.length, "agent"), `up ${age(supervisor.uptime_ms ?? 0)}`,
      word(supervisor.version), supervisor.isolation ? `isolation: ${supervisor.isolation}` : "",
    ].filter(Boolean).join(" · "));
    document.title = title();
    showLink();
    showToken();
    renderConfig(supervisor.config);
    renderChips();
    const order = ORDERS[get("sort").value] ?? ORDERS.name, text = get("search").value.trim().toLowerCase();
    const list = agents.filter((agent) => fits(agent, text)).sort((a, b) => order(a, b) || byName(a, b));
    const longest = Math.max(...agents.map((agent) => bootTime(workerOf(agent))), 1);
    const body = get("rows"), ids = new Set(list.map((agent) => agent.agent_app_id));
    for (const [id, entry] of rows) {
      if (ids.has(id)) continue;
      entry.row.remove();
      rows.delete(id);
    }
    list.forEach((agent, place) => {
      let entry = rows.get(agent.agent_app_id);
      if (!entry) rows.set(agent.agent_app_id, entry = newRow(agent.agent_app_id));
      updateRow(entry, agent, longest);
      if (body.children[place] !== entry.row) body.insertBefore(entry.row, body.children[place] ?? null);
    });
    get("agents").hidden = agents.length === 0;
    document.querySelector(".bar").hidden = agents.length === 0;
    get("none").hidden = agents.length === 0 || list.length > 0;
    get("empty").hidden = agents.length > 0;
    if (!agents.length) renderEmpty(supervisor);
    renderDetail();
    renderLogAgents();
    document.documentElement.dataset.ready = "";
  }

  function renderConfig(config) {
    const problem = word(config?.problem);
    get("config").hidden = !problem;
    if (problem) setText(get("config-text"), `The configuration found last is not in force: ${problem}`);
  }

  function title() {
    const bad = agents.filter((agent) => agent.state === "failed").length;
    return `${bad ? `(${bad} failed) ` : ""}par-lifecycle supervisor`;
  }

  function renderChips() {
    const counts = new Map(STATES.map((state) => [state, 0]));
    for (const agent of agents) counts.set(agent.state, (counts.get(agent.state) ?? 0) + 1);
    const list = [...counts].filter(([, count]) => count);
    for (const state of [...hiddenStates]) if (!counts.get(state)) hiddenStates.delete(state);
    // Buttons stay the same elements, so that the focus stays on them.
    const box = get("chips"), old = new Map([...box.children].map((chip) => [chip.dataset.state, chip]));
    for (const [state, chip] of old) if (!counts.get(state)) chip.remove();
    list.forEach(([state, count], place) => {
      const chip = old.get(state) ?? make("button", { type: "button", class: `chip s-${state}`, "data-state": state, on: { click: () => toggle(state) } },
        icon(state), make("span", { text: state }), make("b"));
      setText(chip.lastChild, String(count));
      chip.setAttribute("aria-pressed", String(!hiddenStates.has(state)));
      if (box.children[place] !== chip) box.insertBefore(chip, box.children[place] ?? null);
    });
  }
  function toggle(state) {
    if (!hiddenStates.delete(state)) hiddenStates.add(state);
    render();
  }

  function renderEmpty(supervisor) {
    setText(get("empty-address"), new URL("agents", location.href).href);
    setText(get("empty-lead"), supervisor.admin === false
      ? "This supervisor was started with neither SUPERVISOR_CONFIG nor SUPERVISOR_TOKEN, or with an empty list. There are two ways to give it something to do:"
      : token ? "Deploy the first one with the button above, or list agents in a file:" : "Sign in to deploy the first one here, or list agents in a file:");
    document.querySelector(".bar").hidden = !token;
  }

  // MARK: The chosen agent

  let detailParts = null, opener = null;
  function choose(id, withFocus) {
    if (id === chosen) return withFocus && id ? get("detail").focus() : undefined;
    const last = chosen;
    chosen = id;
    detailParts = null;
    get("detail").hidden = !id;
    document.body.classList.toggle("detailed", Boolean(id));
    get("detail").replaceChildren();
    if (id) opener = id;
    history.replaceState(null, "", id ? `#${encodeURIComponent(id)}` : location.pathname);
    if (fleet) render();
    if (id && withFocus) get("detail").focus();
    if (!id) rows.get(last ?? opener)?.parts.name.focus();
    followLog(id ?? "");
  }

  function newDetail(agent) {
    const id = agent.agent_app_id;
    const button = (text, act, name) => make("button", { type: "button", class: name, text, on: { click: act } });
    const parts = {
      state: make("span"), since: make("span", { class: "soft" }), actions: make("div", { class: "actions" }), trouble: make("div"),
      facts: make("dl", { class: "facts" }), boot: make("div"), restarts: make("div"),
      restart: button("Restart …", () => confirmRestart(id)), rollback: button("Roll back …", () => confirmRollback(id)),
      deploy: button("New version …", () => openDeploy(id)), remove: button("Remove …", () => confirmRemove(id), "grave"),
    };
    parts.actions.append(parts.restart, parts.rollback, parts.deploy, parts.remove);
    get("detail").replaceChildren(
      make("div", { class: "detail-head" },
        make("div", {}, make("h2", { id: "detail-name", text: id }), parts.state, make("span", { text: " " }), parts.since),
        make("button", { type: "button", id: "close", "aria-label": "Close", text: "✕", on: { click: () => choose(null) } })),
      parts.actions, parts.trouble, parts.facts, parts.boot, parts.restarts);
    return parts;
  }

  function renderDetail() {
    if (!chosen) return;
    const agent = agents.find((one) => one.agent_app_id === chosen);
    if (!agent) return choose(null);
    const parts = (detailParts ??= newDetail(agent));
    setClass(parts.state, `state s-${agent.state}`);
    renew(parts.state, agent.state, () => badge(agent.state));
    setText(parts.since, sinceText(agent));
    parts.actions.hidden = !token;
    parts.rollback.disabled = !agent.previous || agent.changing;
    parts.restart.disabled = agent.changing;
    parts.remove.hidden = parts.deploy.hidden = agent.source === "config";
    renderTrouble(parts.trouble, agent);
    const worker = workerOf(agent), traffic = agent.traffic ?? {};
    const facts = [
      ["serves", shown(agent.active) || (agent.active ? "–" : "nothing yet")], ["version", word(agent.active?.revision) || "–"],
      ["deployment", word(agent.deployment_id) || "–"], ["former version", [word(agent.previous?.revision), shown(agent.previous)].filter(Boolean).join(", ") || "–"],
      ["package", word((agent.active ?? agent.target)?.package) || "–"],
      ["comes from", agent.source === "config" ? "the configuration" : "the admin API"],
      ["worker", worker ? `${worker.process_id}, pid ${worker.pid}` : "none"],
      ["port", worker ? String(worker.port ?? "a Unix socket") : "–"], ["started", worker ? clock(worker.started_at) : "–"],
      ["memory", worker ? bytes(worker.rss_bytes) + (worker.memory_limit_bytes ? ` of ${bytes(worker.memory_limit_bytes)}` : "") : "–"],
      ["CPU time", Number.isFinite(worker?.cpu_seconds) ? `${worker.cpu_seconds.toFixed(1)} s` : "–"],
      ["in flight", String(traffic.in_flight ?? 0)], ["requests", String(traffic.requests ?? 0)],
      ["answered 5xx", String(traffic.errors ?? 0)], ["latency p50 · p99", `${micro(traffic.p50_us)} · ${micro(traffic.p99_us)}`],
    ];
    renew(parts.facts, facts, () => facts.map(([name, value]) => make("div", { class: value.length > 24 && "wide" }, make("dt", { text: name }), make("dd", { text: value }))));
    renderBoot(parts.boot, agent);
    renderRestarts(parts.restarts, agent);
  }

  function renderTrouble(element, agent) {
    const target = agent.target;
    renew(element, [agent.state, agent.reason ?? null, target ?? null], () => [
      agent.state !== "ready" && agent.reason ? make("div", { class: `box${agent.state === "failed" ? "" : " soft-box"}` },
        make("b", { text: agent.state === "failed" ? "It was given up" : "Why" }), make("span", { text: agent.reason })) : null,
      target ? make("div", { class: `box${target.state === "failed" ? "" : " soft-box"}` },
        make("b", { text: target.state === "failed" ? `Version ${word(target.revision)} failed; the one before goes on` : `Version ${word(target.revision)} is ${target.state}` }),
        make("span", { text: word(target.reason) || (target.state === "failed" ? "" : "Requests go to it as soon as it is ready.") })) : null,
    ]);
  }

  function renderBoot(element, agent) {
    const workers = (agent.workers ?? []).filter((one) => one.role !== "retiring" && sum(one.phases_ms) > 0);
    renew(element, workers.map((one) => [one.number, one.role, one.phase, one.boot_ms, one.phases_ms]), () => workers.flatMap((worker) => {
      const phases = worker.phases_ms, total = Math.max(worker.boot_ms ?? 0, sum(phases), 1);
      // Before the first phase the program itself starts.
      let from = total - sum(phases);
      const lines = PHASES.map((name) => {
        const part = make("span", { class: name });
        part.style.left = `${Math.min(99, (100 * from) / total)}%`;
        part.style.width = `${(100 * phases[name]) / total}%`;
        from += phases[name];
        return make("tr", {}, make("th", { scope: "row", text: name }),
          make("td", {}, make("div", { class: "lane", "aria-hidden": "true" }, part)), make("td", { class: "number", text: length(phases[name]) }));
      });
      const title = `Boot${worker.role === "target" && agent.active ? ` of ${worker.revision}` : ""} by phase, ${length(bootTime(worker))}${worker.boot_ms === null ? ` so far, ${word(worker.phase)}` : ""}`;
      return [make("h3", { text: title }), make("table", { class: "phases", "aria-label": title }, make("tbody", {}, ...lines))];
    }));
  }

  function renderRestarts(element, agent) {
    const list = Array.isArray(agent.restarts?.recent) ? agent.restarts.recent : [];
    renew(element, [list, agent.restarts?.max ?? null, agent.restarts?.in_window ?? null], () => {
      const rule = Number.isFinite(agent.restarts?.max) ? `, ${agent.restarts.in_window ?? 0} of ${agent.restarts.max} allowed in its window` : "";
      return [make("h3", { text: `Restarts${rule}` }), list.length
        ? make("ol", { class: "restarts" }, ...[...list].reverse().map((one) =>
          make("li", {}, make("time", { datetime: word(one.at), text: clock(one.at) }), make("span", { text: `${word(one.reason)}${one.will_restart ? (one.delay_ms > 0 ? `; started again after ${length(one.delay_ms)}` : "; started again at once") : "; not started again"}` }))))
        : make("p", { class: "soft", text: "None." })];
    });
  }

  // MARK: Dialogs

  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.querySelector(".cancel").addEventListener("click", () => dialog.close());
  }
  function refuse(element, error) {
    renew(element, [Math.random()], () => [
      make("span", { text: error instanceof Refusal ? error.message : `Not done: ${reasonOf(error)}.` }),
      error.problems?.length ? make("ul", {}, ...error.problems.map((one) =>
        make("li", { text: [word(one?.path), word(one?.error ?? one)].filter(Boolean).join(": ") }))) : null,
    ]);
    element.hidden = false;
    if (error.status === 401) forget("The token is not accepted any more.");
  }
  /// One request at a time from a form; its refusal stands in the form, in the server's words.
  function onSubmit(form, refusal, act) {
    const send = form.querySelector("[type=submit]");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (send.disabled) return;
      send.disabled = true;
      refusal.hidden = true;
      try {
        await act();
        form.closest("dialog").close();
        refresh();
      } catch (error) {
        refuse(refusal, error);
      }
      send.disabled = false;
    });
  }

  let confirmed = null;
  function confirm({ title, text, verb, grave, done, act }) {
    setText(get("confirm-title"), title);
    setText(get("confirm-text"), text);
    setText(get("confirm-do"), verb);
    get("confirm-do").classList.toggle("grave", Boolean(grave));
    get("confirm-refusal").hidden = true;
    confirmed = async () => { await act(); notice(done, "good"); };
    get("confirm-dialog").showModal();
  }
  onSubmit(get("confirm-form"), get("confirm-refusal"), () => confirmed());

  const path = (id, verb) => `agents/${encodeURIComponent(id)}${verb ? `/${verb}` : ""}`;
  const confirmRestart = (id) => confirm({
    title: `Restart ${id}?`, verb: "Restart",
    text: "A second worker of the same version boots beside the first one; requests go to it as soon as it is ready, and the first one finishes what it has.",
    done: `${id} is being restarted.`, act: () => ask(path(id, "restart"), { method: "POST" }),
  });
  function confirmRollback(id) {
    const agent = agents.find((one) => one.agent_app_id === id);
    const stays = agent?.active && agent.previous?.revision === agent.active.revision;
    confirm({
      title: `Roll ${id} back?`, verb: "Roll back",
      text: stays ? `Version ${word(agent.target?.revision)} is given up for ${agent.active.revision}, which serves and stays.` : `From version ${word(agent?.active?.revision)} to ${word(agent?.previous?.revision)}. The former version boots beside this one; requests go to it as soon as it is ready.`,
      done: `${id} is being rolled back.`, act: () => ask(path(id, "rollback"), { method: "POST" }),
    });
  }
  const confirmRemove = (id) => confirm({
    title: `Remove ${id}?`, verb: "Remove", grave: true,
    text: "Its worker finishes what it has in flight and ends. From now on /agents/" + id + "/ answers 404.",
    done: `${id} is being removed.`, act: () => ask(path(id), { method: "DELETE" }),
  });

  let editing = null, editedTag = null, editedRest = {};
  async function openDeploy(id) {
    editing = id ?? null;
    editedTag = null;
    editedRest = {};
    get("deploy-form").reset();
    get("deploy-refusal").hidden = true;
    setText(get("deploy-title"), id ? `A new version of ${id}` : "Deploy an agent");
    setText(get("deploy-lead"), id ? "It boots beside the one that serves; requests go to it as soon as it is ready. If it fails, the old one goes on." : "It serves as soon as it is ready.");
    get("f-id").value = id ?? "";
    get("f-id").readOnly = Boolean(id);
    if (id) {
      try {
        const { value, etag } = await ask(path(id));
        prefill(value?.spec ?? value ?? {}, etag);
      } catch (error) {
        refuse(get("deploy-refusal"), error);
      }
    }
    get("deploy-dialog").showModal();
    (id ? get("f-package") : get("f-id")).focus();
  }
  const FORM = ["agent_app_id", "package_url", "package_path", "package_sha256", "deployment_id", "environment", "memory_mb", "cpu_shares"];
  function prefill(spec, etag) {
    editedTag = etag;
    // What the form has no field for is sent back as it was.
    if (spec.restart) editedRest = { restart: spec.restart };
    get("f-package").value = word(spec.package_url ?? spec.package_path);
    get("f-sha").value = word(spec.package_sha256);
    get("f-deployment").value = word(spec.deployment_id);
    get("f-environment").value = Object.entries(spec.environment ?? {}).map(([name, value]) => (value === null ? name : `${name}=${value}`)).join("\n");
    get("f-memory").value = spec.memory_mb ?? "";
    get("f-cpu").value = spec.cpu_shares ?? "";
  }
  function formSpec() {
    const address = get("f-package").value.trim(), environment = {};
    for (const [place, line] of get("f-environment").value.split("\n").entries()) {
      if (!line.trim()) continue;
      const equals = line.indexOf("=");
      if (equals < 1) {
        throw new Refusal(0, { error: /^\w+$/.test(line.trim()) ? `The value of ${line.trim()} is shown to nobody: write ${line.trim()}=value, or take the line out.` : `Line ${place + 1} of the environment is no NAME=value.` });
      }
      environment[line.slice(0, equals).trim()] = line.slice(equals + 1);
    }
    const values = {
      ...editedRest, agent_app_id: get("f-id").value.trim(), environment,
      [/^[a-z][a-z0-9+.-]*:\/\//i.test(address) ? "package_url" : "package_path"]: address,
      package_sha256: get("f-sha").value.trim(), deployment_id: get("f-deployment").value.trim(),
      memory_mb: Number(get("f-memory").value) || "", cpu_shares: Number(get("f-cpu").value) || "",
    };
    return Object.fromEntries(Object.entries(values).filter(([name, value]) => value !== "" && (FORM.includes(name) || name in editedRest)));
  }
  onSubmit(get("deploy-form"), get("deploy-refusal"), async () => {
    const spec = formSpec();
    await (editing
      ? ask(path(editing), { method: "PUT", body: spec, fields: editedTag ? { "If-Match": editedTag } : {} })
      : ask("agents", { method: "POST", body: spec }));
    notice(`${spec.agent_app_id} is being deployed.`, "good");
    if (!editing) awaited = spec.agent_app_id;
  });
  get("deploy").addEventListener("click", () => openDeploy());

  // MARK: The token

  onSubmit(get("token-form"), get("token-refusal"), async () => {
    const before = token;
    token = get("token").value;
    try {
      await ask("agents");
    } catch (error) {
      token = before;
      throw error.status === 401 ? new Refusal(401, { error: "This is not the supervisor's token." }) : error;
    }
    sessionStorage.setItem(TOKEN_KEY, token);
    get("token").value = "";
    say("Signed in.");
    signed();
  });
  get("sign").addEventListener("click", () => {
    if (token) return forget("Signed out.");
    get("token-refusal").hidden = true;
    get("token-dialog").showModal();
  });
  function forget(sentence) {
    if (!token) return;
    token = null;
    sessionStorage.removeItem(TOKEN_KEY);
    say(sentence);
    signed();
  }
  function signed() {
    showToken();
    if (fleet) render();
    refresh();
    if (token) connect();
    else disconnect();
  }
  function showToken() {
    setText(get("sign"), token ? "Sign out" : "Sign in");
    get("sign").hidden = !token && fleet?.supervisor?.admin === false;
    get("deploy").hidden = !token;
    get("log").hidden = !token;
  }
  function showLink() {
    const kind = stale ? "lost" : live ? "live" : answeredAt ? "polling" : "waiting";
    get("link").dataset.link = kind;
    setText(get("link-text"), { lost: "connection lost", live: "live", polling: `every ${POLL / 1000} s`, waiting: "connecting" }[kind]);
  }

  // MARK: The log, live

  let live = false, reading = null, lastID = "", waits = 0, retry = 0, paused = false, held = 0;
  let kept = [];

  function disconnect() {
    clearTimeout(retry);
    reading?.abort();
    reading = null;
    live = false;
    showLink();
  }
  /// EventSource cannot send a bearer token, and a token in an address would end up in logs.
  async function connect() {
    disconnect();
    const mine = (reading = new AbortController()), agent = get("log-agent").value;
    const query = new URLSearchParams();
    if (agent) query.set("agent", agent);
    if (!lastID) query.set("tail", TAIL);
    const headers = { Accept: "text/event-stream", Authorization: `Bearer ${token}` };
    if (lastID) headers["Last-Event-ID"] = lastID;
    try {
      const answer = await fetch(`events?${query}`, { headers, cache: "no-store", redirect: "error", signal: mine.signal });
      if (!answer.ok) {
        const refusal = new Refusal(answer.status, await answer.json().catch(() => null));
        if (answer.status === 401 || answer.status === 403) return forget(refusal.message);
        throw refusal;
      }
      live = true;
      waits = 0;
      setText(get("log-note"), "");
      showLink();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        blocks.forEach(takeEvent);
        if (rest.length > 1 << 20) break; // No event is that long.
        drawLines();
      }
    } catch (error) {
      if (mine.signal.aborted) return;
      setText(get("log-note"), error instanceof Refusal ? error.message : "interrupted, trying again");
    }
    if (reading !== mine) return;
    live = false;
    showLink();
    // 0.5, 1, 2 … 10 s, each with a random part, so that pages do not come back all at once.
    const wait = Math.min(10e3, 500 * 2 ** waits++) * (0.5 + Math.random() / 2);
    retry = setTimeout(connect, wait);
  }

  function takeEvent(block) {
    let data = "", kind = "message";
    for (const line of block.split("\n")) {
      if (line.startsWith("data:")) data += line.slice(5).trimStart();
      else if (line.startsWith("event:")) kind = line.slice(6).trim();
      else if (line.startsWith("id:")) lastID = line.slice(3).trim();
    }
    if (!data) return;
    let fields;
    // With LOG_FORMAT=text the supervisor's own lines are for people.
    try { fields = JSON.parse(data); } catch { fields = { level: "info", event: "", line: data, timestamp: new Date(now()).toISOString() }; }
    if (kind === "gap") return keep({ gap: fields });
    keep({ fields });
    if (/^(agent_(state|deploy|worker|traffic|worker_exited|target_failed|removed)|supervisor_\w+|desired_\w+)$/.test(word(fields.event))) soon();
  }
  function keep(line) {
    kept.push(line);
    if (kept.length > KEPT_LINES * 1.2) kept = kept.slice(-KEPT_LINES);
    if (paused) held++;
  }

  const subject = (fields) => word(fields.agentAppId) || word(fields.agent) || "supervisor";
  function summary(fields) {
    if (typeof fields.line === "string") return fields.line;
    return Object.entries(fields).filter(([name, value]) => !QUIET.has(name) && value !== null && value !== undefined)
      .map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : value}`).join("  ");
  }
  function lineElement({ fields, gap }) {
    if (gap) {
      return make("li", { class: "gap", text: Number.isFinite(gap.missed) ? `… ${plural(gap.missed, "line")} missed …` : "… lines missed: the supervisor was started anew …" });
    }
    const level = LEVELS.includes(fields.level) ? fields.level : "info";
    return make("li", { class: level },
      make("time", { datetime: word(fields.timestamp), title: word(fields.timestamp), text: clock(fields.timestamp) }),
      make("i", { "aria-hidden": "true" }), make("span", { class: "who", text: subject(fields) }),
      make("span", { class: "what" }, level === "warning" || level === "error" ? make("span", { class: "hidden", text: `${level}: ` }) : null,
        make("b", { text: fields.event === "agent_output" ? word(fields.stream) : word(fields.event) }), make("span", { text: ` ${summary(fields)}` })));
  }
  function fitsLog({ fields, gap }) {
    if (gap) return true;
    if (LEVELS.indexOf(fields.level) < Number(get("log-level").value)) return false;
    const text = get("log-search").value.trim().toLowerCase();
    return !text || `${subject(fields)} ${fields.event} ${summary(fields)}`.toLowerCase().includes(text);
  }
  let drawn = 0, frame = 0;
  /// Once a frame, whatever came.
  function drawLines(anew) {
    if (anew) { drawn = -1; }
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      setText(get("log-pause"), paused ? `Go on (${held})` : "Pause");
      if (paused && drawn !== -1) return;
      const box = get("lines"), atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 30;
      if (drawn === -1) {
        box.replaceChildren(...kept.filter(fitsLog).map(lineElement));
      } else {
        box.append(...kept.filter((line) => !line.drawn && fitsLog(line)).map(lineElement));
        while (box.children.length > KEPT_LINES) box.firstChild.remove();
      }
      for (const line of kept) line.drawn = true;
      drawn = 0;
      if (atEnd) box.scrollTop = box.scrollHeight;
    });
  }
  get("log-pause").addEventListener("click", () => {
    paused = !paused;
    held = 0;
    get("log-pause").setAttribute("aria-pressed", String(paused));
    drawLines();
  });
  get("log-clear").addEventListener("click", () => { kept = []; drawLines(true); });
  get("log-level").addEventListener("change", () => drawLines(true));
  get("log-search").addEventListener("input", () => drawLines(true));
  get("log-agent").addEventListener("change", () => restartLog());
  function restartLog() {
    kept = [];
    lastID = "";
    drawLines(true);
    if (token) connect();
  }
  function followLog(id) {
    if (get("log-agent").value === id) return;
    renderLogAgents();
    get("log-agent").value = id;
    restartLog();
  }
  function renderLogAgents() {
    const select = get("log-agent"), value = select.value;
    const ids = agents.map((agent) => agent.agent_app_id);
    if (chosen && !ids.includes(chosen)) ids.push(chosen);
    if (value && !ids.includes(value)) ids.push(value);
    renew(select, ids, () => [make("option", { value: "", text: "all agents" }), ...ids.map((id) => make("option", { value: id, text: id }))]);
    if (select.value !== value) select.value = value;
  }

  // MARK: Keys, colours, time

  get("search").addEventListener("input", () => fleet && render());
  get("sort").addEventListener("change", () => fleet && render());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (event.key === "/" && !typing) {
      event.preventDefault();
      get("search").focus();
    } else if (event.key === "Escape" && event.target.id === "search" && event.target.value) {
      event.target.value = "";
      render();
    } else if (event.key === "Escape" && chosen) {
      choose(null);
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && event.target.classList.contains("open")) {
      const row = event.target.closest("tr"), next = event.key === "ArrowDown" ? row.nextElementSibling : row.previousElementSibling;
      if (next) { event.preventDefault(); rows.get(next.dataset.agent)?.parts.name.focus(); }
    }
  });

  const themes = ["auto", "light", "dark"];
  function setTheme(name) {
    if (name === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = name;
    setText(get("theme"), `Theme: ${name}`);
  }
  let theme = themes.includes(sessionStorage.getItem("par-theme")) ? sessionStorage.getItem("par-theme") : "auto";
  get("theme").addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    sessionStorage.setItem("par-theme", theme);
    setTheme(theme);
  });
  setTheme(theme);

  setInterval(() => {
    if (!fleet || document.hidden) return;
    for (const agent of agents) {
      const entry = rows.get(agent.agent_app_id);
      if (entry) setText(entry.parts.since, sinceText(agent));
      if (detailParts && agent.agent_app_id === chosen) setText(detailParts.since, sinceText(agent));
    }
  }, 1000);
  // The stream is a connection, of which a browser has six for one server: pages that nobody looks at give theirs up,
  // and come back behind the last line that they had.
  const isSeen = () => {
    if (document.hidden) return disconnect();
    refresh();
    if (token && !reading) connect();
  };
  document.addEventListener("visibilitychange", isSeen);
  addEventListener("pagehide", disconnect);
  addEventListener("pageshow", (event) => { if (event.persisted) isSeen(); });
  addEventListener("online", refresh);

  showToken();
  // The address may name the agent.
  try { awaited = decodeURIComponent(location.hash.slice(1)) || null; } catch { /* no agent's name */ }
  refresh();
  if (token && !document.hidden) connect();
})();
