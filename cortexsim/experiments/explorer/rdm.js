// The RDM of the chosen state at this time; a pair that is hovered or pinned shows its images.

const MATRIX = 272;

function rdmRow(r, data, t) {
  return data.values.subarray(t * data.pairs, (t + 1) * data.pairs);
}

function startRdm(section, r) {
  const canvas = section.querySelector(".matrix");
  const count = recordings[r].geometry.count;
  const pairAt = (event) => {
    const box = canvas.getBoundingClientRect();
    const at = [event.clientY - box.top, event.clientX - box.left].map(
      (x) => Math.floor((x / MATRIX) * count));
    const [i, j] = at;
    return i >= 0 && j >= 0 && i < count && j < count && i !== j ? at : null;
  };
  canvas.addEventListener("pointermove", (event) => choose({ pair: pairAt(event) }));
  canvas.addEventListener("pointerleave", () => choose({ pair: null }));
  canvas.addEventListener("click", (event) => pin(pairAt(event)));
  canvas.addEventListener("keydown", (event) => {
    const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (event.key === "Enter") {
      pin(view.pair || view.pinned);
      event.preventDefault();
    } else if (event.shiftKey && by[event.key]) {
      movePair(by[event.key], count);
      event.preventDefault();
      event.stopPropagation();
    }
  });
}

function pin(pair) {
  if (!pair) return;
  const same = view.pinned && String(view.pinned) === String(pair);
  choose({ pinned: same ? null : pair });
}

function movePair([down, right], count) {
  const turn = (k) => (k + count) % count;
  let [i, j] = view.pair || view.pinned || [0, count > 1 ? 1 : 0];
  if (view.pair || view.pinned) [i, j] = [turn(i + down), turn(j + right)];
  if (i === j) [i, j] = [turn(i + down), turn(j + right)];
  choose({ pair: [i, j] });
}

function drawRdm(section, r) {
  const { geometry, times } = recordings[r];
  const panel = section.querySelector(".rdm");
  const canvas = panel.querySelector(".matrix");
  const t = placeOf(r);
  const whole = index.images.id.length;
  const part = geometry.count < whole ? ` (the first ${geometry.count} of ${whole} images)` : "";
  panel.querySelector("h3").textContent = `RDM of ${view.state}, ${geometry.measure}${part}`;
  const context = sharp(canvas, MATRIX, MATRIX + 28);
  Object.assign(canvas.dataset, { side: MATRIX, step: t < 0 ? "" : times.steps[t] });
  const entry = geometry.states.includes(view.state) ? rdmOf(r, view.state) : {};
  const why = whyNoRdm(geometry, entry, r, t);
  canvas.setAttribute("aria-label", `${panel.firstChild.textContent}: ${
    why || "Shift and arrows move the pair, Enter pins it"}`);
  if (why) {
    nothing(context, MATRIX, MATRIX, inLines(why, 32));
    panel.querySelector(".pair").replaceChildren();
    return;
  }
  const row = rdmRow(r, entry.value, t);
  const { low, high } = view.scale === "time" ? rdmScale(r) : ends(row);
  const n = geometry.count;
  const span = high - low || 1;
  place(context, coloured(n, n, (k) => {
    const [i, j] = [Math.floor(k / n), k % n];
    return i === j ? NaN : (row[pairPlace(i, j, n)] - low) / span;
  }), 0, 0, MATRIX, MATRIX);
  markPairs(context, n);
  colourBar(context, 0, MATRIX + 5, MATRIX, low, high);
  write(context, "dissimilarity", MATRIX / 2, MATRIX + 24, { align: "center" });
  drawPair(panel.querySelector(".pair"), r, t);
}

// The recordings whose RDMs have the unit of this one: they are drawn to the same scale.
function alike(r) {
  const { measure } = recordings[r].geometry;
  return recordings.map((_, k) => k).filter((k) => (
    recordings[k].geometry.measure === measure
    && recordings[k].geometry.states.includes(view.state)));
}

function rdmScale(r) {
  const there = alike(r).map((k) => rdmOf(k, view.state).value).filter(Boolean);
  return {
    low: Math.min(...there.map((v) => v.low)), high: Math.max(...there.map((v) => v.high)),
  };
}

function ends(values) {
  return {
    low: values.reduce((a, b) => Math.min(a, b)), high: values.reduce((a, b) => Math.max(a, b)),
  };
}

function whyNoRdm(geometry, entry, r, t) {
  if (!geometry.states.includes(view.state)) return `there is no RDM of ${view.state}`;
  if (t < 0) return "not recorded at this time";
  const state = recordings[r].states[stateOf(r)];
  if (!state.populated[t]) return `${view.state} is not populated at this step`;
  if (entry.error) return entry.error;
  if (!entry.value) return "…";
  const row = rdmRow(r, entry.value, t);
  return Number.isNaN(row[0]) ? "the RDM movie does not hold this step" : "";
}

// A text in lines of at most so many letters.
function inLines(text, most) {
  const lines = [""];
  for (const word of text.split(/\s+/)) {
    if ((lines.at(-1) + word).length > most) lines.push("");
    lines[lines.length - 1] += `${lines.at(-1) ? " " : ""}${word}`;
  }
  return lines.slice(0, 12).join("\n");
}

// The chosen image as ticks at the sides; the hovered and the pinned pair as crosses.
function markPairs(context, n) {
  const cell = MATRIX / n;
  const box = ([i, j], colour) => {
    for (const [a, b] of [[i, j], [j, i]]) {
      context.strokeStyle = colour;
      context.lineWidth = 2;
      const size = Math.max(cell, 6);
      const [x, y] = [b, a].map((k) => (k + 0.5) * cell - size / 2);
      context.strokeRect(x, y, size, size);
    }
  };
  if (view.image < n) {
    context.strokeStyle = inks.mark;
    context.lineWidth = 1;
    context.setLineDash([2, 2]);
    const at = (view.image + 0.5) * cell;
    context.strokeRect(0.5, at - cell / 2, MATRIX - 1, cell);
    context.strokeRect(at - cell / 2, 0.5, cell, MATRIX - 1);
    context.setLineDash([]);
  }
  if (view.pinned) box(view.pinned, "#ffffff");
  if (view.pair) box(view.pair, inks.mark);
}

function drawPair(panel, r, t) {
  const pair = view.pair || view.pinned;
  if (!pair) {
    const hint = document.createElement("p");
    hint.className = "absent";
    hint.textContent = "Hover a cell to see its two images; click to pin them.";
    panel.replaceChildren(hint);
    return;
  }
  const n = recordings[r].geometry.count;
  if (panel.dataset.pair !== String(pair) || !panel.querySelector(".two")) {
    panel.replaceChildren(twoImages(pair), document.createElement("p"),
      document.createElement("canvas"));
    panel.children[1].className = "values";
    dragsTime(panel.lastChild);
    panel.dataset.pair = String(pair);
  }
  panel.querySelectorAll("figure canvas").forEach((c, k) => thumbnail(c, pair[k], 64));
  const at = pairPlace(pair[0], pair[1], n);
  const value = rdmRow(r, rdmOf(r, view.state).value, t)[at];
  const bold = document.createElement("b");
  bold.textContent = digits(value);
  panel.children[1].replaceChildren("dissimilarity ", bold,
    view.pinned && String(view.pinned) === String(pair) ? " (pinned)" : "");
  panel.children[1].dataset.value = value;
  pairCourse(panel.lastChild, r, at);
}

function twoImages(pair) {
  const two = document.createElement("div");
  two.className = "two";
  for (const image of pair) {
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    caption.textContent = nameOf(image);
    figure.append(document.createElement("canvas"), caption);
    two.append(figure);
  }
  return two;
}

// The dissimilarity of one pair by time, in every state.
function pairCourse(canvas, r, at) {
  const series = [];
  recordings[r].states.forEach((state, k) => {
    if (!recordings[r].geometry.states.includes(state.name)) return;
    const { value } = rdmOf(r, state.name);
    if (!value) return;
    const y = state.populated.map((p, t) => (p ? rdmRow(r, value, t)[at] : null));
    series.push({
      x: timesOf(r), y, style: styleOf(k), label: state.name, wide: state.name === view.state,
    });
  });
  const seen = series.flatMap((s) => s.y).filter(isNumber);
  chart(canvas, {
    series, height: 122, y0: Math.min(0, ...seen), y1: Math.max(...seen) * 1.05 || 1,
    describes: "dissimilarity of the pair by time in each state",
  });
}
