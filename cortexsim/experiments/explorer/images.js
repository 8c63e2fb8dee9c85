// The images: a list of thumbnails, and the chosen one.

const list = document.getElementById("images");
const rows = [];

function nameOf(image) {
  return index.images.id[image];
}

function startImages() {
  const visible = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      target.onScreen = isIntersecting;
      if (isIntersecting) thumbnail(target.firstChild, target.image, 22);
    }
  }, { root: list });
  index.images.id.forEach((name, image) => {
    const row = document.createElement("li");
    row.setAttribute("role", "option");
    row.id = `image-${image}`;
    row.title = index.images.label[image] ? `${name} (${index.images.label[image]})` : name;
    const text = document.createElement("span");
    text.textContent = name;
    row.append(document.createElement("canvas"), text);
    row.image = image;
    row.addEventListener("click", () => choose({ image }));
    visible.observe(row);
    rows.push(row);
  });
  list.append(...rows);
}

let shownImage = -1;

function drawImages() {
  rows.forEach((row) => { if (row.onScreen) thumbnail(row.firstChild, row.image, 22); });
  thumbnail(document.getElementById("seen"), view.image, 142);
  const label = index.images.label[view.image];
  document.getElementById("seen-text").textContent =
    nameOf(view.image) + (label ? ` (${label})` : "");
  document.getElementById("seen").setAttribute("aria-label", `the image ${nameOf(view.image)}`);
  if (shownImage === view.image) return;
  if (rows[shownImage]) rows[shownImage].setAttribute("aria-selected", "false");
  rows[view.image].setAttribute("aria-selected", "true");
  list.setAttribute("aria-activedescendant", rows[view.image].id);
  const [top, height] = [rows[view.image].offsetTop - list.offsetTop, list.clientHeight];
  if (top < list.scrollTop || top > list.scrollTop + height - 26) {
    list.scrollTop = top - height / 2;
  }
  shownImage = view.image;
}
