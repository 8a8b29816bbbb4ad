"""The page in a real browser: what a person does with it changes the picture."""

import json
import time

import numpy as np

from facsim.pictures import decode_picture
from facsim.studio.pictures import take_picture
from facsim.studio.settings import read_settings

SETTLED = "turn === drawn && !busy"
PIXELS = """(() => { const c = $('picture'); const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  let h = 0; for (let i = 0; i < d.length; i += 1) h = (h * 31 + d[i]) | 0; return h; })()"""


def drag(tab, selector, value):
    """A slider, moved as a hand moves it."""
    tab.run(f"moved = document.querySelector('{selector}'); moved.value = {value}; null")
    tab.run("moved.dispatchEvent(new Event('input', { bubbles: true }))")
    tab.wait_for(SETTLED)


def problems(tab):
    """What the browser complained of: blocked resources, failed requests, exceptions."""
    logged = [event["params"]["entry"] for event in tab.events if event["method"] == "Log.entryAdded"]
    thrown = [event["params"] for event in tab.events if event["method"] == "Runtime.exceptionThrown"]
    return [entry for entry in logged if entry["level"] == "error"] + thrown


def test_a_slider_changes_the_picture_and_the_text_and_back_again(tab):
    before = tab.run(PIXELS)
    drag(tab, "#unit-12", 4)
    assert tab.run("$('text').value") == "12D"
    assert tab.run(PIXELS) != before
    drag(tab, "#unit-12", 0)
    assert tab.run(PIXELS) == before
    assert problems(tab) == []


def test_sides_can_be_set_apart(tab):
    tab.run("document.querySelector('[aria-label=\"AU 12: left and right apart\"]').click()")
    drag(tab, "#unit-12L", 3)
    assert tab.run("$('text').value") == "L12C"


def test_text_moves_the_sliders_and_says_what_is_wrong(tab):
    write = "(async (text) => {{ $('text').value = text; await readText(); }})('{}')"
    tab.run(write.format("6+R12D"))
    tab.wait_for(SETTLED)
    assert tab.run("state.coding") == {"6L": 3, "6R": 3, "12R": 4}
    tab.run(write.format("6+12Z"))
    assert "12Z" in tab.run("$('error').textContent")
    assert tab.run("$('text').getAttribute('aria-invalid')") == "true"
    assert tab.run("state.coding") == {"6L": 3, "6R": 3, "12R": 4}


def test_an_expression_is_drawn_and_another_variant_follows(tab):
    click = "(async () => { document.querySelector('[data-expression=fear]').click(); })()"
    tab.run(click)
    tab.wait_for("state.expression === 'fear' && " + SETTLED)
    first = tab.run("JSON.stringify(state.coding)")
    tab.run(click)
    tab.wait_for(f"JSON.stringify(state.coding) !== '{first}' && {SETTLED}")
    assert "fear" in tab.run("$('variant').textContent")


def test_the_next_identity_is_another_face_and_other_values(tab):
    before, albedo = tab.run(PIXELS), tab.run("shown.values['skin.albedo'].join()")
    tab.run("$('next').click()")
    tab.wait_for(SETTLED)
    assert tab.run(PIXELS) != before
    assert tab.run("shown.values['skin.albedo'].join()") != albedo


def keep(tab, text):
    tab.run("labels = [...document.querySelectorAll('label')]; null")
    tab.run(f"kept = labels.find((one) => one.textContent.trim() === '{text}').control; null")
    tab.run("kept.click()")
    tab.wait_for(SETTLED)


def test_a_kept_light_stays_when_the_identity_changes(tab):
    before = tab.run(PIXELS)
    keep(tab, "keep the light and camera")
    assert tab.run(PIXELS) == before
    light, skin = tab.run("[shown.values['light.key.azimuth_deg'], shown.values['skin.redness']]")
    tab.run("$('next').click()")
    tab.wait_for(SETTLED)
    assert tab.run("shown.values['light.key.azimuth_deg']") == light
    assert tab.run("shown.values['skin.redness']") != skin
    tab.run("kept.click()")
    tab.wait_for(SETTLED)
    assert tab.run("Object.keys(state.set)") == []


def test_a_kept_person_stays_in_another_light(tab):
    keep(tab, "keep the person")
    before = tab.run("Object.entries(shown.values).filter(([path]) => /^(skin|hair|identity)/.test(path)).join()")
    tab.run("$('next').click()")
    tab.wait_for(SETTLED)
    after = tab.run("Object.entries(shown.values).filter(([path]) => /^(skin|hair|identity)/.test(path)).join()")
    assert before == after


def test_every_group_of_controls_is_there_and_sets_and_unsets(tab):
    groups = tab.run("[...document.querySelectorAll('details.group')].map((group) => group.dataset.group)")
    assert {"Skin", "Hair", "Light", "Camera", "Sensor", "Background", "Features"} <= set(groups)
    before = tab.run(PIXELS)
    drag(tab, '[data-path="hair.length_dm"] input', 0)
    assert tab.run("state.set") == {"hair.length_dm": 0}
    assert tab.run(PIXELS) != before
    tab.run("document.querySelector('[data-path=\"hair.length_dm\"] button').click()")
    tab.wait_for(SETTLED)
    assert tab.run(PIXELS) == before


def test_keys_alone_move_a_slider(tab):
    tab.run("document.getElementById('unit-1').focus()")
    for _ in range(4):
        tab.press("ArrowRight")
    tab.wait_for("state.coding['1L'] > 0 && " + SETTLED)
    tab.press("End")
    tab.wait_for("state.coding['1L'] === 5 && " + SETTLED)
    assert tab.run("$('text').value") == "1E"


def test_the_tab_key_reaches_the_controls(tab):
    seen = set()
    for _ in range(12):
        tab.press("Tab")
        seen.add(tab.run("document.activeElement.id || document.activeElement.textContent"))
    assert {"text", "size", "save-png"} <= seen


def test_every_control_has_a_name(tab):
    named = """[...document.querySelectorAll('input, select, textarea, button')].filter((one) =>
      !(one.labels?.length || one.getAttribute('aria-label') || one.textContent.trim())).map((one) => one.outerHTML)"""
    assert tab.run(named) == []


def test_while_a_slider_is_dragged_only_the_newest_is_drawn(tab):
    tab.run("fetched = 0; real = window.fetch; null")
    tab.run("window.fetch = (...all) => { fetched += 1; return real(...all); }; null")
    tab.run("for (let i = 1; i <= 200; i += 1) setUnit(['12L', '12R'], i / 40)")
    tab.wait_for(SETTLED)
    assert tab.run("fetched") <= 3
    assert tab.run("$('text').value") == "12E"


def test_the_speed_is_shown_while_pictures_follow_one_another(tab):
    tab.run("change({ size_px: 48 })")
    tab.wait_for(SETTLED)
    tab.run("""(async () => { for (let i = 0; i < 8; i += 1) {
      setUnit(['26'], i / 2);
      while (busy) await new Promise((done) => setTimeout(done, 5));
    } })()""")
    assert "pictures/s" in tab.run("$('speed').textContent")


def test_landmarks_are_shown_when_asked_for(tab):
    drawn = "$('marks').getContext('2d').getImageData(0, 0, 896, 896).data.some((value) => value > 0)"
    assert not tab.run(drawn)
    tab.run("$('show-marks').click()")
    assert tab.run(drawn)


def test_code_for_the_picture_is_shown(tab):
    drag(tab, "#unit-12", 4)
    tab.run("$('code').open = true")
    tab.wait_for("$('python').value.includes(\"'12D'\")")
    assert 'use = "render"' in tab.run("$('recipe').value")


def saved(tab, folder, button, name):
    """The bytes of the file that a button saves."""
    tab.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    tab.run(f"$('{button}').click()")
    for _ in range(400):
        if (folder / name).is_file():
            return (folder / name).read_bytes()
        time.sleep(0.03)
    raise AssertionError(f"{name} was not saved; the page says: {tab.run('$(`error`).textContent')}")


def test_what_is_saved_is_the_picture_and_its_labels(tab, tmp_path):
    drag(tab, "#unit-12", 4)
    drawn = take_picture(read_settings({"coding": {"12": 4}})).drawing
    assert np.array_equal(decode_picture(saved(tab, tmp_path, "save-png", "facsim.png")).array, drawn.picture)
    assert json.loads(saved(tab, tmp_path, "save-labels", "facsim.json"))["AU12L"] == 4.0
    assert problems(tab) == []


def test_what_is_shown_is_the_picture_to_the_bit(tab):
    drag(tab, "#unit-12", 4)
    script = "Array.from($('picture').getContext('2d').getImageData(0, 0, 224, 224).data).join()"
    shown = np.array(tab.run(script).split(","), dtype=np.uint8).reshape(224, 224, 4)
    drawn = take_picture(read_settings({"coding": {"12": 4}})).drawing
    assert np.array_equal(shown[..., :3], drawn.picture)


def test_warmth_and_strength_move_a_lamps_colour(tab):
    tab.run("named = [...document.querySelectorAll('label')].find((one) => one.textContent === 'key strength'); null")
    tab.run("strength = named.control; null")
    tab.run("strength.value = 4; strength.dispatchEvent(new Event('input', { bubbles: true }))")
    tab.wait_for(SETTLED)
    red, green, blue = tab.run("shown.values['light.key.colour']")
    assert abs(0.2126 * red + 0.7152 * green + 0.0722 * blue - 4.0) < 0.02


def test_nothing_is_fetched_from_elsewhere(tab):
    tab.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    time.sleep(0.3)
    asked = [
        event["params"]["request"]["url"] for event in tab.events if event["method"] == "Network.requestWillBeSent"
    ]
    assert all(url.startswith(("http://127.0.0.1:", "data:", "blob:")) for url in asked)


def test_a_server_that_is_gone_is_said(tab):
    tab.run("window.fetch = () => Promise.reject(new TypeError('gone'))")
    tab.run("setUnit(['26'], 2)")
    tab.wait_for(SETTLED)
    assert "no longer answers" in tab.run("$('error').textContent")
