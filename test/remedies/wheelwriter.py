"""Writes wheels: a module for builds in tests, and a program that makes many of a description."""

import base64
import hashlib
import json
import sys
import zipfile
from pathlib import Path


def write_wheel(path, name, version, files, requires=(), extras=()):
    """A wheel at `path` with the contents of `files`, by path inside."""
    info = f"{name}-{version}.dist-info"
    tag = Path(path).name[:-len(".whl")].split("-", 2)[2]
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {one}" for one in requires]
    lines += [f"Provides-Extra: {one}" for one in extras]
    members = {
        **files,
        f"{info}/METADATA": "\n".join([*lines, ""]).encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
    }
    rows = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            rows.append(f"{member},sha256={digest.decode()},{len(content)}")
            archive.writestr(member, content)
        archive.writestr(f"{info}/RECORD", "\n".join([*rows, f"{info}/RECORD,,", ""]))


def main(folder):
    """Makes the wheels that JSON on standard input describes."""
    for wheel in json.load(sys.stdin):
        name, version = wheel["name"], wheel["version"]
        files = {path: text.encode() for path, text in wheel.get("texts", {}).items()}
        files |= {path: Path(file).read_bytes() for path, file in wheel.get("files", {}).items()}
        path = Path(folder, f"{name}-{version}-py3-none-any.whl")
        write_wheel(path, name, version, files, wheel.get("requires", ()), wheel.get("extras", ()))


if __name__ == "__main__":
    main(sys.argv[1])
