// Lines over time, all on the one time axis, with the cursor and its declared range.

function niceTicks(low, high, about) {
  const rough = (high - low) / about || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].find((m) => m * power >= rough * 0.999) * power;
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) {
    ticks.push(Number((k * step).toPrecision(10)));
  }
  return ticks;
}

// Labels at the ends of lines, moved apart.
function apart(labels, low, high, gap = 13) {
  labels.sort((a, b) => a.y - b.y);
  for (let k = 0; k < labels.length; k++) {
    labels[k].y = Math.max(labels[k].y, k ? labels[k - 1].y + gap : low);
  }
  let limit = high;
  for (let k = labels.length - 1; k >= 0; k--) {
    labels[k].y = Math.max(low, Math.min(labels[k].y, limit));
    limit = labels[k].y - gap;
  }
  return labels;
}

// series: {x, y, low, high, style, label, wide}; bands: {y0, y1, label} or {x, y0, y1, label}.
function chart(canvas, spec) {
  const width = Math.max(180, canvas.parentElement.clientWidth - 16);
  const height = spec.height || 146;
  const context = sharp(canvas, width, height);
  const [x0, x1] = timeDomain;
  const named = [...spec.series, ...(spec.bands || [])].filter((s) => s.label);
  const widest = Math.max(0, ...named.map((s) => {
    context.font = `${s.wide ? "600 " : ""}12px system-ui, sans-serif`;
    return context.measureText(s.label).width;
  }));
  context.font = "12px system-ui, sans-serif";
  const ticks = spec.ticks || niceTicks(spec.y0, spec.y1, 4);
  const names = ticks.map((v, k) => (spec.tickNames ? spec.tickNames[k] : digits(v)));
  const left = 10 + Math.max(...names.map((name) => context.measureText(name).width));
  const area = {
    left, right: width - Math.min(width * 0.42, widest + 12), top: 8, bottom: height - 33,
  };
  const px = (x) => area.left + ((x - x0) / (x1 - x0)) * (area.right - area.left);
  const py = (y) => area.bottom - ((y - spec.y0) / (spec.y1 - spec.y0)) * (area.bottom - area.top);
  drawAxes(context, area, { ticks, names, px, py });
  context.save();
  context.beginPath();
  context.rect(area.left, area.top - 4, area.right - area.left + 1, area.bottom - area.top + 8);
  context.clip();
  drawMoment(context, area, px);
  const labels = [];
  for (const band of spec.bands || []) drawBand(context, area, band, { px, py, labels });
  for (const line of spec.series) drawLine(context, line, { px, py, labels });
  context.restore();
  for (const { y, text, colour, bold } of apart(labels, area.top + 8, area.bottom + 2)) {
    write(context, text, area.right + 8, y + 4, { colour, bold });
  }
  Object.assign(canvas.dataset, { left: area.left, right: area.right });
  canvas.setAttribute("aria-label", spec.describes);
}

function drawAxes(context, area, { ticks, names, px, py }) {
  ticks.forEach((tick, k) => {
    const y = Math.round(py(tick)) + 0.5;
    context.strokeStyle = inks.line;
    context.beginPath();
    context.moveTo(area.left, y);
    context.lineTo(area.right, y);
    context.stroke();
    write(context, names[k], area.left - 5, y + 4, { align: "right" });
  });
  const about = Math.max(2, Math.floor((area.right - area.left) / 48));
  const times = niceTicks(timeDomain[0], timeDomain[1], about);
  for (const tick of isDeclared ? times : times.filter(Number.isInteger)) {
    const x = Math.round(px(tick)) + 0.5;
    context.strokeStyle = inks.soft;
    context.beginPath();
    context.moveTo(x, area.bottom);
    context.lineTo(x, area.bottom + 4);
    context.stroke();
    write(context, digits(tick), x, area.bottom + 16, { align: "center" });
  }
  write(context, timeLabel, (area.left + area.right) / 2, area.bottom + 30,
    { align: "center" });
}

function drawMoment(context, area, px) {
  const [low, high] = declaredRange();
  if (high > low) {
    context.fillStyle = inks.shade;
    context.globalAlpha = 0.75;
    context.fillRect(px(low), area.top, px(high) - px(low), area.bottom - area.top);
    context.globalAlpha = 1;
  }
  context.strokeStyle = inks.mark;
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(px(moment()), area.top - 4);
  context.lineTo(px(moment()), area.bottom);
  context.stroke();
  context.lineWidth = 1;
}

function drawBand(context, area, band, { px, py, labels }) {
  const x = band.x || [timeDomain[0], timeDomain[1]];
  const low = band.x ? band.y0 : x.map(() => band.y0);
  const high = band.x ? band.y1 : x.map(() => band.y1);
  fillBetween(context, x, low, high, { px, py, colour: inks.soft, alpha: 0.28 });
  const last = low.length - 1;
  if (band.label) {
    labels.push({ y: py((low[last] + high[last]) / 2), text: band.label, colour: inks.soft });
  }
}

function fillBetween(context, x, low, high, { px, py, colour, alpha }) {
  const seen = x.map((_, k) => k).filter((k) => isNumber(low[k]) && isNumber(high[k]));
  if (!seen.length) return;
  context.beginPath();
  seen.forEach((k) => context.lineTo(px(x[k]), py(high[k])));
  seen.reverse().forEach((k) => context.lineTo(px(x[k]), py(low[k])));
  context.closePath();
  context.fillStyle = colour;
  context.globalAlpha = alpha;
  context.fill();
  context.globalAlpha = 1;
}

function isNumber(v) {
  return v !== null && v !== undefined && Number.isFinite(v);
}

function drawLine(context, line, { px, py, labels }) {
  const { colour, dash, marker } = line.style;
  if (line.low) {
    fillBetween(context, line.x, line.low, line.high, { px, py, colour, alpha: 0.16 });
  }
  context.strokeStyle = colour;
  context.lineWidth = line.wide ? 2.6 : 1.5;
  context.setLineDash(dash);
  context.beginPath();
  let drawing = false;
  line.x.forEach((x, k) => {
    if (!isNumber(line.y[k])) drawing = false;
    else if (drawing) context.lineTo(px(x), py(line.y[k]));
    else { context.moveTo(px(x), py(line.y[k])); drawing = true; }
  });
  context.stroke();
  context.setLineDash([]);
  context.lineWidth = 1;
  const seen = line.x.map((_, k) => k).filter((k) => isNumber(line.y[k]));
  if (line.markers !== false) {
    seen.forEach((k) => drawMarker(context, marker, px(line.x[k]), py(line.y[k]), colour));
  }
  if (line.label && seen.length) {
    labels.push({
      y: py(line.y[seen[seen.length - 1]]), text: line.label, colour, bold: line.wide,
    });
  }
}

// Dragging over a chart drags the time.
function dragsTime(canvas) {
  canvas.style.cursor = "ew-resize";
  canvas.style.touchAction = "pan-y";
  const move = (event) => {
    const [left, right] = [Number(canvas.dataset.left), Number(canvas.dataset.right)];
    const x = event.clientX - canvas.getBoundingClientRect().left;
    goTo(timeDomain[0] + ((x - left) / (right - left)) * (timeDomain[1] - timeDomain[0]));
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    move(event);
  });
  canvas.addEventListener("pointermove", (event) => { if (event.buttons & 1) move(event); });
}
