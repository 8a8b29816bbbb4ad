"""Asked is shown: each AU moves what it should, on its side only, further with each letter, and nothing breaks."""

import numpy as np
import pytest

from facsim.errors import FacsimError
from facsim.models.action_units import SUPPORTED_AUS
from facsim.models.head import PARTS, Head, load_head
from facsim.models.identity import Identity, sample_identity
from facsim.models.landmarks import landmarks_68

LETTERS = (1.0, 2.0, 3.0, 4.0, 5.0)
PLAIN = Identity(age_years=30, gender=0.5, ancestry=(0.3, 0.3, 0.4))


@pytest.fixture(scope="module")
def head() -> Head:
    return load_head()


def draw_people(count: int) -> list[Identity]:
    generator = np.random.default_rng(20)
    people = []
    for _ in range(count):
        age, gender = generator.uniform(4, 85), generator.uniform(0, 1)
        african, asian, _ = generator.dirichlet((0.5, 0.5, 0.5))
        ancestry = (float(african), float(asian), float(1 - african - asian))
        people.append(sample_identity(generator, age_years=age, gender=gender, ancestry=ancestry))
    return people


PEOPLE = draw_people(8)


def show(head: Head, identity: Identity, **intensities: float) -> np.ndarray:
    """Landmarks under AUs given as AU12=3 (both sides) or AU12L=3."""
    asked = {}
    for name, intensity in intensities.items():
        key = name.removeprefix("AU")
        sides = [key] if key in SUPPORTED_AUS else [f"{key}L", f"{key}R"]
        asked |= dict.fromkeys(sides, intensity)
    return landmarks_68(head, head.pose_vertices(identity, asked))


def eye_aperture(points: np.ndarray, first: int = 42) -> float:
    """Height of the opening between the lids' paired points, seen along the eye's width."""
    upper, lower = points[[first + 1, first + 2], 1:], points[[first + 5, first + 4], 1:]
    return float(np.linalg.norm(upper - lower, axis=1).mean())


# Claim -> (AU, what is measured on the landmarks); each must grow from neutral through A to E.
GROWING = {
    "1 raises the inner brow": ("AU1", lambda p: p[22, 1] - p[27, 1]),
    "2 raises the outer brow": ("AU2", lambda p: p[25, 1] - p[27, 1]),
    "4 lowers the brow": ("AU4", lambda p: -p[22, 1]),
    "4 draws the brows together": ("AU4", lambda p: -(p[22, 0] - p[21, 0])),
    "5 opens the lids": ("AU5", eye_aperture),
    "6 narrows the eye": ("AU6", lambda p: -eye_aperture(p)),
    "6 raises the lower lid": ("AU6", lambda p: p[47, 1]),
    "7 narrows the eye": ("AU7", lambda p: -eye_aperture(p)),
    "9 shortens the way from brow to nose": ("AU9", lambda p: -(p[22, 1] - p[35, 1])),
    "10 raises the upper lip": ("AU10", lambda p: p[51, 1]),
    "12 raises the corners": ("AU12", lambda p: p[54, 1]),
    "12 widens the mouth": ("AU12", lambda p: p[54, 0] - p[48, 0]),
    "13 raises the corners": ("AU13", lambda p: p[54, 1]),
    "14 draws the corners in and out": ("AU14", lambda p: p[54, 0] - p[48, 0] - p[54, 2]),
    "15 lowers the corners": ("AU15", lambda p: -p[54, 1]),
    "16 lowers the lower lip": ("AU16", lambda p: -p[57, 1]),
    "17 raises the lower lip": ("AU17", lambda p: p[57, 1]),
    "18 narrows the mouth": ("AU18", lambda p: -(p[54, 0] - p[48, 0])),
    "20 widens the mouth": ("AU20", lambda p: p[54, 0] - p[48, 0]),
    "22 pushes the lips forward": ("AU22", lambda p: p[[51, 57], 2].mean()),
    "23 thins the lips": ("AU23", lambda p: -(p[51, 1] - p[57, 1])),
    "24 thins the lips": ("AU24", lambda p: -(p[51, 1] - p[57, 1])),
    "25 parts the lips": ("AU25", lambda p: p[62, 1] - p[66, 1]),
    "26 lowers the chin": ("AU26", lambda p: -p[8, 1]),
    "26 opens the mouth": ("AU26", lambda p: p[62, 1] - p[66, 1]),
    "27 lowers the chin": ("AU27", lambda p: -p[8, 1]),
    "28 sucks the lips in": ("AU28", lambda p: -(p[51, 1] - p[57, 1])),
    "34 widens the cheeks": ("AU34", lambda p: p[12, 0] - p[4, 0]),
    "38 widens the nostrils": ("AU38", lambda p: p[35, 0] - p[31, 0]),
    "39 narrows the nostrils": ("AU39", lambda p: -(p[35, 0] - p[31, 0])),
    "43 closes the eye": ("AU43", lambda p: -eye_aperture(p)),
}


@pytest.mark.parametrize("claim", GROWING)
def test_au_moves_its_landmarks_further_with_each_letter(head, claim):
    au, measure = GROWING[claim]
    for who in PEOPLE:
        values = [measure(show(head, who, **{au: intensity})) for intensity in (0.0, *LETTERS)]
        assert np.all(np.diff(values) > 0), (claim, who.age_years, values)


def test_every_letter_of_every_au_moves_the_skin_by_half_a_millimetre_or_more_at_c(head):
    neutral = head.pose_vertices(PLAIN, {})
    for key in SUPPORTED_AUS:
        moved = np.linalg.norm(head.pose_vertices(PLAIN, {key: 3.0}) - neutral, axis=1).max()
        assert moved > 0.005, (key, moved)


def test_1_raises_the_inner_brow_more_than_the_outer_and_2_the_reverse(head):
    neutral = show(head, PLAIN)
    first, second = (show(head, PLAIN, **{au: 4.0}) - neutral for au in ("AU1", "AU2"))
    assert first[22, 1] > 2 * first[25, 1]
    assert second[25, 1] > 2 * second[22, 1]


def test_1_with_4_lifts_the_inner_brows_and_draws_them_together_further_with_each_letter(head):
    for who in PEOPLE:
        brows = [show(head, who, AU1=value, AU4=value)[[21, 22]] for value in (0.0, *LETTERS)]
        assert np.all(np.diff([brow[1, 1] for brow in brows]) > 0)
        assert np.all(np.diff([brow[1, 0] - brow[0, 0] for brow in brows]) < 0)
        assert brows[-1][1, 1] - brows[0][1, 1] > 0.05


def test_4_with_9_lowers_the_brow_hardly_further_than_4_alone(head):
    for who in PEOPLE:
        neutral, alone, both = (show(head, who, **units)[22, 1] for units in ({}, {"AU4": 5}, {"AU4": 5, "AU9": 5}))
        assert neutral - both < 1.5 * (neutral - alone)


def test_a_stretched_mouth_is_round(head):
    for who in PEOPLE:
        points = show(head, who, AU25=3.0, AU27=5.0)
        middle, beside = points[62, 1] - points[66, 1], points[61, 1] - points[67, 1]
        assert 0.4 * middle < beside < 0.95 * middle


def test_the_tongue_goes_down_with_the_jaw(head):
    for who in PEOPLE:
        shut, dropped = (head.pose_vertices(who, units)[head.mouth.tongue, 1].max() for units in ({}, {"27": 5.0}))
        assert dropped < shut - 0.04


def test_a_jaw_dropped_and_stretched_is_no_lower_than_one_stretched(head):
    for who in PEOPLE:
        both, stretched = (show(head, who, **units)[8, 1] for units in ({"AU26": 5.0, "AU27": 5.0}, {"AU27": 5.0}))
        assert both == pytest.approx(stretched, abs=1e-4)


def test_27_opens_the_jaw_further_than_26(head):
    for who in PEOPLE:
        chin, dropped, stretched = (show(head, who, **asked)[8, 1] for asked in ({}, {"AU26": 5.0}, {"AU27": 5.0}))
        assert chin - stretched > 1.5 * (chin - dropped) > 0.1


def test_43_closes_the_eye_of_everybody_whatever_else_they_show(head):
    for who in draw_people(16):
        for others in ({}, {"AU5": 3.0}, {"AU4": 5.0, "AU9": 4.0}, {"AU6": 5.0, "AU7": 5.0}, {"AU1": 5.0, "AU2": 5.0}):
            neutral, closed = show(head, who), show(head, who, AU43=5.0, **others)
            for eye in (36, 42):
                assert eye_aperture(closed, eye) < 0.03 * eye_aperture(neutral, eye)


def test_lips_stay_sealed_while_no_au_parts_them(head):
    sealing = [key for key in SUPPORTED_AUS if key not in ("25", "26", "27")]
    for who in PEOPLE[:3]:
        for key in ("12L", *sealing):
            points = landmarks_68(head, head.pose_vertices(who, {key: 5.0}))
            gaps = points[[61, 62, 63], 1] - points[[67, 66, 65], 1]
            assert gaps.max() < 0.004, key


def test_lips_part_by_a_visible_millimetre_at_25b_whatever_presses_on_them(head):
    for who in PEOPLE:
        for other in ("AU12", "AU15", "AU17", "AU18", "AU20", "AU22", "AU10"):
            points = show(head, who, AU25=2.0, **{other: 3.0})
            assert points[62, 1] - points[66, 1] > 0.01, other


@pytest.mark.parametrize("key", [key for key in SUPPORTED_AUS if key.endswith("L")])
def test_an_au_of_the_left_leaves_the_right_half_unmoved(head, key):
    neutral = head.pose_vertices(PLAIN, {})
    moved = np.abs(head.pose_vertices(PLAIN, {key: 5.0}) - neutral).max(axis=1)
    right = head.rest[:, 0] < -0.16
    assert moved[right].max() < 1e-4
    assert moved[~right].max() > 0.01


@pytest.mark.parametrize("key", [key for key in SUPPORTED_AUS if key.endswith("L")])
def test_mirrored_aus_on_a_symmetric_face_give_mirrored_vertices(head, key):
    left = head.pose_vertices(PLAIN, {key: 4.0})
    right = head.pose_vertices(PLAIN, {f"{key[:-1]}R": 4.0})
    assert np.abs(right[head.arrays["mirror"]] * [-1, 1, 1] - left).max() < 2e-4


def test_a_gaze_is_mirrored_with_its_yaw_negated(head):
    one = head.pose_vertices(PLAIN, {}, gaze=(20.0, -10.0))
    other = head.pose_vertices(PLAIN, {}, gaze=(-20.0, -10.0))
    assert np.abs(other[head.arrays["mirror"]] * [-1, 1, 1] - one).max() < 2e-4


def test_gaze_turns_the_pupil_left_and_up(head):
    pupil = head.eyes[0].ball.start
    straight, turned = (head.pose_vertices(PLAIN, {}, gaze=gaze)[pupil] for gaze in ((0.0, 0.0), (25.0, 15.0)))
    assert turned[0] > straight[0] + 0.04 and turned[1] > straight[1] + 0.02


def test_the_upper_lid_follows_the_gaze_down(head):
    straight, down = (landmarks_68(head, head.pose_vertices(PLAIN, {}, gaze=(0.0, p))) for p in (0.0, -20.0))
    assert down[43, 1] < straight[43, 1] - 0.02


def test_no_lid_vertex_lies_inside_an_eyeball(head):
    for who in PEOPLE:
        for asked, gaze in (({}, (0, 0)), ({"43L": 3.0, "43R": 5.0}, (15, -20)), ({"5L": 5.0, "6R": 5.0}, (-30, 20))):
            vertices = head.pose_vertices(who, asked, gaze=gaze)
            for rig in head.eyes:
                ball = vertices[rig.ball]
                centre = rig.centre_weights @ ball
                radius = np.linalg.norm(ball[-1] - centre)
                distance = np.linalg.norm(vertices[rig.rings[1:]] - centre, axis=-1)
                assert distance.min() > 1.03 * radius


def test_teeth_stay_behind_parted_lips(head):
    for who in PEOPLE:
        for asked in ({"25": 3.0}, {"25": 4.0, "12L": 5.0, "12R": 5.0}, {"26": 4.0, "28": 4.0}, {"25": 5.0, "24": 5.0}):
            vertices = head.pose_vertices(who, asked)
            for columns, crown in zip((head.mouth.upper, ~head.mouth.upper), head.mouth.crowns, strict=True):
                arch = vertices[crown]
                lips = vertices[head.mouth.rings[:6, columns]].reshape(-1, 3)
                front = np.interp(lips[:, 0], arch[:, 0], arch[:, 2], left=-9.0, right=-9.0)
                assert (lips[:, 2] - front).min() > 0.0


def test_the_neutral_face_has_open_eyes_and_level_sealed_lips(head):
    for who in draw_people(25):
        points = show(head, who)
        width = np.linalg.norm(points[42] - points[45])
        assert 0.24 < eye_aperture(points) / width < 0.45
        corners = points[[60, 64], 1].mean() - points[[62, 66], 1].mean()
        assert abs(corners) < 0.03 * np.linalg.norm(points[64] - points[60])
        assert points[62, 1] - points[66, 1] < 0.004


def test_showing_aus_leaves_the_identity_as_it_was(head):
    before = head.pose_vertices(PLAIN, {})
    head.pose_vertices(PLAIN, dict.fromkeys(SUPPORTED_AUS, 5.0), gaze=(10.0, 10.0))
    assert np.array_equal(head.pose_vertices(PLAIN, {}), before)


def test_aus_of_the_mouth_leave_brows_and_skull_alone(head):
    neutral = head.pose_vertices(PLAIN, {})
    moved = np.abs(head.pose_vertices(PLAIN, {"12L": 5.0, "12R": 5.0, "26": 5.0}) - neutral).max(axis=1)
    assert moved[head.rest[:, 1] > 0.3].max() < 1e-3


def test_all_aus_together_keep_every_vertex_finite_and_near(head):
    for who in PEOPLE:
        vertices = head.pose_vertices(who, dict.fromkeys(SUPPORTED_AUS, 5.0))
        assert np.isfinite(vertices).all()
        assert np.linalg.norm(vertices - head.pose_vertices(who, {}), axis=1).max() < 1.2


def test_vertices_are_float32_and_centred_between_the_eyes(head):
    vertices = head.pose_vertices(PEOPLE[0], {"26": 3.0})
    centres = [rig.centre_weights @ vertices[rig.ball] for rig in head.eyes]
    assert vertices.dtype == np.float32 and vertices.shape == head.rest.shape
    assert np.abs(np.mean(centres, axis=0)).max() < 1e-4


def test_topology_names_a_part_for_every_triangle_and_uses_every_vertex(head):
    assert head.parts.max() < len(PARTS) and len(head.parts) == len(head.triangles)
    assert len(np.unique(head.triangles)) == len(head.rest) == len(head.uv)
    assert 10_000 <= len(head.triangles) <= 14_000


def test_triangles_of_the_eyes_face_outwards(head):
    for part, rig in zip((1, 2), head.eyes, strict=True):
        a, b, c = (head.rest[head.triangles[head.parts == part][:, corner]] for corner in range(3))
        outward = (a + b + c) / 3 - rig.centre_weights @ head.rest[rig.ball]
        assert (np.einsum("ij,ij->i", np.cross(b - a, c - a), outward) > 0).all()


def test_an_unsupported_au_is_refused(head):
    with pytest.raises(FacsimError, match="cannot show AU"):
        head.pose_vertices(PLAIN, {"36": 2.0})
