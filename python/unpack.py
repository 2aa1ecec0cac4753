"""Unpacks from TensorFlow's wheel what the native binding needs: python unpack.py WHEEL FOLDER

The two libraries go to FOLDER/lib, the C API's headers to FOLDER/include; the rest stays out.
"""

import os
import shutil
import sys
import zipfile

LIBRARIES = ("libtensorflow_cc.so.2", "libtensorflow_framework.so.2")
HEADERS = (
    "tensorflow/c/",
    "tensorflow/core/common_runtime/next_pluggable_device/c/",
    "tensorflow/core/platform/ctstring",
    "tsl/platform/ctstring",
    "tsl/platform/platform.h",
    "xla/tsl/c/",
)


def target(name):
    """Where a member of the wheel goes, or None if it stays out."""
    package, _, rest = name.partition("/")
    if package == "tensorflow" and rest in LIBRARIES:
        return os.path.join("lib", rest)
    if name.startswith("tensorflow/include/") and name.endswith(".h"):
        header = name[len("tensorflow/include/"):]
        if header.startswith(HEADERS):
            return os.path.join("include", header)
    return None


def main(wheel, folder):
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            path = target(member.filename)
            if path is None:
                continue
            path = os.path.join(folder, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            # Reading to the end also checks the member's checksum.
            with archive.open(member) as source, open(path, "wb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
    missing = [name for name in LIBRARIES if not os.path.exists(os.path.join(folder, "lib", name))]
    if missing:
        sys.exit(f"{os.path.basename(wheel)} holds no {' and no '.join(missing)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
