"""Trees of files as found in the wild and as made by an attacker, built here byte by byte."""

import contextlib
import gzip
import io
import os
import struct
import tarfile
import zipfile

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facsim.errors import FormatError
from facsim.formats.archives import TreeLimits
from facsim.formats.tree import read_tree, tree_kind, tree_names

FILES = {"anger/a.png": b"one", "anger/b.png": b"", "fear/sub/c.png": b"three" * 500}


def zip_bytes(members, *, compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data, mode in members:
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr, info.compress_type = 3, mode << 16, compression
            archive.writestr(info, data)
    return file.getvalue()


def tar_bytes(members):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data, kind in members:
            info = tarfile.TarInfo(name)
            info.size, info.type, info.linkname = len(data), kind, "target"
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def plain(kind):
    if kind == "zip":
        return zip_bytes([(name, data, 0o100644) for name, data in FILES.items()], compression=zipfile.ZIP_DEFLATED)
    data = tar_bytes([(name, data, tarfile.REGTYPE) for name, data in FILES.items()])
    return gzip.compress(data) if kind == "tar.gz" else data


def folder_of(path, files=FILES):
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def put(path, data):
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_an_archive_reads_like_the_folder_that_it_holds(tmp_path, kind):
    archive = put(tmp_path / "a", plain(kind))  # the kind is found by content, not by suffix
    assert dict(read_tree(archive)) == dict(read_tree(folder_of(tmp_path / "folder"))) == FILES
    assert tree_names(archive) == tuple(sorted(FILES)) and tree_kind(archive) == kind.removesuffix(".gz")


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_only_what_is_wanted_is_read(tmp_path, kind):
    assert dict(read_tree(put(tmp_path / "a", plain(kind)), wanted={"anger/b.png"})) == {"anger/b.png": b""}


@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
def test_object_stores_read_like_disks(kind):
    fs = fsspec.filesystem("memory")
    place = f"/tree-{kind}"
    for name, data in FILES.items() if kind == "folder" else [("", plain(kind))]:
        fs.pipe_file(f"{place}/{name}" if name else place, data)
    assert dict(read_tree(f"memory:/{place}")) == FILES


def test_a_dot_in_front_of_names_is_dropped(tmp_path):
    data = tar_bytes([("./", b"", tarfile.DIRTYPE), ("./anger/a.png", b"x", tarfile.REGTYPE)])
    assert tree_names(put(tmp_path / "a.tar", data)) == ("anger/a.png",)


BAD_NAMES = {
    "parent": "../evil.png",
    "parent within": "anger/../../evil.png",
    "absolute": "/etc/evil.png",
    "drive": "C:/evil.png",
    "backslash": "anger\\..\\evil.png",
    "control": "evil/e\x07.png",
    "long": "a" * 256 + ".png",
}


@pytest.mark.parametrize("name", BAD_NAMES.values(), ids=BAD_NAMES)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_names_that_leave_the_tree_are_refused_by_name(tmp_path, kind, name):
    is_zip = kind == "zip"
    data = zip_bytes([(name, b"x", 0o100644)]) if is_zip else tar_bytes([(name, b"x", tarfile.REGTYPE)])
    with pytest.raises(FormatError, match=r"evil|aaaa"):
        list(read_tree(put(tmp_path / "a", data)))


BAD_MEMBERS = {
    "zip link": (zip_bytes([("x.png", b"/etc/passwd", 0o120777)]), "a link"),
    "zip device": (zip_bytes([("x.png", b"", 0o020644)]), "device"),
    "zip pipe": (zip_bytes([("x.png", b"", 0o010644)]), "device"),
    "zip bzip2": (zip_bytes([("x.png", b"x", 0o100644)], compression=zipfile.ZIP_BZIP2), "not deflate"),
    "zip same name": (zip_bytes([("x.png", b"1", 0o100644), ("./x.png", b"2", 0o100644)]), "twice"),
    "tar symbolic link": (tar_bytes([("x.png", b"", tarfile.SYMTYPE)]), "a link"),
    "tar hard link": (tar_bytes([("x.png", b"", tarfile.LNKTYPE)]), "a link"),
    "tar device": (tar_bytes([("x.png", b"", tarfile.CHRTYPE)]), "device"),
    "tar pipe": (tar_bytes([("x.png", b"", tarfile.FIFOTYPE)]), "device"),
    "tar same name": (tar_bytes([("x.png", b"1", tarfile.REGTYPE)] * 2), "twice"),
}


@pytest.mark.parametrize("data, words", BAD_MEMBERS.values(), ids=BAD_MEMBERS)
def test_members_that_are_no_plain_files_are_refused_by_name(tmp_path, data, words):
    with pytest.raises(FormatError, match=f"x.png.*{words}"):
        list(read_tree(put(tmp_path / "a", data)))


def test_an_encrypted_zip_is_refused(tmp_path):
    data = bytearray(zip_bytes([("x.png", b"x", 0o100644)]))
    central = data.index(b"PK\x01\x02")
    data[6] |= 1
    data[central + 8] |= 1
    with pytest.raises(FormatError, match="encrypted"):
        list(read_tree(put(tmp_path / "a.zip", bytes(data))))


def zip_with_shared_bytes():
    """Two central entries for the bytes of one member."""
    data = zip_bytes([("x.png", b"x" * 100, 0o100644)])
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    second = data[start:end].replace(b"x.png", b"y.png")
    counted = data[end : end + 8] + struct.pack("<HHI", 2, 2, 2 * (end - start)) + data[end + 16 :]
    return data[:start] + data[start:end] + second + counted


def test_zip_members_that_share_bytes_are_refused(tmp_path):
    with pytest.raises(FormatError, match="share bytes"):
        list(read_tree(put(tmp_path / "a.zip", zip_with_shared_bytes())))


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_bomb_is_refused_by_ratio(tmp_path, kind):
    zeros = bytes(1 << 20)
    data = (
        zip_bytes([("x.png", zeros, 0o100644)], compression=zipfile.ZIP_DEFLATED)
        if kind == "zip"
        else gzip.compress(tar_bytes([("x.png", zeros, tarfile.REGTYPE)]))
    )
    with pytest.raises(FormatError, match="bomb"):
        list(read_tree(put(tmp_path / "a", data), limits=TreeLimits(free_bytes=1 << 16)))


def test_a_member_over_the_limit_is_refused(tmp_path):
    with pytest.raises(FormatError, match=r"fear/sub/c\.png.*at most 1000"):
        list(read_tree(put(tmp_path / "a", plain("tar")), limits=TreeLimits(max_member_bytes=1000)))


def test_a_zip_that_lies_about_a_size_is_refused(tmp_path):
    data = zip_bytes([("x.png", bytes(1 << 20), 0o100644)], compression=zipfile.ZIP_DEFLATED)
    lying = data.replace(struct.pack("<I", 1 << 20), struct.pack("<I", 100))
    with pytest.raises(FormatError, match=r"x\.png"):
        list(read_tree(put(tmp_path / "a.zip", lying)))


def test_an_endless_tar_name_is_refused(tmp_path):
    data = tar_bytes([("x", b"n" * (2 << 20), tarfile.GNUTYPE_LONGNAME)])
    with pytest.raises(FormatError, match="header of 2097152 bytes"):
        list(read_tree(put(tmp_path / "a.tar", data)))


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_a_cut_archive_is_refused_wherever_it_is_cut(tmp_path, kind):
    data = plain(kind)
    last = len(data) if kind != "tar" else data.rindex(b"three") + 5
    for end in range(4, last, 97):
        with pytest.raises(FormatError):
            list(read_tree(put(tmp_path / "a", data[:end])))


def test_a_tar_with_a_damaged_header_within_is_refused(tmp_path):
    data = bytearray(plain("tar"))
    data[1024 + 10] ^= 0xFF  # in the second member's name: its checksum no longer holds
    with pytest.raises(FormatError, match="damaged"):
        list(read_tree(put(tmp_path / "a.tar", bytes(data))))


def test_a_damaged_zip_member_is_refused_by_name(tmp_path):
    data = zip_bytes([("x.png", b"abcdef", 0o100644)]).replace(b"abcdef", b"abXdef")
    with pytest.raises(FormatError, match=r"x\.png.*CRC"):
        list(read_tree(put(tmp_path / "a.zip", data)))


def test_a_link_within_the_folder_is_followed(tmp_path):
    folder = folder_of(tmp_path / "folder")
    os.symlink("a.png", folder / "anger" / "linked.png")
    assert dict(read_tree(folder)) == FILES | {"anger/linked.png": b"one"}


@pytest.mark.parametrize("target", ["../../outside.png", "/etc/hostname", "nowhere.png", "../fear"])
def test_other_links_in_a_folder_are_refused_by_name(tmp_path, target):
    put(tmp_path / "outside.png", b"secret")
    folder = folder_of(tmp_path / "folder")
    os.symlink(target, folder / "anger" / "linked.png")
    with pytest.raises(FormatError, match=r"anger/linked\.png.*a link"):
        list(read_tree(folder))


def test_a_pipe_in_a_folder_is_refused(tmp_path):
    folder = folder_of(tmp_path / "folder")
    os.mkfifo(folder / "pipe.png")
    with pytest.raises(FormatError, match=r"pipe\.png"):
        list(read_tree(folder))


def test_nothing_at_the_path_is_said(tmp_path):
    with pytest.raises(FormatError, match="nothing at"):
        tree_names(tmp_path / "missing")


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    with pytest.raises(FormatError, match="neither a folder nor"):
        tree_names(put(tmp_path / "a.txt", b"hello"))


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["zip", "tar", "tar.gz"]),
    st.lists(st.tuples(st.integers(0, 4000), st.binary(min_size=1, max_size=4)), max_size=5),
)
def test_damaged_archives_are_refused_or_read(tmp_path_factory, kind, edits):
    data = bytearray(plain(kind))
    for place, patch in edits:
        start = place % len(data)
        data[start : start + len(patch)] = patch
    path = put(tmp_path_factory.getbasetemp() / f"damaged-{kind}", bytes(data))
    with contextlib.suppress(FormatError):
        assert all(isinstance(found, bytes) for _, found in read_tree(path))


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08", b"\x00" * 257 + b"ustar"]), st.binary(max_size=600)
)
def test_any_bytes_are_refused_or_read(tmp_path_factory, signature, body):
    path = put(tmp_path_factory.getbasetemp() / "any", signature + body)
    with contextlib.suppress(FormatError):
        assert all(isinstance(data, bytes) for _, data in read_tree(path))
