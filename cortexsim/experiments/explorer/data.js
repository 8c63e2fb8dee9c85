// What the page shows: the index at once, blobs when they are first looked at.

const index = JSON.parse(document.getElementById("index").textContent);
const recordings = index.recordings;
const KEPT = 400; // blobs that a served page holds

const held = new Map(); // key -> {value} | {error} | {} while it is read

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) bytes[k] = text.charCodeAt(k);
  return bytes;
}

const colours = bytesOf(index.colours); // 256 x 3

async function packed(key) {
  if (index.failures[key]) throw new Error(index.failures[key]);
  if (!index.served) {
    const element = document.getElementById(key);
    if (!element) throw new Error("");
    return bytesOf(element.textContent);
  }
  const answer = await fetch("blob/" + encodeURIComponent(key));
  if (!answer.ok) throw new Error(answer.status === 404 ? "" : await answer.text());
  return new Uint8Array(await answer.arrayBuffer());
}

async function read(key, decode) {
  const stream = new Blob([await packed(key)]).stream();
  const plain = stream.pipeThrough(new DecompressionStream("gzip"));
  return decode(await new Response(plain).arrayBuffer());
}

// What a key holds, if it is there: {value}, {error}, or {} until it is, and then all is drawn.
function ask(key, decode) {
  if (!held.has(key)) {
    if (index.served && held.size >= KEPT) held.delete(held.keys().next().value);
    const entry = {};
    held.set(key, entry);
    read(key, decode)
      .then((value) => { entry.value = value; })
      .catch((error) => { entry.error = error.message || "not in this page"; })
      .finally(redraw);
  }
  return held.get(key);
}

// Activity of one image: of each state numbers (row, step, n) and pictures (row, seen, y, x).
function activityOf(r, image) {
  return ask(`activity/${r}/${image}`, (buffer) => {
    const states = [];
    const steps = recordings[r].times.steps.length;
    let at = 0;
    for (const state of recordings[r].states) {
      const count = state.rows * steps * state.numbers;
      states.push({ ...state, steps, values: new Float32Array(buffer, at, count) });
      at += 4 * count;
    }
    for (const state of states) {
      state.seen = state.populated.filter(Boolean).length;
      const count = state.pictures * state.seen * state.height * state.width;
      state.codes = new Uint8Array(buffer, at, count);
      at += count;
    }
    return states;
  });
}

// One number of a row at a step: 0 the mean (or the value), 1 the smallest, 2 the largest.
function numberOf(state, row, t, which = 0) {
  return state.values[(row * state.steps + t) * state.numbers + which];
}

// The codes of the picture of a row at a step; null where there is none.
function pictureOf(state, row, t) {
  if (row >= state.pictures || !state.populated[t]) return null;
  const frame = state.populated.slice(0, t).filter(Boolean).length;
  const size = state.height * state.width;
  const start = (row * state.seen + frame) * size;
  return state.codes.subarray(start, start + size);
}

// The smallest and largest of a row over all steps; of the rms from 0.
function rangeOf(state, row) {
  let low = row === 0 ? 0 : Infinity;
  let high = -Infinity;
  for (let t = 0; t < state.steps; t++) {
    if (!state.populated[t]) continue;
    low = Math.min(low, numberOf(state, row, t, 1));
    high = Math.max(high, numberOf(state, row, t, 2));
  }
  return [low, high];
}

// The probabilities of the classes of an image at a step, in double precision; or null.
function probabilitiesOf(r, image, t) {
  const { classes, block, populated } = recordings[r].readout;
  if (!populated[t]) return null;
  const entry = ask(`logits/${r}/${Math.floor(image / block)}`, (b) => new Float32Array(b));
  if (!entry.value) return null;
  const count = classes.length;
  const start = ((image % block) * recordings[r].times.steps.length + t) * count;
  const logits = Array.from(entry.value.subarray(start, start + count));
  const most = Math.max(...logits);
  const raised = logits.map((x) => Math.exp(x - most));
  const sum = raised.reduce((a, b) => a + b, 0);
  return raised.map((x) => x / sum);
}

function argmax(values) {
  let best = 0;
  values.forEach((v, k) => { if (v > values[best]) best = k; });
  return best;
}

// The RGB pixels of an image, as ImageData; or null.
function pixelsOf(image) {
  const { height, width, block, missing } = index.images;
  if (missing) return null;
  const entry = ask(`pictures/${Math.floor(image / block)}`, (b) => new Uint8Array(b));
  if (!entry.value) return null;
  const size = height * width;
  const start = (image % block) * size * 3;
  const data = new ImageData(width, height);
  for (let k = 0; k < size; k++) {
    for (let c = 0; c < 3; c++) data.data[4 * k + c] = entry.value[start + 3 * k + c];
    data.data[4 * k + 3] = 255;
  }
  return data;
}

// Where the pair of two images stands among the pairs of n (squareform order).
function pairPlace(i, j, n) {
  const [a, b] = i < j ? [i, j] : [j, i];
  return n * a - (a * (a + 1)) / 2 + b - a - 1;
}

function rdmOf(r, state) {
  return ask(`rdm/${r}/${state}`, (buffer) => {
    const values = new Float32Array(buffer);
    const pairs = values.length / recordings[r].times.steps.length;
    const high = values.reduce((most, v) => (v > most ? v : most), 0);
    const low = values.reduce((least, v) => (v < least ? v : least), 0);
    return { values, pairs, low, high };
  });
}

// The smallest and the largest of all positions, along x and y.
function endsOf(positions) {
  return [0, 1].map((axis) => {
    const along = positions.filter((v, k) => k % 2 === axis && !Number.isNaN(v));
    return [along.reduce((a, b) => Math.min(a, b), 0), along.reduce((a, b) => Math.max(a, b), 0)];
  });
}

// The middle and half the size of what lies between several such ends, along x and y.
function middleOf(several) {
  const ends = [0, 1].map((axis) => [
    Math.min(...several.map((one) => one[axis][0])),
    Math.max(...several.map((one) => one[axis][1]))]);
  return [ends.map(([a, b]) => (a + b) / 2), ends.map(([a, b]) => (b - a) / 2 || 1)];
}

function mdsOf(r, state) {
  return ask(`mds/${r}/${state}`, (buffer) => {
    const all = new Float32Array(buffer);
    const steps = recordings[r].times.steps.length;
    const positions = all.subarray(steps);
    return { stress: all.subarray(0, steps), positions, ends: endsOf(positions) };
  });
}

// A number with four digits, as short as can be.
function digits(x, count = 4) {
  if (x === null || x === undefined || Number.isNaN(x)) return "–";
  return String(Number(x.toPrecision(count))).replace("-", "−");
}
