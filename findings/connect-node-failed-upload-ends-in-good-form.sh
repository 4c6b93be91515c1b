#!/usr/bin/env bash
# @connectrpc/connect-node 2.3.0 with @connectrpc/connect 2.3.0 and @bufbuild/protobuf 2.17.0 (npm,
# https://github.com/connectrpc/connect-es), gRPC transport, Node.js 20.20.2, Linux.
#
# A client streams a file from an async generator, and the generator throws half way: the disk fails, the
# person gives up. The client's call fails, as one expects. The server, however, is sent the regular end of
# the request (END_STREAM) right before the reset: to its handler the upload is complete, and a handler that
# works on what has come stores half a file as a whole one. The same happens wherever a call is ended by
# `Http2Stream.close(code)` of Node.js, which ends the writable side first; `destroy(error)` resets alone.
#
# So a server cannot take the end of a client stream for the end of the content: it needs the size or a
# digest beforehand.
#
# Seen:
#   the client hears: [internal] the file cannot be read any further
#   the server sees: end of the request, reset 2
#
# Exits non-zero when this has changed.
set -euo pipefail
command -v npm >/dev/null || { echo "npm is needed" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --no-save \
  @connectrpc/connect@2.3.0 @connectrpc/connect-node@2.3.0 @bufbuild/protobuf@2.17.0
cat >upload.mjs <<'JAVASCRIPT'
import http2 from "node:http2";
import { create, createFileRegistry } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, StringValueSchema, file_google_protobuf_wrappers } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";

const type = ".google.protobuf.StringValue";
const contract = create(FileDescriptorProtoSchema, {
  name: "depot.proto",
  package: "depot",
  syntax: "proto3",
  dependency: [file_google_protobuf_wrappers.proto.name],
  service: [{ name: "Depot", method: [{ name: "Upload", clientStreaming: true, inputType: type, outputType: type }] }],
});
const depot = createFileRegistry(contract, () => file_google_protobuf_wrappers).getService("depot.Depot");

const seen = [];
const server = http2.createServer();
const over = new Promise((resolve) => {
  server.on("stream", (stream) => {
    stream.on("error", () => {}).on("data", () => {});
    stream.on("end", () => seen.push("end of the request"));
    stream.on("close", () => resolve(seen.push(`reset ${stream.rstCode}`)));
  });
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));

async function* blocks() {
  yield create(StringValueSchema, { value: "the first half" });
  await new Promise((later) => setTimeout(later, 200));
  throw new Error("the file cannot be read any further");
}
const client = createClient(depot, createGrpcTransport({ baseUrl: `http://127.0.0.1:${server.address().port}` }));
await client.upload(blocks()).catch((error) => console.log("the client hears:", error.message));
await over;
console.log("the server sees:", seen.join(", "));
process.exit();
JAVASCRIPT
timeout 30 node upload.mjs | tee seen
grep -q "^the client hears: .*cannot be read" seen
grep -q "^the server sees: end of the request, reset" seen
