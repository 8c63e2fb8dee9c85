// Drawing: sharp canvases in the colours of the theme, pictures by luminance, thumbnails.

const DASHES = [[], [7, 3], [7, 3, 2, 3], [2, 3], [12, 3], [4, 2]];
const MARKERS = ["circle", "square", "triangle", "diamond", "plus", "ring"];
let inks = {};

function readTheme() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["paper", "panel", "ink", "soft", "line", "shade", "mark"]) {
    inks[name] = style.getPropertyValue(`--${name}`).trim();
  }
  inks.series = DASHES.map((_, k) => style.getPropertyValue(`--series-${k}`).trim());
}

function styleOf(k) {
  const n = DASHES.length;
  const shifted = (k + Math.floor(k / n)) % n;
  return { colour: inks.series[k % n], dash: DASHES[shifted], marker: MARKERS[shifted] };
}

// A context in CSS pixels of a canvas of that size, cleared.
function sharp(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(w / width, 0, 0, h / height, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "12px system-ui, sans-serif";
  context.lineWidth = 1;
  context.textBaseline = "alphabetic";
  return context;
}

function write(context, text, x, y, { align = "left", colour = inks.soft, bold = false } = {}) {
  context.font = `${bold ? "600 " : ""}12px system-ui, sans-serif`;
  context.textAlign = align;
  context.fillStyle = colour;
  context.fillText(text, x, y);
}

const offscreen = document.createElement("canvas");

// Pixels onto a rectangle, each a sharp square.
function place(context, data, x, y, width, height) {
  offscreen.width = data.width;
  offscreen.height = data.height;
  offscreen.getContext("2d").putImageData(data, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(offscreen, x, y, width, height);
}

// Values from 0 to 1 as pixels; NaN is the paper's shade.
function coloured(width, height, value) {
  const data = new ImageData(width, height);
  for (let k = 0; k < width * height; k++) {
    const v = value(k);
    const c = 3 * Math.round(255 * Math.min(1, Math.max(0, v)));
    for (let j = 0; j < 3; j++) data.data[4 * k + j] = colours[c + j];
    data.data[4 * k + 3] = Number.isNaN(v) ? 0 : 255;
  }
  return data;
}

// The picture of a row at a step, of the scale [low, high].
function mapPixels(state, row, t, [low, high]) {
  const codes = pictureOf(state, row, t);
  if (!codes) return null;
  const smallest = numberOf(state, row, t, 1);
  const unit = (numberOf(state, row, t, 2) - smallest) / index.levels;
  const span = high > low ? high - low : 1;
  return coloured(state.width, state.height, (k) => (
    codes[k] === index.not_finite ? NaN : (smallest + unit * codes[k] - low) / span));
}

// Where nothing is: a dotted frame with a word.
function nothing(context, width, height, text) {
  context.setLineDash([2, 3]);
  context.strokeStyle = inks.soft;
  context.strokeRect(0.5, 0.5, width - 1, height - 1);
  context.setLineDash([]);
  const words = text.split("\n");
  words.forEach((line, k) => write(
    context, line, width / 2, height / 2 + 4 + 15 * (k - (words.length - 1) / 2),
    { align: "center" }));
}

// The image on a canvas, or its number where the images were not found.
function thumbnail(canvas, image, side) {
  const context = sharp(canvas, side, side);
  const pixels = pixelsOf(image);
  if (pixels) {
    const scale = Math.min(side / pixels.width, side / pixels.height);
    const [w, h] = [pixels.width * scale, pixels.height * scale];
    place(context, pixels, (side - w) / 2, (side - h) / 2, w, h);
  } else {
    context.fillStyle = inks.shade;
    context.fillRect(0, 0, side, side);
    write(context, String(image + 1), side / 2, side / 2 + 4,
      { align: "center", colour: inks.ink });
  }
}

// A bar of the colour map below (or beside) what it explains.
function colourBar(context, x, y, width, low, high) {
  place(context, coloured(128, 1, (k) => k / 127), x, y, width, 7);
  write(context, digits(low, 3), x, y + 19);
  write(context, digits(high, 3), x + width, y + 19, { align: "right" });
}

function drawMarker(context, marker, x, y, colour, size = 3.2) {
  context.beginPath();
  context.fillStyle = context.strokeStyle = colour;
  if (marker === "square") context.rect(x - size, y - size, 2 * size, 2 * size);
  else if (marker === "triangle" || marker === "diamond") {
    const down = marker === "diamond" ? 1.3 * size : 0.9 * size;
    context.moveTo(x, y - 1.3 * size);
    context.lineTo(x + 1.2 * size, marker === "diamond" ? y : y + down);
    if (marker === "diamond") context.lineTo(x, y + down);
    context.lineTo(x - 1.2 * size, marker === "diamond" ? y : y + down);
    context.closePath();
  } else if (marker === "plus") {
    context.rect(x - size, y - 1, 2 * size, 2);
    context.rect(x - 1, y - size, 2, 2 * size);
  } else context.arc(x, y, size, 0, 2 * Math.PI);
  if (marker === "ring") context.stroke();
  else context.fill();
}
