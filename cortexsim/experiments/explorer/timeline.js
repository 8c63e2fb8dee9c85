// The one time of the page: its moments are the steps of the recordings.

const isDeclared = recordings.every((r) => r.times.declared);

// When the steps of a recording are, on the axis of the page.
function timesOf(r) {
  return isDeclared ? recordings[r].times.time_ms : recordings[r].times.steps;
}

function lastsOf(r) {
  return isDeclared ? recordings[r].times.step_ms : 1;
}

const moments = [...new Set(recordings.flatMap((_, r) => timesOf(r)))].sort((a, b) => a - b);
const isDelayed = recordings.some((r) => r.image_onset_ms > 0); // something is shown before
const timeLabel = !isDeclared ? "step"
  : isDelayed ? "ms after the presentation begins" : "ms after image onset";
// What is on the screen: one lane, or two where the recordings differ in it.
const lanes = [...new Set(recordings.map((r) => JSON.stringify(r.on_screen)))];
const LANE = 17;
const SCREEN = { image: ["soft", "paper"], blank: ["paper", "soft"] }; // what fills it, and ink
const timeDomain = [
  isDeclared ? 0 : moments[0] - 0.5,
  Math.max(...recordings.map((_, r) => timesOf(r).at(-1) + lastsOf(r) * (isDeclared ? 1 : 0.5))),
];
const wholeRange = [
  timeDomain[0],
  isDeclared
    ? Math.max(timeDomain[1], ...recordings.map((r) => r.times.time_ms_high.at(-1)))
    : timeDomain[1],
];

function moment() {
  return moments[view.moment];
}

// The step of a recording that lasts at the moment, as a place; -1 where there is none.
function placeOf(r, at = moment()) {
  const times = timesOf(r);
  for (let k = times.length - 1; k >= 0; k--) {
    if (times[k] <= at + 1e-6) return at < times[k] + lastsOf(r) - 1e-6 ? k : -1;
  }
  return -1;
}

// The declared range of the step at the moment, of the first recording that has one.
function declaredRange() {
  for (let r = 0; r < recordings.length; r++) {
    const t = placeOf(r);
    const { time_ms_low: low, time_ms_high: high } = recordings[r].times;
    if (isDeclared && t >= 0) return [low[t], high[t]];
  }
  return [0, 0];
}

// To the moment that is nearest.
function goTo(time) {
  let best = 0;
  moments.forEach((m, k) => {
    if (Math.abs(m - time) < Math.abs(moments[best] - time)) best = k;
  });
  choose({ moment: best });
}

function momentInWords() {
  const r = Math.max(0, recordings.findIndex((_, k) => placeOf(k) >= 0));
  const step = recordings[r].times.steps[Math.max(0, placeOf(r))];
  if (!isDeclared) return `step ${step} (no milliseconds were declared)`;
  const [low, high] = declaredRange();
  const range = `${digits(low)}–${digits(high)} ms`;
  return `${digits(moment())} ms (declared range ${range}), step ${step}`;
}

const cursor = document.getElementById("cursor");

function drawTimeline() {
  const width = cursor.parentElement.clientWidth - 50;
  const below = 14 + LANE * lanes.length + 5;
  const context = sharp(cursor, width, below + 20);
  const area = { left: 62, right: width - 14, top: 14, bottom: below };
  const [x0, x1] = wholeRange;
  const px = (x) => area.left + ((x - x0) / (x1 - x0)) * (area.right - area.left);
  const [low, high] = declaredRange();
  if (high > low) {
    context.fillStyle = inks.shade;
    context.fillRect(px(low), 2, px(high) - px(low), area.bottom - 2);
  }
  lanes.forEach((_, r) => drawScreen(context, { ...area, top: 14 + LANE * r }, px, r));
  drawSteps(context, area, px);
  context.strokeStyle = context.fillStyle = inks.mark;
  context.lineWidth = 2;
  context.beginPath();
  context.moveTo(px(moment()), 2);
  context.lineTo(px(moment()), area.bottom);
  context.stroke();
  context.beginPath();
  context.arc(px(moment()), 6, 5, 0, 2 * Math.PI);
  context.fill();
  Object.assign(cursor.dataset, { left: area.left, right: area.right, moment: view.moment });
  cursor.setAttribute("aria-valuemin", moments[0]);
  cursor.setAttribute("aria-valuemax", moments.at(-1));
  cursor.setAttribute("aria-valuenow", moment());
  cursor.setAttribute("aria-valuetext", momentInWords());
  document.getElementById("time-text").textContent = momentInWords();
}

function drawScreen(context, area, px, r) {
  const name = lanes.length > 1 ? `screen ${"AB"[r]}` : "screen";
  write(context, name, area.left - 8, area.top + 11, { align: "right" });
  for (const { shows, steps, ms } of recordings[r].on_screen) {
    const [from, to] = isDeclared && ms ? ms : [steps[0] - 0.5, steps[1] + 0.5];
    const x = px(Math.max(wholeRange[0], from));
    const w = px(Math.min(to, wholeRange[1])) - x;
    if (w <= 0) continue;
    const [fill, ink] = SCREEN[shows] || [inks.line, inks.ink];
    context.strokeStyle = inks.soft;
    context.fillStyle = inks[fill] || fill;
    context.fillRect(x, area.top, w, 15);
    context.strokeRect(x + 0.5, area.top + 0.5, w - 1, 14);
    if (context.measureText(shows).width < w - 4) {
      write(context, shows, x + 4, area.top + 11.5,
        { colour: inks[ink] || ink });
    }
  }
}

function drawSteps(context, area, px) {
  context.strokeStyle = inks.soft;
  context.beginPath();
  context.moveTo(area.left, area.bottom + 0.5);
  context.lineTo(area.right, area.bottom + 0.5);
  context.stroke();
  for (const m of moments) drawMarker(context, "circle", px(m), area.bottom, inks.ink, 2.6);
  const about = Math.max(2, Math.floor((area.right - area.left) / 60));
  const ticks = niceTicks(wholeRange[0], wholeRange[1], about);
  for (const tick of isDeclared ? ticks : ticks.filter(Number.isInteger)) {
    write(context, digits(tick), px(tick), area.bottom + 17, { align: "center" });
  }
  write(context, isDeclared ? "ms" : "step", area.left - 8, area.bottom + 17, { align: "right" });
}

const play = document.getElementById("play");
let playing = 0;

function togglePlay() {
  if (playing) clearInterval(playing);
  playing = playing ? 0 : setInterval(
    () => choose({ moment: (view.moment + 1) % moments.length }), 600);
  play.innerHTML = playing ? "&#10074;&#10074;" : "&#9654;";
  play.setAttribute("aria-label", playing ? "stop" : "play");
}

function startTimeline() {
  play.addEventListener("click", togglePlay);
  const move = (event) => {
    const [left, right] = [Number(cursor.dataset.left), Number(cursor.dataset.right)];
    const x = event.clientX - cursor.getBoundingClientRect().left;
    const [x0, x1] = wholeRange;
    goTo(x0 + ((x - left) / (right - left)) * (x1 - x0));
  };
  cursor.addEventListener("pointerdown", (event) => {
    cursor.setPointerCapture(event.pointerId);
    move(event);
  });
  cursor.addEventListener("pointermove", (event) => { if (event.buttons & 1) move(event); });
}
