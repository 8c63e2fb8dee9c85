// What is chosen, and everything that follows from it.

const view = {
  image: 0, moment: moments.length - 1, state: recordings[0].states.at(-1).name, row: 0,
  scale: "time", pair: null, pinned: null, target: 0,
};
const sections = [];
const menus = Object.fromEntries(
  ["state", "channel", "scale"].map((name) => [name, document.getElementById(name)]));

let waiting = false;

function redraw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    drawAll();
  });
}

function choose(changes) {
  if (Object.entries(changes).every(([k, v]) => String(view[k]) === String(v))) return;
  Object.assign(view, changes);
  if ("state" in changes && !("row" in changes)) view.row = 0;
  redraw();
}

const allStates = [...new Set(recordings.flatMap((r) => r.states.map((s) => s.name)))];

function chosenState() {
  for (const { states } of recordings) {
    const state = states.find((s) => s.name === view.state);
    if (state) return state;
  }
  return recordings[0].states[0];
}

let menuOf = "";

function drawMenus() {
  menus.state.value = view.state;
  const state = chosenState();
  if (menuOf !== view.state) {
    menus.channel.replaceChildren();
    for (let row = 0; row < state.rows; row++) {
      menus.channel.add(new Option(rowName(state, row), row));
    }
    menuOf = view.state;
  }
  menus.channel.value = view.row;
  menus.scale.value = view.scale;
}

function drawAll() {
  drawMenus();
  drawTimeline();
  drawImages();
  sections.forEach((section, r) => {
    drawMaps(section, r);
    drawGallery(section, r);
    drawCourses(section, r);
    drawAnswers(section, r);
    drawRanks(section, r);
    drawRdm(section, r);
    drawMds(section, r);
  });
  drawBrain();
  document.documentElement.dataset.ready = [...held.values()].every(
    (entry) => "value" in entry || "error" in entry);
  if (document.documentElement.dataset.ready === "true" && !window.readyAfterMs) {
    window.readyAfterMs = performance.now();
  }
}

function next(values, value, by) {
  const at = values.indexOf(value) + by;
  return values[(at + values.length) % values.length];
}

const clamp = (k, count) => Math.min(count - 1, Math.max(0, k));

const KEYS = {
  ArrowLeft: () => choose({ moment: clamp(view.moment - 1, moments.length) }),
  ArrowRight: () => choose({ moment: clamp(view.moment + 1, moments.length) }),
  ArrowUp: () => choose({ image: clamp(view.image - 1, rows.length) }),
  ArrowDown: () => choose({ image: clamp(view.image + 1, rows.length) }),
  Home: () => choose({ moment: 0 }),
  End: () => choose({ moment: moments.length - 1 }),
  " ": togglePlay,
  s: () => choose({ state: next(allStates, view.state, 1) }),
  S: () => choose({ state: next(allStates, view.state, -1) }),
  c: () => choose({ row: (view.row + 1) % chosenState().rows }),
  C: () => choose({ row: (view.row + chosenState().rows - 1) % chosenState().rows }),
  m: () => choose({ scale: view.scale === "map" ? "time" : "map" }),
  t: () => setTheme(theme() === "dark" ? "light" : "dark"),
  "?": () => document.getElementById("help").showModal(),
  Escape: () => {
    document.activeElement.blur();
    choose({ pinned: null, pair: null });
  },
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) {
    return;
  }
  const element = document.activeElement;
  const isMenu = element.tagName === "SELECT";
  if (isMenu && event.key !== "Escape") return;
  if (element.tagName === "BUTTON" && [" ", "Enter"].includes(event.key)) return;
  if (!KEYS[event.key]) return;
  KEYS[event.key]();
  event.preventDefault();
}

function theme() {
  return document.documentElement.dataset.theme;
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  document.getElementById("theme").textContent = name === "dark" ? "light" : "dark";
  readTheme();
  redraw();
}

function describe(recording, letter) {
  const lost = recording.keep === "full" ? "" : `; kept: ${recording.keep}, so there are no maps`;
  const { lesions, model } = recording;
  const without = lesions.length && !model.includes(" without ")
    ? ` without ${lesions.join(", ")}` : "";
  return `${letter}${model}${without} (${recording.name})${lost}`;
}

function startHelp() {
  const { times } = recordings[0];
  document.getElementById("help-time").textContent = isDeclared
    ? `Time is declared, not measured: a step lasts ${digits(times.step_ms)} ms (${times.source}). `
      + "Shaded is the declared range of the step at the cursor. Between steps there is nothing."
    : "No milliseconds were declared for these steps.";
  document.getElementById("help-precision").textContent =
    `Numbers are those of the recording (float32, four digits are shown). Maps are pictures with ${
      index.levels + 1} levels from the smallest to the largest value of each map. Probabilities `
    + "are computed from the recorded logits in double precision. Each arrangement (MDS) starts "
    + "from that of the step before and is turned onto it.";
  const lines = recordings.flatMap((recording, r) => [
    `${describe(recording, recordings.length > 1 ? `${"AB"[r]}: ` : "")}, weights ${
      (recording.weights || "of no file").slice(0, 12)}`
    + (recording.lesions.length ? `, lesioned: ${recording.lesions.join(", ")}` : ""),
    ...recording.notes]);
  if (index.images.missing) lines.push(index.images.missing);
  lines.push(`${index.images.id.length} of ${index.images.recorded} images`,
    `cortexsim ${index.version}`);
  document.getElementById("help-recordings").replaceChildren(...lines.map((line) => {
    const item = document.createElement("li");
    item.textContent = line;
    return item;
  }));
  document.getElementById("help-button").addEventListener("click", KEYS["?"]);
}

function start() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  document.documentElement.dataset.theme = dark.matches ? "dark" : "light";
  dark.addEventListener("change", (event) => setTheme(event.matches ? "dark" : "light"));
  document.getElementById("theme").addEventListener("click", KEYS.t);
  allStates.forEach((name) => menus.state.add(new Option(name, name)));
  menus.state.addEventListener("change", () => choose({ state: menus.state.value }));
  menus.channel.addEventListener("change", () => choose({ row: Number(menus.channel.value) }));
  menus.scale.addEventListener("change", () => choose({ scale: menus.scale.value }));
  startImages();
  startTimeline();
  startBrain();
  startHelp();
  recordings.forEach((recording, r) => {
    const template = document.getElementById("recording").content.cloneNode(true);
    const section = template.querySelector("section");
    const letter = recordings.length > 1 ? `${"AB"[r]}: ` : "";
    section.querySelector("h2").textContent = describe(recording, letter);
    section.classList.toggle("double", recordings.length > 1);
    section.classList.toggle("no-readout", !recording.readout);
    document.getElementById("recordings").append(template);
    sections.push(section);
    startMaps(section, r);
    startGallery(section, r);
    startRdm(section, r);
    startMds(section, r);
    for (const name of ["courses", "answers", "ranks"]) {
      dragsTime(section.querySelector(`.${name} canvas`));
    }
  });
  document.addEventListener("keydown", onKey);
  new ResizeObserver(redraw).observe(document.querySelector("main"));
  setTheme(theme());
}

start();
// For the console of the browser.
window.explorer = {
  view, choose, draw: drawAll, isWaiting: () => waiting, lanes: lanes.length,
};
