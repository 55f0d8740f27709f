"use strict";

// Update the report on a campaign: fetch its numbers regularly, without a reload.

const INTERVAL = 2000; // milliseconds
const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200];

const getById = (id) => document.getElementById(id);

getById("campaign").addEventListener("change", (event) => location.assign(event.target.value));

// -- values as text

function formatDuration(seconds) {
  let rest = Math.round(seconds);
  const parts = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count) parts.push(`${count} ${unit}`);
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

function formatMoment(iso) {
  const date = new Date(iso);
  const today = date.toDateString() === new Date().toDateString();
  return date.toLocaleString([], { dateStyle: today ? undefined : "medium", timeStyle: "medium" });
}

function computeMedian(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
}

// -- the figures and the tables

const CAUSES = { person: "People", unknown: "Unknown", machine: "Machines" };
const BY = { person: "a person", unknown: "unknown", machine: "only machines" };
const KINDS = { mail_proxy: "mail proxy", scanner: "scanner", bot: "bot", prefetch: "prefetch" };

function makeElement(tag, { text, kind, title, scope } = {}, ...children) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  if (title) made.title = title;
  if (scope) made.scope = scope;
  made.append(...children);
  return made;
}

const makeNumberCell = (count) => makeElement("td", { text: count, kind: count ? "number" : "number none" });

function formatTimes(name, count) {
  return count > 1 ? `${name} × ${count}` : name;
}

function formatShare(count, all) {
  return `${count} (${Math.round((100 * count) / (all || 1))} %)`;
}

function showFigures({ causes, recipients }) {
  const people = causes.find((group) => group.cause === "person");
  const waits = recipients.map((entry) => entry.seconds_to_open).filter((wait) => wait !== null);
  getById("recipients").textContent = recipients.length;
  getById("opened").textContent = formatShare(people.opened, recipients.length);
  getById("clicked").textContent = formatShare(people.clicked, recipients.length);
  getById("median").textContent = waits.length ? formatDuration(computeMedian(waits)) : "–";
}

function makeNumberCells({ opens, opened, clicks, clicked }) {
  return [opens, opened, clicks, clicked].map(makeNumberCell);
}

function makeAgentRow(agent) {
  const kind = KINDS[agent.kind];
  const name = makeElement("th", { text: agent.name, scope: "row" });
  if (kind) name.append(" ", makeElement("small", { text: kind }));
  return makeElement("tr", {}, name, ...makeNumberCells(agent));
}

function makeSumRow(name, entry) {
  const th = makeElement("th", { text: name, scope: entry.agents ? "rowgroup" : "row" });
  return makeElement("tr", { kind: "sum" }, th, ...makeNumberCells(entry));
}

function showCauses(groups, total) {
  const bodies = groups.map((group) =>
    makeElement("tbody", {}, makeSumRow(CAUSES[group.cause], group), ...group.agents.map(makeAgentRow)),
  );
  for (const body of [...getById("causes").tBodies]) body.remove();
  getById("causes").tFoot.before(...bodies);
  getById("causes").tFoot.replaceChildren(makeSumRow("All", total));
}

// The whole URL is the title of its element.
const shorten = (url) => url.replace(/^https?:\/\/(www\.)?/, "").replace(/\/$/, "");

function makeLinkRow(link) {
  const name = makeElement("th", { text: shorten(link.url), title: link.url, scope: "row" });
  return makeElement("tr", {}, name, ...Object.keys(CAUSES).map((cause) => makeNumberCell(link[cause])));
}

function showLinks(links) {
  const none = makeElement("tr", {}, makeElement("td", { text: "No link was clicked yet." }));
  none.firstChild.colSpan = 4;
  getById("links").replaceChildren(...(links.length ? links.map(makeLinkRow) : [none]));
}

function makeOpenedCell(entry) {
  if (!entry.opens) return makeElement("td", { text: "not yet" });
  const agents = entry.agents.map(({ name, opens }) => formatTimes(name, opens)).join(", ");
  return makeElement(
    "td",
    {},
    makeElement("span", { text: BY[entry.opened_by] }),
    makeElement("small", { text: agents }),
  );
}

function makeClickedItem({ url, clicks, clicked_by: cause }) {
  const li = makeElement("li", { title: url, kind: cause, text: formatTimes(shorten(url), clicks) });
  if (cause !== "person") li.append(" ", makeElement("small", { text: BY[cause] }));
  return li;
}

function makeClickedCell(links) {
  if (!links.length) return makeElement("td", { text: "–", kind: "none" });
  return makeElement("td", {}, makeElement("ul", {}, ...links.map(makeClickedItem)));
}

function makeRecipientRow(entry) {
  const wait = entry.seconds_to_open;
  return makeElement(
    "tr",
    { kind: entry.opened_by === "person" ? "" : "unopened" },
    makeElement("td", { text: entry.recipient || "unknown" }),
    makeOpenedCell(entry),
    makeElement("td", {
      text: wait === null ? "–" : formatDuration(wait),
      title: entry.first_open && formatMoment(entry.first_open),
      kind: "number",
    }),
    makeClickedCell(entry.links),
  );
}

function showRecipients(recipients, before) {
  const known = new Map(before?.map((entry) => [entry.recipient, JSON.stringify(entry)]));
  const rows = recipients.map((entry) => {
    const tr = makeRecipientRow(entry);
    if (before && known.get(entry.recipient) !== JSON.stringify(entry)) tr.classList.add("new");
    return tr;
  });
  getById("rows").replaceChildren(...rows);
}

// -- the chart

const BLUE = "#0a84c6";
const ORANGE = "#dd6b20";
const GREY = "#8592a3";

function makeLine(label, key, color, dash = []) {
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
  makeLine("Opens", "person_opens", BLUE),
  makeLine("Clicks", "person_clicks", ORANGE),
  makeLine("Opens, unknown", "unknown_opens", GREY, [2, 3]),
  makeLine("Clicks, unknown", "unknown_clicks", GREY, [1, 5]),
  makeLine("Opens by machines", "machine_opens", GREY),
  makeLine("Clicks by machines", "machine_clicks", GREY, [7, 4]),
];

// A function, because the colour scheme may change between two drawings.
const getInk = () => getComputedStyle(document.body).color;
const grid = { color: "#8884" };

// The legend of Chart.js draws dashed lines as solid ones.
function makeLabels({ data }) {
  return data.datasets.map((dataset, index) => ({
    text: dataset.label,
    fontColor: getInk(),
    strokeStyle: dataset.borderColor,
    lineWidth: dataset.borderWidth,
    lineDash: dataset.borderDash,
    pointStyle: "line",
    datasetIndex: index,
    hidden: !chart.isDatasetVisible(index),
  }));
}

// The ticks of Chart.js are at whole steps only if these divide the whole axis.
function makeTicks(end) {
  const step = STEPS.find((size) => end / size <= 6) ?? 86400 * Math.ceil(end / 86400 / 6);
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, index) => ({ value: index * step }));
}

Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;

const chart = new Chart(getById("chart").querySelector("canvas"), {
  type: "line",
  data: { datasets: [] },
  options: {
    maintainAspectRatio: false,
    animation: { duration: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 400 },
    interaction: { mode: "nearest", axis: "x", intersect: false },
    plugins: {
      legend: {
        align: "end",
        labels: { generateLabels: makeLabels, usePointStyle: true, pointStyleWidth: 28 },
      },
      tooltip: { callbacks: { title: ([item]) => `${formatDuration(item.parsed.x)} after the send` } },
    },
    scales: {
      x: {
        type: "linear",
        min: 0,
        grid,
        title: { color: getInk, display: true, text: "Time since the send" },
        ticks: { callback: formatDuration, color: getInk, maxRotation: 0 },
        afterBuildTicks: (axis) => Object.assign(axis, { ticks: makeTicks(axis.max) }),
      },
      y: { beginAtZero: true, grace: "10%", grid, ticks: { color: getInk, precision: 0 } },
    },
  },
});

// A line without hits isn't drawn, unless it is the people's.
const isDrawn = ({ parsing: { yAxisKey: key } }, last) => key.startsWith("person") || last[key];

function showChart(timeline) {
  // The canvas has to be visible before Chart.js draws into it.
  getById("empty").hidden = timeline.length > 0;
  getById("hits").hidden = timeline.length === 0;
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

// -- polling

let shown = null;
let latest = "";

function show(text) {
  if (text === latest) return;
  const report = JSON.parse(text);
  showFigures(report);
  showChart(report.timeline);
  showCauses(report.causes, report.total);
  showLinks(report.links);
  showRecipients(report.recipients, shown);
  shown = report.recipients;
  latest = text;
}

function showState(state, text) {
  const live = getById("live");
  live.hidden = false;
  if (live.textContent === text) return;
  live.className = `live ${state}`;
  live.textContent = text;
}

async function poll() {
  try {
    const response = await fetch(getById("report").dataset.url, {
      cache: "no-store",
      signal: AbortSignal.timeout(5 * INTERVAL),
    });
    if (!response.ok) throw new Error(response.status);
    show(await response.text());
    showState("on", "live");
  } catch {
    showState("off", "no connection, trying again");
  }
  setTimeout(poll, INTERVAL);
}

poll();
