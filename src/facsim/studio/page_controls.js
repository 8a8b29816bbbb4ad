// Second piece: the controls.

const round = (value, step) => Number((Math.round(value / step) * step).toFixed(6));
const letter = (value) => (value < 0.5 ? "" : "ABCDE"[Math.max(0, Math.floor(value + 0.5) - 1)]);
let named = 0; // numbers the inputs, for their labels

// A labelled slider. read() gives its value, write(value) takes it; null where it has none yet.
function slider({ label, low, high, step, unit = "", read, write, digits = null }) {
  const id = `slider-${(named += 1)}`;
  const input = element("input", { type: "range", id, min: low, max: high, step });
  const output = element("output", { htmlFor: id });
  const places = digits ?? Math.max(0, Math.min(-Math.floor(Math.log10(step)), high - low < 0.05 ? 4 : high - low < 0.2 ? 3 : 2));
  const show = () => {
    const value = read();
    if (typeof value !== "number") return;
    if (document.activeElement !== input || Number(input.value) !== value) input.value = value;
    output.textContent = `${Number(value).toFixed(places)}${unit === "°" ? "°" : unit ? ` ${unit}` : ""}`;
    input.setAttribute("aria-valuetext", output.textContent);
  };
  input.addEventListener("input", () => { write(Number(input.value)); show(); });
  refreshers.push(show);
  const head = element("div", { className: "head" }, element("label", { htmlFor: id, textContent: label, title: label }), output);
  return element("div", { className: "control" }, head, input);
}

// action units

function buildExpressions() {
  let presses = 0;
  for (const { name } of about.expressions) {
    const button = element("button", { type: "button", textContent: name, dataset: { expression: name } });
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => drawPrototype(name, (presses += 1)));
    $("expressions").append(button);
  }
  refreshers.push(() => {
    if (!state.expression) $("variant").textContent = "Each press draws another face from the expression’s prototypes.";
    for (const button of $("expressions").children) button.setAttribute("aria-pressed", String(button.dataset.expression === state.expression));
  });
}

async function drawPrototype(expression, seed) {
  try {
    const found = await askJson("prototype", { expression, seed });
    change({ coding: found.coding, expression, ...($("whole").checked ? turnOf(found) : {}) });
    refresh();
    $("variant").textContent = `${expression}: “${found.variant}”. Press again for another.`;
  } catch (error) {
    complain(error.message);
  }
}

// The prototype's turn of the head, and its gaze, which is told from the camera's direction.
function turnOf({ head_deg: [yaw, pitch], gaze_deg }) {
  const within = (value, [low, high]) => Math.min(high, Math.max(low, value));
  const gaze = { "gaze.yaw_deg": within(gaze_deg[0] - yaw, [-30, 30]), "gaze.pitch_deg": within(gaze_deg[1] - pitch, [-24, 18]) };
  return { pose_deg: [yaw, pitch, state.pose_deg[2]], set: { ...state.set, ...gaze } };
}

function buildUnits() {
  const regions = new Map();
  for (const unit of about.units) regions.set(unit.region, [...(regions.get(unit.region) ?? []), unit]);
  for (const [region, units] of regions) {
    const grid = element("div", { className: "units" }, ...units.map(unitRow));
    $("units").append(element("fieldset", {}, element("legend", { textContent: region }), grid));
  }
}

function setUnit(keys, value) {
  const coding = { ...state.coding };
  for (const key of keys) {
    if (value > 0) coding[key] = value;
    else delete coding[key];
  }
  change({ coding, expression: null });
}

const ticks = (extra = "") =>
  element("div", { className: `ticks ${extra}`, ariaHidden: "true" }, ...["0", ..."ABCDE"].map((text) => element("span", { textContent: text })));

// One unit: a slider for both sides, or, split, one for each.
function unitRow(unit) {
  const sided = unit.keys.length === 2;
  let split = false;
  const both = unitInput(unit.keys, `unit-${unit.code}`, `AU ${unit.code} ${unit.name}`);
  const output = element("output", { htmlFor: both.id });
  const label = element("label", { htmlFor: both.id, title: unit.muscles.join(", ") }, element("b", { textContent: unit.code }), ` ${unit.name}`);
  const button = sided ? element("button", { type: "button", textContent: "L/R", title: "Set left and right apart" }) : null;
  const apart = sided ? element("div", { hidden: true }, ...unit.keys.map((key) => sideRow(unit, key)), ticks("indent")) : null;
  const marks = ticks();
  const row = element("div", { className: "unit" }, element("div", { className: "head" }, label, output, button), both, marks, apart);
  const show = () => {
    const values = unit.keys.map((key) => state.coding[key] ?? 0);
    const most = Math.max(...values);
    both.value = most;
    const differ = sided && values[0] !== values[1];
    const text = differ ? `L ${values[0].toFixed(1)} R ${values[1].toFixed(1)}` : most > 0 ? `${letter(most)} ${most.toFixed(2)}`.trim() : "";
    output.textContent = split ? "" : text;
    both.setAttribute("aria-valuetext", text || "absent");
    row.classList.toggle("on", most > 0);
    for (const part of [both, marks]) part.hidden = split;
    if (apart) apart.hidden = !split;
    button?.setAttribute("aria-pressed", String(split));
  };
  button?.setAttribute("aria-label", `AU ${unit.code}: left and right apart`);
  button?.addEventListener("click", () => {
    split = !split;
    if (!split) setUnit(unit.keys, Math.max(...unit.keys.map((key) => state.coding[key] ?? 0)));
    refresh();
  });
  refreshers.push(show);
  return row;
}

function unitInput(keys, id, name) {
  const input = element("input", { type: "range", id, min: 0, max: 5, step: 0.05, value: 0 });
  input.setAttribute("aria-label", name);
  input.addEventListener("input", () => { setUnit(keys, Number(input.value)); refresh(); });
  return input;
}

function sideRow(unit, key) {
  const side = key.endsWith("L") ? "left" : "right";
  const input = unitInput([key], `unit-${key}`, `AU ${unit.code} ${unit.name}, ${side}`);
  const output = element("output", { htmlFor: input.id });
  refreshers.push(() => {
    const value = state.coding[key] ?? 0;
    input.value = value;
    output.textContent = value > 0 ? `${letter(value)} ${value.toFixed(2)}`.trim() : "";
    input.setAttribute("aria-valuetext", output.textContent || "absent");
  });
  return element("div", { className: "sided" }, element("label", { htmlFor: input.id, textContent: side }), input, output);
}

// person, pose, light

function chooser(id, label, choices, { read, write }) {
  const select = element("select", { id }, ...choices.map(([value, text]) => element("option", { value, textContent: text })));
  select.addEventListener("change", () => write(select.value));
  refreshers.push(() => { select.value = read() ?? ""; });
  return element("div", { className: "control" }, element("div", { className: "head" }, element("label", { htmlFor: id, textContent: label })), select);
}

function buildPerson() {
  const seed = element("input", { type: "number", id: "seed", min: 0, max: 2147483647, step: 1 });
  const step = (by) => { change({ seed: Math.min(2147483647, Math.max(0, state.seed + by)) }); refresh(); };
  seed.addEventListener("input", () => { if (seed.value !== "" && seed.checkValidity()) change({ seed: Number(seed.value) }); });
  refreshers.push(() => { if (document.activeElement !== seed) seed.value = state.seed; });
  const back = element("button", { type: "button", textContent: "previous", id: "previous" });
  const next = element("button", { type: "button", textContent: "next", id: "next" });
  back.addEventListener("click", () => step(-1));
  next.addEventListener("click", () => step(1));
  const head = element("div", { className: "head" }, element("label", { htmlFor: "seed", textContent: "Seed of identity, light, camera" }));
  $("person").append(
    element("div", { className: "control" }, head, element("div", { className: "row" }, seed, back, next), keeper("keep the light and camera", SCENE), keeper("keep the person", PERSON)),
    slider({ label: "apparent age", low: about.limits.age_years[0], high: about.limits.age_years[1], step: 1, unit: "years", read: () => state.age_years, write: (age_years) => change({ age_years }) }),
    chooser("gender", "apparent gender", about.genders.map((name) => [name, name]), { read: () => state.gender, write: (gender) => change({ gender }) }),
    buildTones(),
    ...["African", "Asian", "European"].map((name, place) => ancestrySlider(name, place)),
  );
  buildGroups($("person-groups"), PERSON);
}

const PERSON = ["Skin", "Hair", "Worn", "Beard", "Brows", "Eyes", "Lips and teeth", "Make-up", "Clothes", "Features"];
const SCENE = ["Light", "Camera", "Background", "Sensor"];

// Whether all of these groups' values are set to what they are, so that another seed leaves them.
function keeper(text, groups) {
  const paths = about.controls.filter((control) => groups.includes(control.group) && control.path !== "light.kind").map((control) => control.path);
  const input = element("input", { type: "checkbox" });
  input.addEventListener("change", () => {
    if (!input.checked) return unset(paths);
    change({ set: { ...state.set, ...Object.fromEntries(paths.map((path) => [path, valueOf(path)])) } });
    refresh();
  });
  refreshers.push(() => { input.checked = paths.every((path) => path in state.set); });
  return element("label", { className: "check" }, input, ` ${text}`);
}

function ancestrySlider(name, place) {
  return slider({
    label: `ancestry, ${name}`, low: 0, high: 1, step: 0.01, read: () => state.ancestry[place],
    write: (value) => {
      // the other two keep their ratio, and all sum to 1
      const others = [0, 1, 2].filter((index) => index !== place);
      const rest = others.reduce((sum, index) => sum + state.ancestry[index], 0);
      const ancestry = [0, 0, 0];
      ancestry[place] = value;
      for (const index of others) ancestry[index] = round((1 - value) * (rest > 0 ? state.ancestry[index] / rest : 0.5), 0.0001);
      change({ ancestry });
      refresh();
    },
  });
}

function buildTones() {
  const row = element("div", { className: "tones", role: "radiogroup" });
  row.setAttribute("aria-label", "Monk skin tone");
  about.tones.forEach((colour, index) => {
    const input = element("input", { type: "radio", name: "tone", value: index + 1 });
    input.setAttribute("aria-label", `Monk tone ${index + 1}`);
    input.addEventListener("change", () => change({ tone: index + 1 }));
    refreshers.push(() => { input.checked = state.tone === index + 1; });
    const label = element("label", { title: `Monk tone ${index + 1}` }, input);
    label.style.background = colour;
    row.append(label);
  });
  return element("div", { className: "control" }, element("div", { className: "head" }, element("span", { className: "name", textContent: "Monk skin tone, 1 to 10" })), row);
}

function buildPose() {
  ["yaw", "pitch", "roll"].forEach((name, place) => {
    const [low, high] = about.limits[`${name}_deg`];
    const write = (value) => change({ pose_deg: state.pose_deg.with(place, value) });
    $("pose").append(slider({ label: name, low, high, step: 0.5, unit: "°", digits: 1, read: () => state.pose_deg[place], write }));
  });
  const camera = element("input", { type: "checkbox", id: "into-camera" });
  const paths = ["gaze.yaw_deg", "gaze.pitch_deg"];
  camera.addEventListener("change", () => {
    if (camera.checked) unset(paths);
    else change({ set: { ...state.set, ...Object.fromEntries(paths.map((path) => [path, valueOf(path)])) } });
  });
  refreshers.push(() => { camera.checked = !paths.some((path) => path in state.set); });
  for (const control of about.controls.filter(({ path }) => paths.includes(path))) {
    $("pose").append(controlRow({ ...control, label: `gaze ${control.label}` }));
  }
  $("pose").append(element("label", { className: "check" }, camera, " eyes on the camera"));
}

const FIRST = ["light.kind", "light.key.azimuth_deg", "light.key.elevation_deg", "light.key.softness"];

function buildScene() {
  for (const control of about.controls.filter(({ path }) => FIRST.includes(path))) {
    $("scene").append(controlRow(control.path === "light.kind" ? { ...control, label: "set-up of the light" } : control));
  }
  $("scene").append(...lampSliders("key"));
  const built = new Set([...document.querySelectorAll("details.group")].map((group) => group.dataset.group));
  buildGroups($("scene-groups"), [...new Set(about.controls.map((control) => control.group))].filter((group) => !built.has(group) && group !== "Gaze"));
  for (const name of ["fill", "rim"]) document.querySelector(`details[data-group="Light"] [data-part="${name}"] .grid`)?.append(...lampSliders(name));
}

// A lamp's colour as two sliders: how strong, and how warm.
function lampSliders(name) {
  const path = `light.${name}.colour`;
  const control = about.controls.find((entry) => entry.path === path);
  const colour = () => valueOf(path) ?? [0, 0, 0];
  const luminance = ([red, green, blue]) => 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  const write = (kelvin, strength) => setValue(path, whiteOf(kelvin).map((x) => round(Math.min(control.high, x * strength), 1e-5)));
  const strength = { label: `${name} strength`, low: 0, high: 4, step: 0.02, read: () => luminance(colour()), write: (value) => write(kelvinOf(colour()), value) };
  const warmth = { label: `${name} warmth`, low: 2500, high: 10000, step: 250, unit: "K", read: () => kelvinOf(colour()), write: (value) => write(value, luminance(colour())) };
  return [slider(strength), slider(warmth)];
}

function whiteOf(kelvin) {
  const next = Math.max(1, about.whites.findIndex(([known]) => known >= kelvin));
  const [before, after] = [about.whites[next - 1], about.whites[next]];
  const share = (kelvin - before[0]) / (after[0] - before[0]);
  return [1, 2, 3].map((place) => before[place] + share * (after[place] - before[place]));
}

// The white whose blue over red is nearest to the colour's.
function kelvinOf([red, , blue]) {
  if (red <= 0) return 5800;
  const away = ([, r, , b]) => Math.abs(Math.log(b / r) - Math.log(Math.max(blue, 1e-6) / red));
  const near = about.whites.reduce((best, white) => (away(white) < away(best) ? white : best));
  return near[0];
}
