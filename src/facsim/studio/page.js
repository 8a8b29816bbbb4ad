"use strict";
// The studio's page, first piece: the state, the server's answers, and the loop that keeps the picture up to date.

const START = {
  seed: 0, age_years: 30, gender: "feminine", ancestry: [0.2, 0.3, 0.5], tone: 4, coding: {}, pose_deg: [0, 0, 0],
  expression: null, size_px: 224, set: {},
};
const PAGE = Math.random().toString(36).slice(2);
let state = structuredClone(START);
let about = null; // what the server says can be set
let shown = null; // what the server said of the picture on the page
let turn = 0; // counts what is asked for
let drawn = 0; // the newest turn that was answered
let busy = false;
const refreshers = []; // functions that show the state in their inputs, called after it changed elsewhere
const $ = (id) => document.getElementById(id);

function element(name, properties = {}, ...children) {
  const { dataset, ...rest } = properties;
  const made = Object.assign(document.createElement(name), rest);
  Object.assign(made.dataset, dataset);
  made.append(...children.filter((child) => child !== null));
  return made;
}

async function ask(place, data) {
  const options = data === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(data) };
  const answer = await fetch(place, options);
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }));
    throw Object.assign(new Error(problem.error), { status: answer.status });
  }
  return answer;
}

const askJson = async (place, data) => (await ask(place, data)).json();

function complain(text) {
  $("error").textContent = text;
  $("error").hidden = text === "";
}

// What changes the state calls this: the newest state is drawn as soon as the picture under way is done.
function change(part = {}) {
  Object.assign(state, part);
  turn += 1;
  if (!busy) drawUntilDone();
}

function refresh() {
  for (const show of refreshers) show();
}

async function drawUntilDone() {
  busy = true;
  if (performance.now() - ends[ends.length - 1] > 1000) ends.length = 0; // a pause is not part of the rate
  while (drawn < turn) {
    const asked = turn;
    const start = performance.now();
    try {
      const answer = await ask("picture", { ...state, turn: asked, page: PAGE });
      showPicture(await answer.arrayBuffer(), performance.now() - start);
      complain("");
    } catch (error) {
      if (error.status !== 409) complain(error instanceof TypeError ? "The studio no longer answers. Start `facsim studio` again." : error.message);
    }
    drawn = asked;
  }
  busy = false;
  if ($("code").open) showCode();
}

const ends = []; // when pictures arrived, since the last pause

function noteSpeed(tripMs, drawMs) {
  const now = performance.now();
  ends.push(now);
  while (ends.length > 2 && now - ends[0] > 2000) ends.shift();
  const rate = ends.length > 4 ? `${((1000 * (ends.length - 1)) / (now - ends[0])).toFixed(1)} pictures/s · ` : "";
  $("speed").textContent = `${rate}${drawMs.toFixed(0)} ms to draw, ${tripMs.toFixed(0)} ms in all`;
}

function reset() {
  state = structuredClone(START);
  refresh();
  change();
}

async function startPage() {
  try {
    about = await askJson("about");
  } catch (error) {
    complain(error.message);
    return;
  }
  buildExpressions();
  buildUnits();
  buildPerson();
  buildPose();
  buildScene();
  buildTools();
  refresh();
  change();
}
