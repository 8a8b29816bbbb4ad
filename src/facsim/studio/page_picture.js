// Fourth piece: the picture, what is known of it, and what can be taken away.

// The answer is the length of a JSON text, the text, RGB pixels, and the small grey picture (facsim.studio.pictures).
function showPicture(buffer, tripMs) {
  const length = new DataView(buffer).getUint32(0, true);
  const known = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const first = 4 + length;
  const side = known.size_px;
  paint($("picture"), side, new Uint8Array(buffer, first, 3 * side * side), 3);
  const grey = new Uint8Array(buffer, first + 3 * side * side);
  paint($("small"), known.small_px, grey, 1);
  paint($("small-large"), known.small_px, grey, 1);
  const before = shown;
  shown = known;
  showLabels(known);
  showMarks();
  noteSpeed(tripMs, known.draw_ms);
  if (!before || JSON.stringify(before.values) !== JSON.stringify(known.values)) refresh();
  document.body.dataset.turn = known.turn;
}

function paint(canvas, side, pixels, channels) {
  if (canvas.width !== side) canvas.width = canvas.height = side;
  const image = new ImageData(side, side);
  for (let from = 0, to = 0; to < image.data.length; from += channels, to += 4) {
    image.data[to] = pixels[from];
    image.data[to + 1] = pixels[from + (channels === 3 ? 1 : 0)];
    image.data[to + 2] = pixels[from + (channels === 3 ? 2 : 0)];
    image.data[to + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function showLabels(known) {
  const { labels } = known;
  const degrees = (value) => `${value.toFixed(1)}°`;
  const seen = labels.landmarks_68_visible.filter(Boolean).length;
  const rows = [
    ["landmarks seen", `${seen} of 68`],
    ["yaw, pitch, roll", [labels.yaw_deg, labels.pitch_deg, labels.roll_deg].map(degrees).join(", ")],
    ["gaze", [labels.gaze_yaw_deg, labels.gaze_pitch_deg].map(degrees).join(", ")],
    ["light", labels.light_kind ?? ""],
    ["ITA", degrees(labels.ita_deg)],
    ["face luminance", labels.face_luminance.toFixed(2)],
  ];
  $("labels").replaceChildren(...rows.flatMap(([name, value]) => [element("dt", { textContent: name }), element("dd", { textContent: value })]));
  if (document.activeElement !== $("text")) {
    $("text").value = labels.action_units;
    $("text").removeAttribute("aria-invalid");
  }
  $("conflicts").replaceChildren(...known.conflicts.map((text) => element("li", { textContent: text })));
}

function showMarks() {
  const canvas = $("marks");
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!$("show-marks").checked || !shown) return;
  const scale = canvas.width / shown.size_px;
  const { landmarks_68: points, landmarks_68_visible: visible } = shown.labels;
  context.lineWidth = 2;
  visible.forEach((seen, place) => {
    context.beginPath();
    context.arc(points[2 * place] * scale, points[2 * place + 1] * scale, 6, 0, 7);
    context.fillStyle = seen ? "#31d67b" : "transparent";
    context.strokeStyle = seen ? "#06351b" : "#ff5a4f";
    context.fill();
    context.stroke();
  });
}

// text in, files and code out

function buildTools() {
  for (const size of about.sizes_px) $("size").append(element("option", { value: size, textContent: `${size} px` }));
  $("size").addEventListener("change", () => change({ size_px: Number($("size").value) }));
  refreshers.push(() => { $("size").value = state.size_px; });
  $("show-marks").addEventListener("change", showMarks);
  $("text").addEventListener("input", readText);
  $("text").addEventListener("blur", () => { if (shown && $("text").getAttribute("aria-invalid") !== "true") $("text").value = shown.labels.action_units; });
  $("reset").addEventListener("click", reset);
  $("save-png").addEventListener("click", () => save("picture.png", "facsim.png"));
  $("save-labels").addEventListener("click", () => save("labels.json", "facsim.json"));
  $("code").addEventListener("toggle", () => { if ($("code").open) showCode(); });
  for (const button of document.querySelectorAll(".copy")) button.addEventListener("click", () => copy(button));
}

let reading = 0;

async function readText() {
  const mine = (reading += 1);
  try {
    const found = await askJson("coding", { text: $("text").value });
    if (mine !== reading) return;
    $("text").removeAttribute("aria-invalid");
    complain("");
    change({ coding: found.coding, expression: null });
    refresh();
  } catch (error) {
    if (mine !== reading) return;
    $("text").setAttribute("aria-invalid", "true");
    complain(error.message);
  }
}

async function save(place, name) {
  try {
    const url = URL.createObjectURL(await (await ask(place, state)).blob());
    element("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  } catch (error) {
    complain(error.message);
  }
}

async function showCode() {
  try {
    const found = await askJson("code", state);
    $("python").value = found.python;
    $("recipe").value = found.recipe;
  } catch (error) {
    complain(error.message);
  }
}

async function copy(button) {
  const before = button.textContent;
  const area = $(button.dataset.of);
  try {
    await navigator.clipboard.writeText(area.value);
    button.textContent = "Copied";
  } catch {
    area.select();
    button.textContent = "Press Ctrl+C";
  }
  setTimeout(() => { button.textContent = before; }, 1500);
}

startPage();
