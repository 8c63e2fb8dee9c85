// The readout of the chosen image: probabilities by time, and where the image stands.

const CLASSES = 5; // that have a line

// The most probable classes of the chosen image at any step, and the one that is followed.
function bestOf(r, all) {
  const { readout } = recordings[r];
  const followed = readout.followed[view.image];
  const largestOf = readout.classes.map((_, c) => Math.max(...all.map((p) => (p ? p[c] : 0))));
  const order = largestOf.map((_, c) => c).sort((a, b) => largestOf[b] - largestOf[a]);
  const best = order.slice(0, CLASSES);
  if (!best.includes(followed)) best[best.length - 1] = followed;
  return best;
}

function everyAnswer(r) {
  return recordings[r].times.steps.map((_, t) => probabilitiesOf(r, view.image, t));
}

// The names of all classes that have a line: one has the same style in all recordings.
function drawnClasses() {
  const names = recordings.flatMap((recording, r) => (recording.readout
    ? bestOf(r, everyAnswer(r)).map((c) => recording.readout.classes[c]) : []));
  return [...new Set(names)];
}

function drawAnswers(section, r) {
  const { readout } = recordings[r];
  const panel = section.querySelector(".answers");
  const [title, canvas, text] = panel.children;
  if (!readout) {
    canvas.hidden = true;
    title.textContent = "readout";
    text.textContent = "no readout was recorded at these steps";
    return;
  }
  const all = everyAnswer(r);
  const followed = readout.followed[view.image];
  const best = bestOf(r, all);
  const names = drawnClasses();
  const label = readout.why[view.image] === "its label" ? " (its label)" : "";
  const series = best.map((c) => ({
    x: timesOf(r), y: all.map((p) => (p ? p[c] : null)),
    style: styleOf(names.indexOf(readout.classes[c])), wide: c === followed,
    label: readout.classes[c] + (c === followed ? label : ""),
  }));
  title.textContent = "probability of classes by time";
  title.title = `the ${best.length} most probable of ${readout.classes.length} classes`;
  chart(canvas, {
    series, y0: 0, y1: 1, ticks: [0, 0.25, 0.5, 0.75, 1],
    describes: `probabilities by time: ${series.map(
      (s) => `${s.label} ${s.y.map((v) => digits(v, 3)).join(", ")}`).join("; ")}`,
  });
  tellAnswer(text, readout, all[placeOf(r)]);
}

function tellAnswer(text, readout, p) {
  text.textContent = "";
  delete text.dataset.values;
  if (!p) {
    text.textContent = "the readout is not populated at this time";
    return;
  }
  const order = p.map((_, c) => c).sort((a, b) => p[b] - p[a]).slice(0, 3);
  order.forEach((c, k) => {
    const bold = document.createElement("b");
    bold.textContent = digits(p[c], 3);
    text.append(k ? ", " : "", `${readout.classes[c]} `, bold);
  });
  text.dataset.values = JSON.stringify(p);
}

function drawRanks(section, r) {
  const { readout } = recordings[r];
  const panel = section.querySelector(".ranks");
  panel.hidden = !readout;
  if (!readout) return;
  const [title, canvas, text] = panel.children;
  const name = readout.classes[readout.followed[view.image]];
  const classes = readout.classes.length;
  const images = index.images.id.length;
  const fraction = (rank, count) => (rank ? (count > 1 ? (rank - 1) / (count - 1) : 0) : null);
  const lines = [
    [`of ${classes} classes`, readout.class_rank[view.image], classes],
    [`of ${images} images`, readout.image_rank[view.image], images],
  ];
  title.textContent = `rank of ${name} (${readout.why[view.image]})`;
  title.title = `by the probability of ${name}, among classes and among images`;
  canvas.parentElement.title = "first is on top; the line ends at the last of them";
  chart(canvas, {
    series: lines.map(([label, ranks, count], k) => ({
      x: timesOf(r), y: ranks.map((rank) => fraction(rank, count)), style: styleOf(k), label,
    })),
    height: 126, y0: 1, y1: 0, ticks: [0, 1], tickNames: ["first", "last"],
    describes: lines.map(([label, ranks]) => `rank ${label}: ${ranks.join(", ")}`).join("; "),
  });
  const t = placeOf(r);
  text.textContent = "";
  delete text.dataset.classRank;
  if (t < 0 || !readout.populated[t]) return;
  lines.forEach(([label, ranks], k) => {
    const bold = document.createElement("b");
    bold.textContent = String(ranks[t]);
    text.append(k ? ", " : "", bold, ` ${label}`);
  });
  Object.assign(text.dataset, {
    classRank: readout.class_rank[view.image][t], imageRank: readout.image_rank[view.image][t],
  });
}
