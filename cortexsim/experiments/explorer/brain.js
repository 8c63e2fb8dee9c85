// Similarity to a brain by time, beside its noise ceiling.

function startBrain() {
  if (!index.brain) return;
  document.getElementById("brain").hidden = false;
  const menu = document.getElementById("target");
  index.brain.targets.forEach(({ name }, k) => menu.add(new Option(name, k)));
  menu.addEventListener("change", () => choose({ target: Number(menu.value) }));
  const { name, citation, licence, n, images, quantity } = index.brain;
  document.getElementById("brain-about").textContent =
    `${name}: ${quantity} of ${images} images, shaded the 95 % interval of ${n} resamples`
    + `${citation ? `. ${citation}` : ""}${licence ? `. Licence: ${licence}` : ""}`;
  dragsTime(document.getElementById("brain-chart"));
}

function drawBrain() {
  if (!index.brain) return;
  document.getElementById("target").value = view.target;
  const { recordings: courses } = index.brain.targets[view.target];
  // Of two recordings the chosen state alone, lest nobody finds a line.
  const isShown = (state) => courses.length === 1 || state.name === view.state;
  const series = courses.flatMap((course, r) => course.states.filter(isShown).map((state, k) => ({
    x: axisOf(course), y: state.value,
    ...(state.name === view.state ? { low: state.low, high: state.high } : {}),
    style: styleOf(k + r), wide: state.name === view.state,
    markers: !course.brain_time,
    label: courses.length > 1 ? `${state.name} (${"AB"[r]})` : state.name,
  })));
  const [low, high] = courses[0].ceiling;
  const flat = low.length === 1;
  const ceiling = flat
    ? { y0: low[0], y1: high[0], label: "ceiling" }
    : { x: axisOf(courses[0]), y0: low, y1: high, label: "ceiling" };
  const seen = [
    ...courses.flatMap((c) => c.states.flatMap((s) => [...s.low, ...s.high])), ...low, ...high];
  const numbers = seen.filter(isNumber);
  chart(document.getElementById("brain-chart"), {
    series, bands: isNumber(low[0]) || !flat ? [ceiling] : [], height: 200,
    y0: Math.min(0, ...numbers), y1: Math.max(0, ...numbers) * 1.05,
    describes: `similarity by time: ${series.map(
      (s) => `${s.label} ${s.y.map((v) => digits(v, 3)).join(", ")}`).join("; ")}`,
  });
  tellBrain(courses);
}

function axisOf(course) {
  return isDeclared || course.brain_time ? course.time : course.steps;
}

function tellBrain(courses) {
  const text = document.getElementById("brain-text");
  text.replaceChildren();
  const told = [];
  courses.forEach((course, r) => {
    const k = momentIn(course);
    const state = course.states.find((s) => s.name === view.state);
    const value = state && k >= 0 ? state.value[k] : null;
    const bold = document.createElement("b");
    bold.textContent = digits(value);
    const range = isNumber(value) ? ` [${digits(state.low[k], 3)}, ${
      digits(state.high[k], 3)}]` : "";
    text.append(`${view.state}${courses.length > 1 ? ` (${"AB"[r]})` : ""} `, bold, `${range}; `);
    told.push(value);
  });
  const [low, high] = courses[0].ceiling.map((c) => c[c.length > 1 ? momentIn(courses[0]) : 0]);
  text.append(`ceiling ${digits(low, 3)} to ${digits(high, 3)}, ${courses[0].whose}`);
  if (courses[0].brain_time) {
    text.append(`; in the bin at ${digits(courses[0].time[momentIn(courses[0])])} ms`);
  }
  if (courses[0].conditions_fixed_in !== "nothing") {
    text.append(`; speaks of these images only (${courses[0].conditions_fixed_in})`);
  }
  text.dataset.values = JSON.stringify(told);
}

// Where the moment stands in a course; of the brain's own time the nearest bin.
function momentIn(course) {
  const axis = axisOf(course);
  let best = -1;
  axis.forEach((x, k) => {
    if (best < 0 || Math.abs(x - moment()) <= Math.abs(axis[best] - moment())) best = k;
  });
  if (course.brain_time) return best;
  return best >= 0 && Math.abs(axis[best] - moment()) < 1e-6 ? best : -1;
}
