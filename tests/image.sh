#!/usr/bin/env bash
# Makes the images that tests run containers of, from Debian's packages: no registry is asked.
#   image.sh OUT.tar      archives for `docker load`; what was made by this file with this uv is left as it is
#     rigi-test/worker:1  a small Debian with Python, certificates and uv
#     rigi-test/plain:1   one static busybox, and nothing else
# Beside OUT.tar, plain.tar: what is small of it, and what holds a pod of a cluster together.
#     rigi-test/pause:1   sleeps
set -euo pipefail
out=${1:?usage: image.sh OUT.tar}
mkdir -p "$(dirname "$out")"

uv=${RIGI_TEST_UV:-$(command -v uv || true)}
tools=$(dirname "$out")/tools
if [ -z "$uv" ]; then
    uv=$tools/bin/uv
    if [ ! -x "$uv" ]; then
        python3 -m venv "$tools"
        "$tools/bin/pip" install --quiet --disable-pip-version-check uv
    fi
fi
made=$(cat "$0" "$uv" | sha256sum)
small=$(dirname "$out")/plain.tar
if [ -e "$out" ] && [ -e "$small" ] && [ "$(cat "$out.made" 2>/dev/null)" = "$made" ]; then exit 0; fi
command -v debootstrap >/dev/null || {
    echo "there is no debootstrap: apt-get install debootstrap" >&2
    exit 1
}

work=$(mktemp -d /tmp/rigi-image.XXXXXX)
trap 'rm -rf "$work"' EXIT
. /etc/os-release
# The mirror and the release that this machine has its own packages from: Python is the same inside and outside.
release=${VERSION_CODENAME:-bookworm}
mirror=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $release" | head -n 1)
debootstrap --variant=minbase --include=ca-certificates,python3,busybox-static "$release" "$work/worker" \
    "${mirror:-http://deb.debian.org/debian}" >"$work/log" 2>&1 || {
    tail -n 5 "$work/log" >&2
    exit 1
}
mkdir -p "$work/plain/bin" "$work/plain/tmp"
mv "$work/worker/bin/busybox" "$work/plain/bin/busybox"
for name in sh cat echo sleep true; do ln -s busybox "$work/plain/bin/$name"; done
rm -rf "$work"/worker/var/cache/apt/archives/*.deb "$work"/worker/var/lib/apt/lists/* "$work"/worker/usr/share/{doc,man,locale}/*
# Whom this machine trusts, a company's own authorities included.
cp -L /etc/ssl/certs/ca-certificates.crt "$work/worker/etc/ssl/certs/ca-certificates.crt" 2>/dev/null || true
install -m 755 "$(readlink -f "$uv")" "$work/worker/usr/local/bin/uv"

python3 - "$work" <<'PY'
import hashlib, io, json, os, sys, tarfile

work = sys.argv[1]
path = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
trust = ["SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"]
layers = {}
for name in ("worker", "plain"):
    layer = f"{work}/{name}.layer"
    with tarfile.open(layer, "w") as tar:
        tar.add(f"{work}/{name}", arcname=".")
    with open(layer, "rb") as file:
        layers[name] = layer, "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def write(out, images):
    """One archive of images: each with its name, the layer that it is, its command and its variables."""
    manifest, there = [], set()
    with tarfile.open(out, "w") as archive:
        def add(name, data):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))

        for image, of, command, env in images:
            layer, digest = layers[of]
            config = {
                "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine),
                "os": "linux",
                "config": {"Cmd": command, "Env": env},
                "rootfs": {"type": "layers", "diff_ids": [digest]},
            }
            if of not in there:
                archive.add(layer, arcname=f"{of}/layer.tar")
                there.add(of)
            add(f"{image}.json", json.dumps(config).encode())
            manifest.append({"Config": f"{image}.json", "RepoTags": [f"rigi-test/{image}:1"], "Layers": [f"{of}/layer.tar"]})
        add("manifest.json", json.dumps(manifest).encode())


plain = ("plain", "plain", ["/bin/sh", "-c", "echo its own command"], path)
write(f"{work}/images.tar", [("worker", "worker", None, path + trust), plain])
write(f"{work}/plain.tar", [plain, ("pause", "plain", ["/bin/sleep", "2147483647"], path)])
PY
for file in plain images; do
    mv "$work/$file.tar" "$(dirname "$out")/.$file.partial"
done
mv "$(dirname "$out")/.plain.partial" "$small"
mv "$(dirname "$out")/.images.partial" "$out"
echo "$made" >"$out.made"
