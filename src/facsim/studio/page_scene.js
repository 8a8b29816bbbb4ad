// Third piece: whatever else a scene holds, each value by its kind.

function buildGroups(place, groups) {
  for (const group of groups) {
    const controls = about.controls.filter((control) => control.group === group && !FIRST.includes(control.path));
    if (controls.length) place.append(groupOf(group, controls));
  }
}

function groupOf(group, controls) {
  const count = element("span", { className: "count" });
  const clear = element("button", { type: "button", textContent: `Unset all of ${group}` });
  clear.addEventListener("click", () => unset(controls.map((control) => control.path)));
  refreshers.push(() => {
    const pinned = controls.filter((control) => control.path in state.set).length;
    count.textContent = pinned ? `${pinned} set` : "";
    clear.hidden = !pinned;
  });
  const parts = new Map();
  for (const control of controls) parts.set(partOf(control), [...(parts.get(partOf(control)) ?? []), control]);
  const rows = (members) => element("div", { className: "grid" }, ...members.map(controlRow));
  const inside = [...parts].map(([part, members]) =>
    part === "" ? rows(members) : element("fieldset", { dataset: { part } }, element("legend", { textContent: part }), rows(members)));
  return element("details", { className: "group", dataset: { group } }, element("summary", { textContent: group }, count), ...inside, element("p", { className: "row" }, clear));
}

// `worn.glasses.size` belongs to the glasses.
function partOf({ path }) {
  const names = path.split(".");
  return names.length === 3 && names[1] !== "shape" ? names[1] : "";
}

function unset(paths) {
  const set = { ...state.set };
  for (const path of paths) delete set[path];
  change({ set });
  refresh();
}

const valueOf = (path) => state.set[path] ?? (path === "light.kind" ? shown?.labels.light_kind : shown?.values[path]);

function setValue(path, value) {
  change({ set: { ...state.set, [path]: value } });
  refresh();
}

function controlRow(control) {
  const make = { number: control.high - control.low > 1e6 ? numberRow : sliderRow, flag: flagRow, choice: choiceRow, colour: colourRow }[control.kind];
  const short = partOf(control) && !FIRST.includes(control.path) ? control.label.slice(partOf(control).length + 1) : control.label;
  const row = make({ ...control, label: short });
  row.dataset.path = control.path;
  row.title = control.meaning;
  const off = element("button", { type: "button", textContent: "unset" });
  off.setAttribute("aria-label", `unset ${control.group} ${control.label}`);
  off.addEventListener("click", () => unset([control.path]));
  row.querySelector(".head").append(off);
  refreshers.push(() => {
    off.hidden = !(control.path in state.set);
    row.classList.toggle("pinned", control.path in state.set);
  });
  return row;
}

function sliderRow(control) {
  const row = slider({ ...control, read: () => valueOf(control.path), write: (value) => setValue(control.path, value) });
  if (control.optional) {
    const input = element("input", { type: "checkbox" });
    input.addEventListener("change", () => setValue(control.path, input.checked ? "none" : control.high));
    refreshers.push(() => { input.checked = valueOf(control.path) === "none"; });
    row.querySelector(".head").append(element("label", { className: "check" }, input, " none"));
  }
  return row;
}

function numberRow(control) {
  const id = `number-${(named += 1)}`;
  const input = element("input", { type: "number", id, min: control.low, max: control.high, step: control.step });
  input.addEventListener("input", () => { if (input.value !== "" && input.checkValidity()) setValue(control.path, Number(input.value)); });
  refreshers.push(() => { if (document.activeElement !== input) input.value = valueOf(control.path) ?? ""; });
  return element("div", { className: "control" }, element("div", { className: "head" }, element("label", { htmlFor: id, textContent: control.label })), input);
}

function flagRow(control) {
  const id = `flag-${(named += 1)}`;
  const input = element("input", { type: "checkbox", id });
  input.addEventListener("change", () => setValue(control.path, input.checked));
  refreshers.push(() => { input.checked = Boolean(valueOf(control.path)); });
  return element("div", { className: "control" }, element("div", { className: "head" }, input, element("label", { htmlFor: id, textContent: control.label })));
}

function choiceRow(control) {
  const choices = control.choices.map((value) => [value, value]);
  return chooser(`choice-${(named += 1)}`, control.label, choices, { read: () => valueOf(control.path), write: (value) => setValue(control.path, value) });
}

const toDisplay = (x) => Math.round(255 * (x <= 0.0031308 ? 12.92 * x : 1.055 * Math.max(x, 0) ** (1 / 2.4) - 0.055));
const toLinear = (byte) => { const x = byte / 255; return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4; };

// Colours are linear light; those above white are shown at their hue and keep their strength.
function colourRow(control) {
  const id = `colour-${(named += 1)}`;
  const input = element("input", { type: "color", id });
  const scale = () => Math.max(1, ...(valueOf(control.path) ?? [0]));
  input.addEventListener("input", () => {
    const bytes = [1, 3, 5].map((start) => parseInt(input.value.slice(start, start + 2), 16));
    setValue(control.path, bytes.map((byte) => Math.min(control.high, round(toLinear(byte) * scale(), 1e-5))));
  });
  refreshers.push(() => {
    const value = valueOf(control.path);
    if (value && document.activeElement !== input) input.value = `#${value.map((x) => toDisplay(x / scale()).toString(16).padStart(2, "0")).join("")}`;
  });
  return element("div", { className: "control" }, element("div", { className: "head" }, input, element("label", { htmlFor: id, textContent: control.label })));
}
