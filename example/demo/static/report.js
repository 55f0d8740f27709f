"use strict";

// Keeps the page about one campaign up to date: asks for its numbers, never reloads.

const INTERVAL = 2000; // milliseconds
const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200];

const byId = (id) => document.getElementById(id);

byId("campaign").addEventListener("change", (event) => location.assign(event.target.value));

// -- values as text

function duration(seconds) {
  let rest = Math.round(seconds);
  const parts = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count) parts.push(`${count} ${unit}`);
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

function moment(iso) {
  const date = new Date(iso);
  const today = date.toDateString() === new Date().toDateString();
  return date.toLocaleString([], { dateStyle: today ? undefined : "medium", timeStyle: "medium" });
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
}

// -- the figures and the tables

const WHO = { person: "People", unknown: "Unknown", machine: "Machines" };
const BY = { person: "a person", unknown: "unknown", machine: "only machines" };
const KINDS = { mail_proxy: "mail proxy", scanner: "scanner", bot: "bot", prefetch: "prefetch" };

function element(tag, { text, kind, title, scope } = {}, ...children) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  if (title) made.title = title;
  if (scope) made.scope = scope;
  made.append(...children);
  return made;
}

const number = (count) => element("td", { text: count, kind: count ? "number" : "number none" });

function times(name, count) {
  return count > 1 ? `${name} × ${count}` : name;
}

function shareOf(count, all) {
  return `${count} (${Math.round((100 * count) / (all || 1))} %)`;
}

function showFigures({ who, recipients }) {
  const people = who.find((group) => group.who === "person");
  const waits = recipients.map((entry) => entry.seconds_to_open).filter((wait) => wait !== null);
  byId("recipients").textContent = recipients.length;
  byId("opened").textContent = shareOf(people.opened, recipients.length);
  byId("clicked").textContent = shareOf(people.clicked, recipients.length);
  byId("median").textContent = waits.length ? duration(median(waits)) : "–";
}

function numbers({ opens, opened, clicks, clicked }) {
  return [opens, opened, clicks, clicked].map(number);
}

function agentRow(agent) {
  const kind = KINDS[agent.kind];
  const name = element("th", { text: agent.name, scope: "row" });
  if (kind) name.append(" ", element("small", { text: kind }));
  return element("tr", {}, name, ...numbers(agent));
}

function sumRow(name, entry) {
  const th = element("th", { text: name, scope: entry.agents ? "rowgroup" : "row" });
  return element("tr", { kind: "sum" }, th, ...numbers(entry));
}

function showWho(groups, total) {
  const bodies = groups.map((group) =>
    element("tbody", {}, sumRow(WHO[group.who], group), ...group.agents.map(agentRow)),
  );
  for (const body of [...byId("who").tBodies]) body.remove();
  byId("who").tFoot.before(...bodies);
  byId("who").tFoot.replaceChildren(sumRow("All", total));
}

// Short enough to read; the whole is the element's title.
const shortened = (url) => url.replace(/^https?:\/\/(www\.)?/, "").replace(/\/$/, "");

function linkRow(link) {
  const name = element("th", { text: shortened(link.url), title: link.url, scope: "row" });
  return element("tr", {}, name, ...Object.keys(WHO).map((who) => number(link[who])));
}

function showLinks(links) {
  const none = element("tr", {}, element("td", { text: "No link was clicked yet." }));
  none.firstChild.colSpan = 4;
  byId("links").replaceChildren(...(links.length ? links.map(linkRow) : [none]));
}

function openedCell(entry) {
  if (!entry.opens) return element("td", { text: "not yet" });
  const agents = entry.agents.map(({ name, opens }) => times(name, opens)).join(", ");
  return element(
    "td",
    {},
    element("span", { text: BY[entry.opened_by] }),
    element("small", { text: agents }),
  );
}

function clickedLink({ url, clicks, clicked_by: who }) {
  const li = element("li", { title: url, kind: who, text: times(shortened(url), clicks) });
  if (who !== "person") li.append(" ", element("small", { text: BY[who] }));
  return li;
}

function clickedCell(links) {
  if (!links.length) return element("td", { text: "–", kind: "none" });
  return element("td", {}, element("ul", {}, ...links.map(clickedLink)));
}

function recipientRow(entry) {
  const wait = entry.seconds_to_open;
  return element(
    "tr",
    { kind: entry.opened_by === "person" ? "" : "unopened" },
    element("td", { text: entry.recipient || "unknown" }),
    openedCell(entry),
    element("td", {
      text: wait === null ? "–" : duration(wait),
      title: entry.first_open && moment(entry.first_open),
      kind: "number",
    }),
    clickedCell(entry.links),
  );
}

function showRecipients(recipients, before) {
  const known = new Map(before?.map((entry) => [entry.recipient, JSON.stringify(entry)]));
  const rows = recipients.map((entry) => {
    const tr = recipientRow(entry);
    if (before && known.get(entry.recipient) !== JSON.stringify(entry)) tr.classList.add("new");
    return tr;
  });
  byId("rows").replaceChildren(...rows);
}

// -- the chart

const BLUE = "#0a84c6";
const ORANGE = "#dd6b20";
const GREY = "#8592a3";

function line(label, key, color, dash = []) {
  const person = key.startsWith("person");
  return {
    label,
    parsing: { xAxisKey: "seconds", yAxisKey: key },
    borderColor: color,
    backgroundColor: `${color}22`,
    borderDash: dash,
    borderWidth: person ? 2.5 : 2,
    fill: key === "person_opens",
    order: person ? 0 : 1,
    stepped: true,
    pointRadius: 0,
    pointHitRadius: 12,
  };
}

const LINES = [
  line("Opens", "person_opens", BLUE),
  line("Clicks", "person_clicks", ORANGE),
  line("Opens, unknown", "unknown_opens", GREY, [2, 3]),
  line("Clicks, unknown", "unknown_clicks", GREY, [1, 5]),
  line("Opens by machines", "machine_opens", GREY),
  line("Clicks by machines", "machine_clicks", GREY, [7, 4]),
];

// Asked for whenever the chart is drawn: the scheme may change meanwhile.
const ink = () => getComputedStyle(document.body).color;
const grid = { color: "#8884" };

// Chart.js's own legend draws dashed lines solid.
function legend({ data }) {
  return data.datasets.map((dataset, index) => ({
    text: dataset.label,
    fontColor: ink(),
    strokeStyle: dataset.borderColor,
    lineWidth: dataset.borderWidth,
    lineDash: dataset.borderDash,
    pointStyle: "line",
    datasetIndex: index,
    hidden: !chart.isDatasetVisible(index),
  }));
}

// Its own ticks are only at whole steps where these divide the whole axis.
function wholeSteps(end) {
  const step = STEPS.find((size) => end / size <= 6) ?? 86400 * Math.ceil(end / 86400 / 6);
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, index) => ({ value: index * step }));
}

Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;

const chart = new Chart(byId("chart").querySelector("canvas"), {
  type: "line",
  data: { datasets: [] },
  options: {
    maintainAspectRatio: false,
    animation: { duration: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 400 },
    interaction: { mode: "nearest", axis: "x", intersect: false },
    plugins: {
      legend: {
        align: "end",
        labels: { generateLabels: legend, usePointStyle: true, pointStyleWidth: 28 },
      },
      tooltip: { callbacks: { title: ([item]) => `${duration(item.parsed.x)} after sending` } },
    },
    scales: {
      x: {
        type: "linear",
        min: 0,
        grid,
        title: { color: ink, display: true, text: "Time since sending" },
        ticks: { callback: duration, color: ink, maxRotation: 0 },
        afterBuildTicks: (axis) => Object.assign(axis, { ticks: wholeSteps(axis.max) }),
      },
      y: { beginAtZero: true, grace: "10%", grid, ticks: { color: ink, precision: 0 } },
    },
  },
});

// What there is none of has no line, save for people's.
const isDrawn = ({ parsing: { yAxisKey: key } }, last) => key.startsWith("person") || last[key];

function showChart(timeline) {
  // To draw into, it must be seen; and it is only where there is something to draw.
  byId("empty").hidden = timeline.length > 0;
  byId("hits").hidden = timeline.length === 0;
  if (!timeline.length) return;
  const last = timeline.at(-1);
  const end = Math.max(10, last.seconds * 1.1);
  const none = Object.fromEntries(Object.keys(last).map((key) => [key, 0]));
  const points = [none, ...timeline, { ...last, seconds: end }];
  for (const dataset of LINES) dataset.data = points;
  chart.data.datasets = LINES.filter((dataset) => isDrawn(dataset, last));
  chart.options.scales.x.max = end;
  chart.resize();
  chart.update();
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.update("none"));

// -- asking, again and again

let shown = null;
let latest = "";

function show(text) {
  if (text === latest) return;
  const report = JSON.parse(text);
  showFigures(report);
  showChart(report.timeline);
  showWho(report.who, report.total);
  showLinks(report.links);
  showRecipients(report.recipients, shown);
  shown = report.recipients;
  latest = text;
}

function tell(state, text) {
  const live = byId("live");
  live.hidden = false;
  if (live.textContent === text) return;
  live.className = `live ${state}`;
  live.textContent = text;
}

async function poll() {
  try {
    const response = await fetch(byId("report").dataset.url, {
      cache: "no-store",
      signal: AbortSignal.timeout(5 * INTERVAL),
    });
    if (!response.ok) throw new Error(response.status);
    show(await response.text());
    tell("on", "live");
  } catch {
    tell("off", "no connection, trying again");
  }
  setTimeout(poll, INTERVAL);
}

poll();
