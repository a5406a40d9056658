"""Makes binaries that hold GPU code, for the tests of `rekindle inspect`.

    python3 scripts/inspect-samples.py FOLDER

LLVM's own tools (Debian: clang-19 clang-tools-19 lld-19 llvm-19) compile and bundle; formats that
they do not write (CCOB versions 1 and 3, zlib, kpack, AKS2) are written here from their
descriptions. Also needs zstd, dpkg-deb. fixtures/inspect holds the small ones of these files.
"""

import lzma
import os
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

LLVM = Path(os.environ.get("REKINDLE_LLVM", "/usr/lib/llvm-19/bin"))

SOURCES = {
    "two": """
kernel void scale(global float *x, float a) { x[__builtin_amdgcn_workitem_id_x()] *= a; }
kernel void turn(global float *x) {
  local float tile[256];
  int i = __builtin_amdgcn_workitem_id_x();
  tile[i] = x[i];
  __builtin_amdgcn_s_barrier();
  x[i] = tile[255 - i];
}
""",
    "one": "kernel void count(global int *x) { x[__builtin_amdgcn_workitem_id_x()] += 7; }\n",
}
TARGETS = [
    "gfx803",
    "gfx906",
    "gfx90a:sramecc+:xnack-",
    "gfx90a:xnack+",
    "gfx1010",
    "gfx1012",
    "gfx1030",
    "gfx10-1-generic",
    "gfx1100",
    "gfx1201",
]
BUNDLED = ["gfx906", "gfx90a:sramecc+:xnack-", "gfx1010", "gfx1030", "gfx10-1-generic"]
HOST = "host-x86_64-unknown-linux--"


def run(*command):
    subprocess.run([str(part) for part in command], check=True, stderr=subprocess.DEVNULL)


def compile_code(source, target, output, version=None):
    version = version or (6 if "generic" in target else 5)
    flags = ["-x", "cl", "-cl-std=CL2.0", "-O2", "-nogpulib", "-target", "amdgcn-amd-amdhsa"]
    run(LLVM / "clang", *flags, f"-mcpu={target}", f"-mcode-object-version={version}", source,
        "-Wl,--strip-all", "-o", output)


def code_objects():
    for name, text in SOURCES.items():
        Path(f"{name}.cl").write_text(text)
        for target in TARGETS:
            compile_code(f"{name}.cl", target, f"{name}-{target}.co")
    for version in (4, 5):
        compile_code("two.cl", "gfx1010", f"version{version}-gfx1010.co", version)
    compile_code("two.cl", "gfx1010:xnack+", "two-gfx1010:xnack+.co")


def bundle(name, output, *flags):
    targets = ",".join([HOST, *(f"hipv4-amdgcn-amd-amdhsa--{t}" for t in BUNDLED)])
    inputs = ["-input=/dev/null", *(f"-input={name}-{t}.co" for t in BUNDLED)]
    run(LLVM / "clang-offload-bundler", "-type=o", "-bundle-align=4096", f"-targets={targets}",
        *inputs, f"-output={output}", *flags)


def ccob(version, method, content):
    """A compressed bundle (clang/Driver/OffloadBundler.h)."""
    if method == "zlib":
        packed = zlib.compress(content, 9)
    else:
        packed = zstd(content)
    digest = b"\x11" * 8
    head = b"CCOB" + struct.pack("<HH", version, ["zlib", "zstd"].index(method))
    if version == 1:
        return head + struct.pack("<I", len(content)) + digest + packed
    if version == 2:
        return head + struct.pack("<II", 24 + len(packed), len(content)) + digest + packed
    return head + struct.pack("<QQ", 32 + len(packed), len(content)) + digest + packed


def zstd(content):
    command = ["zstd", "-19", "-q", "-c", f"--stream-size={len(content)}"]
    return subprocess.run(command, input=content, check=True, capture_output=True).stdout


def padded(*parts):
    """Parts one after the other, each at a page, as in a section .hip_fatbin."""
    return b"".join(part + bytes(-len(part) % 4096) for part in parts)


def bundles():
    for name in SOURCES:
        bundle(name, f"{name}.bundle")
        bundle(name, f"{name}.ccob", "-compress")
    plain = Path("two.bundle").read_bytes()
    for version in (1, 2, 3):
        for method in ("zlib", "zstd"):
            Path(f"version{version}-{method}.ccob").write_bytes(ccob(version, method, plain))
    mixed = [Path(f).read_bytes() for f in ("two.bundle", "one.ccob", "one.bundle", "two.ccob")]
    mixed.append(ccob(1, "zlib", Path("one.bundle").read_bytes()))
    mixed.append(ccob(3, "zstd", plain))
    Path("mixed.fatbin").write_bytes(padded(*mixed))
    ccobs = [Path(f).read_bytes() for f in ("two.ccob", "one.ccob", "version2-zlib.ccob")]
    Path("compressed.fatbin").write_bytes(padded(*ccobs))


def library(output, **sections):
    """A shared object with sections; `hip_fatbin="mixed.fatbin"` adds .hip_fatbin."""
    Path("host.c").write_text("int answer(void) { return 42; }\n")
    run(LLVM / "clang", "-target", "x86_64-linux-gnu", "-shared", "-nostdlib", "-fuse-ld=lld",
        "-Wl,--strip-all", "host.c", "-o", "host.so")
    adds = [f"--add-section=.{name}={file}" for name, file in sections.items()]
    # llvm-objdump finds this one by its type (SHT_LLVM_OFFLOADING).
    packed = [name for name in sections if name.startswith("llvm")]
    types = [f"--set-section-type=.{name}=0x6fff4c0b" for name in packed]
    run(LLVM / "llvm-objcopy", *adds, *types, "host.so", output)


def windows_library(output, fatbin):
    """A DLL; the linker cuts names of sections to 8 characters."""
    run(LLVM / "clang", "-target", "x86_64-pc-windows-msvc", "-c", "host.c", "-o", "host.obj")
    run(LLVM / "lld-link", "/dll", "/noentry", "/nodefaultlib", "host.obj", "/out:host.dll")
    run(LLVM / "llvm-objcopy", f"--add-section=.hip_fat={fatbin}", "host.dll", output)


def wrappers(magic, count):
    return b"".join(struct.pack("<IIQQ", magic, 1, 0x1000, 0) for _ in range(count))


def libraries():
    Path("inside.segment").write_bytes(wrappers(0x48495046, 6))
    Path("kpack.segment").write_bytes(wrappers(0x4B504948, 2))
    places = ["../.kpack/split_@GFXARCH@.kpack"]
    reference = {"kernel_name": "lib/libsplit.so", "kpack_search_paths": places}
    Path("kpack.reference").write_bytes(pack(reference))
    library("libmixed.so", hip_fatbin="mixed.fatbin", hipFatBinSegment="inside.segment")
    library("libcompressed.so", hip_fatbin="compressed.fatbin", hipFatBinSegment="inside.segment")
    images = [f"--image=file=one-{t}.co,triple=amdgcn-amd-amdhsa,arch={t},kind=hip"
              for t in ("gfx1010", "gfx1030")]
    run(LLVM / "clang-offload-packager", "-o", "packed.bin", *images)
    windows_library("compressed.dll", "compressed.fatbin")
    library("libpacked.so", **{"llvm.offloading": "packed.bin"})
    os.makedirs("tree/lib", exist_ok=True)
    os.makedirs("tree/.kpack", exist_ok=True)
    sections = {"rocm_kpack_ref": "kpack.reference", "hipFatBinSegment": "kpack.segment"}
    library("tree/lib/libsplit.so", **sections)
    for target in ("gfx1010", "gfx1030"):
        archive = kpack("lib/libsplit.so", target, codes_of(target))
        Path(f"tree/.kpack/split_{target}.kpack").write_bytes(archive)
    Path("plain.kpack").write_bytes(kpack("lib/a.so", "gfx1010", codes_of("gfx1010"), "none"))


def codes_of(target):
    return [Path(f"{name}-{target}.co").read_bytes() for name in SOURCES]


def pack(value):
    """The msgpack of strings, numbers, lists and maps."""
    if isinstance(value, str):
        data = value.encode()
        return struct.pack(">BH", 0xDA, len(data)) + data
    if isinstance(value, int):
        return struct.pack(">BQ", 0xCF, value)
    if isinstance(value, list):
        return struct.pack(">BH", 0xDC, len(value)) + b"".join(map(pack, value))
    entries = [part for item in value.items() for part in map(pack, item)]
    return struct.pack(">BH", 0xDE, len(value)) + b"".join(entries)


def kpack(binary, target, codes, scheme="zstd-per-kernel"):
    """A kpack archive (ROCm/rocm-systems, shared/kpack/runtime/src)."""
    contents = {"format_version": 1, "group_name": "split", "gfx_arch_family": target,
                "gfx_arches": [target], "compression_scheme": scheme}
    if scheme == "none":
        body, blobs = b"", []
        for code in codes:
            blobs.append({"offset": 16 + len(body), "size": len(code)})
            body += code
        contents["blobs"] = blobs
    else:
        frames = [zstd(code) for code in codes]
        body = struct.pack("<I", len(frames))
        body += b"".join(struct.pack("<I", len(frame)) + frame for frame in frames)
        contents |= {"zstd_offset": 16, "zstd_size": len(body)}
    contents["toc"] = {
        f"{binary}#{i}": {target: {"type": "hsaco", "ordinal": i, "original_size": len(code)}}
        for i, code in enumerate(codes)
    }
    return struct.pack("<4sIQ", b"KPAK", 1, 16 + len(body)) + body + pack(contents)


def aotriton(output, target):
    """An archive of AOTriton (ROCm/aotriton, v3python/aks2.py)."""
    codes = codes_of(target)
    offsets = [sum(map(len, codes[:i])) for i in range(len(codes))]
    names = [f"{name}\0".encode() for name in SOURCES]
    directory = b"".join(
        struct.pack("<IIIII", 0, 64, offset, len(code), len(name)) + name
        for offset, code, name in zip(offsets, codes, names)
    )
    content = directory + b"".join(codes)
    head = b"AKS2" + struct.pack("<III", len(content), len(codes), len(directory))
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    Path(output).write_bytes(head + lzma.compress(content))


def data_folders():
    rocblas = Path("rocm/lib/rocblas/library")
    rocblas.mkdir(parents=True, exist_ok=True)
    for target in ("gfx1010", "gfx1030"):
        (rocblas / f"TensileLibrary_lazy_{target}.dat").write_bytes(pack({"library": target}))
        code = rocblas / f"TensileLibrary_Type_SS_fallback_{target}.hsaco"
        code.write_bytes(codes_of(target)[0])
    (rocblas / "TensileLibrary_lazy_gfx900.dat").write_bytes(pack({"library": "gfx900"}))
    (rocblas / "Kernels.so-000-gfx90a-xnack+.hsaco").write_bytes(codes_of("gfx90a:xnack+")[1])
    merged = Path("merged/rocblas/library")
    merged.mkdir(parents=True, exist_ok=True)
    predicates = [{"type": "Processor", "value": t} for t in ("gfx906", "gfx1010")]
    (merged / "TensileLibrary.dat").write_bytes(pack({"library": predicates}))
    for target in ("gfx906", "gfx1010"):
        (merged / f"TensileLibrary_{target}.co").write_bytes(codes_of(target)[0])
    aotriton("rocm/lib/aotriton.images/amd-gfx11xx/flash/attn_fwd/kernel.aks2", "gfx1100")
    miopen = Path("rocm/share/miopen/db")
    miopen.mkdir(parents=True, exist_ok=True)
    (miopen / "gfx1030_36.HIP.fdb.txt").write_text("1-2-3=4\n")
    (miopen / "gfx90a68.db.txt").write_text("1-2-3=4\n")


def archives():
    for i, source in enumerate(("mixed.fatbin", "compressed.fatbin")):
        run(LLVM / "clang", "-target", "x86_64-linux-gnu", "-c", "host.c", "-o", "host.o")
        run(LLVM / "llvm-objcopy", f"--add-section=.hip_fatbin={source}", "host.o",
            f"an-object-file-with-a-long-name-{i}.o")
    run(LLVM / "llvm-ar", "rc", "libobjects.a", *sorted(Path().glob("an-object-file*.o")))
    with zipfile.ZipFile("wheel.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.write("libmixed.so", "pkg/lib/libmixed.so")
        wheel.writestr("pkg/__init__.py", "")
        wheel.write("libcompressed.so", "pkg/lib/libcompressed.so", zipfile.ZIP_STORED)
    for method in ("gzip", "xz", "zstd"):
        root = Path(f"deb-{method}")
        (root / "DEBIAN").mkdir(parents=True, exist_ok=True)
        (root / "usr/lib").mkdir(parents=True, exist_ok=True)
        (root / "DEBIAN/control").write_text(
            "Package: sample\nVersion: 1\nArchitecture: amd64\n"
            "Maintainer: nobody\nDescription: none\n")
        (root / "usr/lib/libcompressed.so").write_bytes(Path("libcompressed.so").read_bytes())
        run("dpkg-deb", f"-Z{method}", "--root-owner-group", "--build", root, f"{method}.deb")


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    code_objects()
    bundles()
    libraries()
    data_folders()
    archives()


if __name__ == "__main__":
    main()
