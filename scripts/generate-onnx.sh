#!/bin/sh
# Writes src/onnx/onnx_pb.ts from the onnx.proto of the `onnx` Python package.
# Needs protoc (Debian: protobuf-compiler), Python 3 with venv, npm. Run from the repository's root.
set -eu

ONNX_VERSION=1.23.2
PROTOC_GEN_ES_VERSION=2.17.0 # the version of @bufbuild/protobuf in package.json

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --no-deps "onnx==$ONNX_VERSION"
proto=$(find "$scratch/venv" -path '*/onnx/onnx.proto')
npm install --silent --no-audit --no-fund --prefix "$scratch" \
  "@bufbuild/protoc-gen-es@$PROTOC_GEN_ES_VERSION"

protoc --plugin="$scratch/node_modules/.bin/protoc-gen-es" \
  --es_opt=target=ts,erasable_syntax=true --es_out=src/onnx \
  --proto_path="$(dirname "$proto")" onnx.proto
echo "wrote src/onnx/onnx_pb.ts from onnx $ONNX_VERSION"
