#!/usr/bin/env bash
# Stands in for grpcurl where it is not installed: the same call through `buf curl`.
set -euo pipefail
arguments=()
while [[ $1 == -* ]]; do
  case $1 in
    -plaintext) arguments+=(--http2-prior-knowledge) && shift ;;
    -H | -d) arguments+=("$1" "$2") && shift 2 ;;
    *) echo "this stand-in does not know $1" >&2 && exit 2 ;;
  esac
done
exec "@BIN@/buf" curl --protocol grpc "${arguments[@]}" "http://$1/$2"
