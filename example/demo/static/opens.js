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

// -- the table and the figures

function cell(text, kind) {
  const td = document.createElement("td");
  td.textContent = text;
  if (kind) td.className = kind;
  return td;
}

function row(entry) {
  const tr = document.createElement("tr");
  const seconds = entry.seconds_to_open;
  tr.className = entry.opens ? "" : "unopened";
  tr.append(
    cell(entry.recipient || "unknown"),
    cell(entry.opens, "number"),
    cell(entry.first_open ? moment(entry.first_open) : "not yet"),
    cell(seconds === null ? "–" : duration(seconds), "number"),
  );
  return tr;
}

function showFigures(recipients) {
  const opened = recipients.filter((entry) => entry.opens);
  const times = opened.map((entry) => entry.seconds_to_open).filter((time) => time !== null);
  const share = Math.round((100 * opened.length) / (recipients.length || 1));
  byId("recipients").textContent = recipients.length;
  byId("unique").textContent = `${opened.length} (${share} %)`;
  byId("total").textContent = opened.reduce((sum, entry) => sum + entry.opens, 0);
  byId("median").textContent = times.length ? duration(median(times)) : "–";
}

function showRows(recipients, before) {
  const known = new Map(before?.recipients.map((entry) => [entry.recipient, entry.opens]));
  const rows = recipients.map((entry) => {
    const tr = row(entry);
    if (before && known.get(entry.recipient) !== entry.opens) tr.classList.add("new");
    return tr;
  });
  byId("rows").replaceChildren(...rows);
}

// -- the chart

function line(label, key, color, width) {
  return {
    label,
    parsing: { xAxisKey: "seconds", yAxisKey: key },
    borderColor: color,
    backgroundColor: `${color}22`,
    fill: true,
    stepped: true,
    borderWidth: width,
    pointRadius: 0,
    pointHitRadius: 12,
  };
}

// Asked for whenever the chart is drawn: the scheme may change meanwhile.
const ink = () => getComputedStyle(document.body).color;
const grid = { color: "#8884" };

Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;

const chart = new Chart(byId("chart").querySelector("canvas"), {
  type: "line",
  data: {
    datasets: [
      line("Unique opens", "unique", "#e8843c", 2.5),
      line("Opens", "opens", "#0a8bd0", 2.5),
    ],
  },
  options: {
    maintainAspectRatio: false,
    animation: { duration: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 400 },
    interaction: { mode: "nearest", axis: "x", intersect: false },
    plugins: {
      legend: {
        align: "end",
        reverse: true,
        labels: { color: ink, usePointStyle: true, pointStyle: "line" },
      },
      tooltip: { callbacks: { title: ([item]) => `${duration(item.parsed.x)} after sending` } },
    },
    scales: {
      x: {
        type: "linear",
        min: 0,
        grid,
        title: { color: ink, display: true, text: "Time since sending" },
        ticks: { callback: duration, color: ink, includeBounds: false, maxRotation: 0 },
      },
      y: { beginAtZero: true, grace: "10%", grid, ticks: { color: ink, precision: 0 } },
    },
  },
});

function showChart(timeline) {
  // To draw into, it must be seen; and it is only where there is something to draw.
  byId("empty").hidden = timeline.length > 0;
  byId("chart").hidden = timeline.length === 0;
  if (!timeline.length) return;
  const last = timeline.at(-1);
  const end = Math.max(10, last.seconds * 1.1);
  const points = [{ seconds: 0, opens: 0, unique: 0 }, ...timeline, { ...last, seconds: end }];
  const step = STEPS.find((size) => end / size <= 6) ?? 86400 * Math.ceil(end / 86400 / 6);
  for (const dataset of chart.data.datasets) dataset.data = points;
  chart.options.scales.x.max = end;
  chart.options.scales.x.ticks.stepSize = step;
  chart.resize();
  chart.update();
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.update("none"));

// -- asking, again and again

let shown = null;
let latest = "";

function show(text) {
  if (text === latest) return;
  const { recipients, timeline } = JSON.parse(text);
  showFigures(recipients);
  showRows(recipients, shown);
  showChart(timeline);
  shown = { recipients };
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
    const response = await fetch(byId("opens").dataset.url, {
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
