// What the states hold for the chosen image: maps, the channels of one state, courses of time.

function stateOf(r) {
  return recordings[r].states.findIndex((s) => s.name === view.state);
}

// The row that is shown of a state: the chosen channel of the chosen state, else the rms.
function rowOf(state) {
  return state.name === view.state && view.row < state.rows ? view.row : 0;
}

function rowName(state, row) {
  if (row > 0) return state.names[row - 1];
  return state.numbers === 3 ? "rms over channels" : "rms over units";
}

// The scale of a row: over all times and recordings, or of the map itself.
function scaleOf(name, row, state, t) {
  if (view.scale === "map") {
    return [row === 0 ? 0 : numberOf(state, row, t, 1), numberOf(state, row, t, 2)];
  }
  const ranges = [];
  recordings.forEach((recording, r) => {
    const theirs = (activityOf(r, view.image).value || []).find((s) => s.name === name);
    if (theirs && theirs.numbers === 3 && row < theirs.rows) ranges.push(rangeOf(theirs, row));
  });
  return [Math.min(...ranges.map((v) => v[0])), Math.max(...ranges.map((v) => v[1]))];
}

function startMaps(section, r) {
  const maps = section.querySelector(".maps");
  for (const state of recordings[r].states) {
    const box = document.createElement("div");
    box.className = "map";
    const button = document.createElement("button");
    button.type = "button";
    button.title = `choose ${state.name}`;
    const name = document.createElement("span");
    name.className = "name";
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    const text = document.createElement("p");
    text.className = "values";
    text.dataset.state = state.name;
    button.append(name, canvas);
    box.append(button, text);
    button.addEventListener("click", () => choose({ state: state.name, row: 0 }));
    maps.append(box);
  }
}

function drawMaps(section, r) {
  const entry = activityOf(r, view.image);
  const t = placeOf(r);
  const { maps, states } = recordings[r];
  section.querySelector(".states h3").textContent = `states at this time${
    maps === "none" ? " (pictures were left out)"
      : states.some((s) => s.numbers === 3) ? " (below a map: smallest … largest)" : ""}`;
  [...section.querySelectorAll(".map")].forEach((box, k) => {
    const [name, canvas] = box.firstChild.children;
    const text = box.lastChild;
    const about = recordings[r].states[k];
    box.classList.toggle("chosen", about.name === view.state);
    const row = rowOf(about);
    name.textContent = row ? `${about.name}, ${rowName(about, row)}` : about.name;
    const context = sharp(canvas, 112, 112);
    const missing = whyNoMap(entry, about, row, t);
    const state = (entry.value || [])[k];
    delete text.dataset.value;
    text.textContent = "";
    if (missing) nothing(context, 112, 112, missing);
    else {
      const scale = scaleOf(about.name, row, state, t);
      place(context, mapPixels(state, row, t, scale), 0, 0, 112, 112);
    }
    if (state && t >= 0 && about.populated[t]) tellMap(text, state, row, t);
    canvas.setAttribute("aria-label", `${name.textContent}: ${missing || text.textContent}`);
  });
}

function whyNoMap(entry, state, row, t) {
  if (entry.error) return entry.error;
  if (t < 0) return "not recorded\nat this time";
  if (!state.populated[t]) return "not populated";
  if (!entry.value) return "…";
  if (state.numbers !== 3) return "no maps\nwere kept";
  return row < state.pictures ? "" : "left out of\nthis page";
}

function tellMap(text, state, row, t) {
  const value = numberOf(state, row, t);
  const bold = document.createElement("b");
  bold.textContent = digits(value);
  const kind = row === 0 ? "rms " : state.numbers === 3 ? "mean " : "";
  text.append(kind, bold);
  if (state.numbers === 3) {
    const [low, high] = [numberOf(state, row, t, 1), numberOf(state, row, t, 2)];
    text.append(document.createElement("br"), `${digits(low, 3)} … ${digits(high, 3)}`);
    Object.assign(text.dataset, { low, high });
  }
  text.dataset.value = value;
}

// All channels of the chosen state as small pictures (or bars of units), to be clicked.
function galleryShape(state, width) {
  const count = state.rows - 1;
  const fits = (side) => Math.floor((width + 2) / (side + 2)) * Math.floor(150 / (side + 2));
  let side = 64;
  while (side > 5 && fits(side) < count) side -= 1;
  const columns = Math.max(1, Math.floor((width + 2) / (side + 2)));
  return { side, columns, lines: Math.ceil(count / columns) };
}

function startGallery(section, r) {
  const canvas = section.querySelector(".gallery");
  const text = section.querySelector(".gallery-text");
  const rowAt = (event) => {
    const k = stateOf(r);
    if (k < 0 || !canvas.dataset.side) return 0;
    const box = canvas.getBoundingClientRect();
    const pitch = Number(canvas.dataset.side) + 2;
    const column = Math.floor((event.clientX - box.left) / pitch);
    const line = Math.floor((event.clientY - box.top) / pitch);
    const columns = Number(canvas.dataset.columns);
    const row = 1 + line * columns + column;
    return column < columns && row < recordings[r].states[k].rows ? row : 0;
  };
  canvas.addEventListener("pointermove", (event) => {
    const state = (activityOf(r, view.image).value || [])[stateOf(r)];
    const row = rowAt(event);
    const t = placeOf(r);
    if (!state || !row || t < 0 || !state.populated[t]) return;
    text.textContent = `${rowName(state, row)}: ${state.numbers === 3 ? "mean " : ""}${
      digits(numberOf(state, row, t))}`;
  });
  canvas.addEventListener("pointerleave", redraw);
  canvas.addEventListener("click", (event) => choose({ row: rowAt(event) }));
}

function drawGallery(section, r) {
  const canvas = section.querySelector(".gallery");
  const text = section.querySelector(".gallery-text");
  const title = section.querySelector(".channels h3");
  const k = stateOf(r);
  const width = Math.max(160, canvas.parentElement.clientWidth - 16);
  text.textContent = "";
  if (k < 0) {
    title.textContent = `no state ${view.state} in this recording`;
    sharp(canvas, width, 1);
    return;
  }
  const state = (activityOf(r, view.image).value || [])[k];
  const about = recordings[r].states[k];
  const kind = about.numbers === 3 ? "channels" : "units";
  title.textContent = `${about.rows - 1} ${kind} of ${view.state}`;
  const t = placeOf(r);
  const { side, columns, lines } = galleryShape(about, width);
  const context = sharp(canvas, width, Math.max(60, lines * (side + 2)));
  Object.assign(canvas.dataset, { side, columns });
  canvas.setAttribute("aria-label", title.textContent);
  const why = t < 0 ? "not recorded at this time"
    : !about.populated[t] ? `${view.state} is not populated at this step`
      : about.numbers === 3 && about.pictures < 2 ? "single channels were left out" : "";
  if (why) nothing(context, width, Math.max(60, lines * (side + 2)), why);
  if (why || !state) return;
  const most = largest(state);
  for (let row = 1; row < about.rows; row++) {
    const x = ((row - 1) % columns) * (side + 2);
    const y = Math.floor((row - 1) / columns) * (side + 2);
    const pixels = about.numbers === 3
      ? mapPixels(state, row, t, scaleOf(about.name, row, state, t))
      : coloured(1, 1, () => (numberOf(state, row, t) - most[0]) / (most[1] - most[0] || 1));
    place(context, pixels, x, y, side, side);
    if (row === view.row) {
      context.strokeStyle = inks.mark;
      context.lineWidth = 3;
      context.strokeRect(x + 1, y + 1, side - 2, side - 2);
    }
  }
  text.textContent = about.numbers === 3
    ? `brighter is more (${view.scale === "map" ? "each map" : "over all times"})`
    : `brighter is more, from ${digits(most[0], 3)} to ${digits(most[1], 3)}`;
}

// The smallest and largest value of all units over all steps.
function largest(state) {
  const values = state.values.subarray(state.steps * state.numbers).filter(Number.isFinite);
  return [values.reduce((a, b) => Math.min(a, b), Infinity),
    values.reduce((a, b) => Math.max(a, b), -Infinity)];
}

function coursesOf(r) {
  return (activityOf(r, view.image).value || []).map((state, k) => {
    const row = rowOf(state);
    const y = state.populated.map((p, t) => (p ? numberOf(state, row, t) : null));
    return {
      x: timesOf(r), y, style: styleOf(k), wide: state.name === view.state,
      label: row ? `${state.name} ${row - 1}` : state.name,
    };
  });
}

function drawCourses(section, r) {
  const canvas = section.querySelector(".courses canvas");
  const series = coursesOf(r);
  // Recordings are drawn to one scale.
  const seen = recordings.flatMap((_, k) => coursesOf(k)).flatMap((s) => s.y).filter(isNumber);
  const [low, high] = [Math.min(0, ...seen), Math.max(0, ...seen)];
  const about = recordings[r].states[stateOf(r)];
  section.querySelector(".courses h3").textContent = about && rowOf(about)
    ? `rms by time (${view.state}: channel mean)` : "rms of each state by time";
  chart(canvas, {
    series, y0: low, y1: high > low ? high * 1.05 : 1,
    describes: `activity by time of ${nameOf(view.image)}: ${series.map(
      (s) => `${s.label} ${s.y.map((v) => digits(v)).join(", ")}`).join("; ")}`,
  });
}
