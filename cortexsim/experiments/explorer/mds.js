// The images in the plane, as their RDM has them; they glide from step to step.

const PLANE = 316;
const GLIDE = 250; // ms

function startMds(section, r) {
  const canvas = section.querySelector(".mds canvas");
  canvas.glide = { from: null, to: null, began: 0 };
  const imageAt = (event) => {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let best = -1;
    let nearest = 16;
    (canvas.points || []).forEach(([a, b], k) => {
      const distance = Math.hypot(a - x, b - y);
      if (distance < nearest) [best, nearest] = [k, distance];
    });
    return best;
  };
  canvas.addEventListener("pointermove", (event) => {
    const image = imageAt(event);
    canvas.style.cursor = image < 0 ? "default" : "pointer";
    canvas.title = image < 0 ? "" : nameOf(image);
  });
  canvas.addEventListener("click", (event) => {
    const image = imageAt(event);
    if (image >= 0) choose({ image });
  });
}

function drawMds(section, r) {
  const panel = section.querySelector(".mds");
  const [title, canvas, text] = panel.children;
  const { geometry } = recordings[r];
  title.textContent = `MDS of ${view.state}`;
  const width = Math.max(180, canvas.parentElement.clientWidth - 16);
  const context = sharp(canvas, width, PLANE);
  const t = placeOf(r);
  const there = geometry.states.includes(view.state);
  const entry = there ? mdsOf(r, view.state) : {};
  const why = whyNoRdm(geometry, there ? rdmOf(r, view.state) : {}, r, t)
    || entry.error || (entry.value ? "" : "…");
  text.textContent = "";
  delete text.dataset.stress;
  canvas.points = [];
  canvas.setAttribute("aria-label", `${title.textContent}${why ? `: ${why}` : ""}`);
  if (why) {
    nothing(context, width, PLANE, inLines(why, 34));
    canvas.glide.to = null;
    return;
  }
  const { positions, stress } = entry.value;
  const n = geometry.count;
  const target = positions.subarray(t * n * 2, (t + 1) * n * 2);
  const at = gliding(canvas, target);
  const [middle, half] = middleOf(view.scale === "time"
    ? alike(r).map((k) => mdsOf(k, view.state).value).filter(Boolean).map((v) => v.ends)
    : [endsOf(target)]);
  const scale = Math.min((width / 2 - 18) / half[0], (PLANE / 2 - 22) / half[1]);
  const side = n > 100 ? 12 : n > 60 ? 16 : 20;
  const order = [...Array(n).keys()].filter((k) => k !== view.image);
  if (view.image < n) order.push(view.image);
  for (const k of order) {
    canvas.points[k] = [
      width / 2 + (at[2 * k] - middle[0]) * scale,
      PLANE / 2 - 4 - (at[2 * k + 1] - middle[1]) * scale,
    ];
  }
  drawPoints(context, canvas.points, order, side);
  scaleBar(context, width, scale);
  text.textContent = `stress ${digits(stress[t], 3)} (0 is exact, 0.2 poor)`;
  text.dataset.stress = stress[t];
}

// The positions on the way from the step before to this one.
function gliding(canvas, target) {
  const { glide } = canvas;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const now = performance.now();
  if (glide.to !== target && String(glide.key) !== String(target.byteOffset)) {
    glide.from = glide.to && glide.to.length === target.length && !still
      ? Float32Array.from(glide.now) : null;
    glide.began = now;
  }
  glide.to = target;
  glide.key = target.byteOffset;
  const share = glide.from ? Math.min(1, (now - glide.began) / GLIDE) : 1;
  glide.now = glide.from
    ? target.map((v, k) => glide.from[k] + share * (v - glide.from[k])) : target;
  if (share < 1) redraw();
  return glide.now;
}

function drawPoints(context, points, order, side) {
  const small = document.createElement("canvas");
  const pair = view.pair || view.pinned;
  if (pair && points[pair[0]] && points[pair[1]]) {
    context.strokeStyle = inks.ink;
    context.lineWidth = 1.5;
    context.beginPath();
    context.moveTo(...points[pair[0]]);
    context.lineTo(...points[pair[1]]);
    context.stroke();
  }
  for (const k of order) {
    const [x, y] = points[k];
    thumbnail(small, k, side);
    context.drawImage(small, x - side / 2, y - side / 2, side, side);
    const isOfPair = pair && pair.includes(k);
    if (k !== view.image && !isOfPair) continue;
    context.strokeStyle = k === view.image ? inks.mark : inks.ink;
    context.lineWidth = 2;
    context.strokeRect(x - side / 2 - 1, y - side / 2 - 1, side + 2, side + 2);
  }
}

// How long a dissimilarity is; the same at all times.
function scaleBar(context, width, scale) {
  const length = niceTicks(0, (0.3 * width) / scale, 2)[1];
  const x = width - 4 - length * scale;
  context.strokeStyle = inks.soft;
  context.beginPath();
  context.moveTo(x, PLANE - 3);
  context.lineTo(width - 4, PLANE - 3);
  context.stroke();
  write(context, digits(length, 2), (x + width - 4) / 2, PLANE - 7, { align: "center" });
}
