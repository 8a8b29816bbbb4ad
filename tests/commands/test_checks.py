"""What the doctor finds."""

import pytest

from facsim.commands import checks
from facsim.commands.checks import check_package, is_within


@pytest.mark.parametrize(
    ("version", "specifier", "within"),
    [
        ("2.13.0+cpu", ">=2.6", True),
        ("2.5.9", ">=2.6", False),
        ("0.6.2", "<0.7,>=0.6.2", True),
        ("0.7.0", "<0.7,>=0.6.2", False),
        ("2.0", "==2", True),
        ("10.0", ">=9.1", True),
        ("1", "", True),
    ],
)
def test_versions_are_compared_by_number(version, specifier, within):
    assert is_within(version, specifier) == within


def test_an_installed_package_is_ok():
    assert check_package("numpy>=1.26").word == "ok"


def test_an_absent_package_is_missing_and_says_how_to_install_it():
    check = check_package("no-such-package-as-this>=1.0")
    assert (check.word, check.advice) == ("MISSING", "`pip install 'no-such-package-as-this>=1.0'`")


def test_an_old_package_is_missing():
    check = check_package("numpy>=1000")
    assert check.word == "MISSING"
    assert "expected >=1000" in check.found


def test_every_check_passes_or_is_a_note_on_a_machine_that_runs_the_tests():
    assert [check for check in checks.all_checks() if check.word == "MISSING"] == []


def test_a_check_that_fails_is_a_finding_and_not_a_crash(monkeypatch):
    def broken(device):
        raise OSError("no compiler")

    monkeypatch.setattr(checks, "_run_kernel", broken)
    found = {check.name: check for check in checks.all_checks()}
    assert found["warp"].word == "MISSING"
    assert "no compiler" in found["warp"].found


def test_a_full_disk_is_missing_space(monkeypatch):
    monkeypatch.setattr(checks, "LEAST_FREE_GIB", 1e9)
    found = {check.name: check for check in checks.all_checks()}
    assert found["disk"].word == "MISSING"


def test_a_cache_folder_that_cannot_be_written_is_a_note(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FACSIM_CACHE", str(tmp_path / "file" / "cache"))
    found = {check.name: check for check in checks.all_checks()}
    assert found["cache folder"].word == "note"
    assert "FACSIM_CACHE" in found["cache folder"].advice
