"""A buf plugin: the code generators built into grpcio-tools, which buf cannot call itself.

Usage in buf.gen.yaml: local: [python, scripts/protoc_gen.py, python | grpc_python].
Reads a CodeGeneratorRequest on stdin, writes a CodeGeneratorResponse on stdout.
"""

import sys
import tempfile
from pathlib import Path

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc


def generate(generator: str, request: CodeGeneratorRequest) -> CodeGeneratorResponse:
    """Run *generator* of the bundled protoc over the files of *request*."""
    with tempfile.TemporaryDirectory() as folder:
        descriptors = Path(folder, "descriptors.pb")
        descriptors.write_bytes(FileDescriptorSet(file=request.proto_file).SerializeToString())
        out = Path(folder, "out")
        out.mkdir()
        arguments = ["protoc", f"--descriptor_set_in={descriptors}", f"--{generator}_out={out}"]
        if protoc.main([*arguments, *request.file_to_generate]):
            return CodeGeneratorResponse(error=f"protoc could not generate {generator}")
        files = sorted(path for path in out.rglob("*") if path.is_file())
        return CodeGeneratorResponse(
            supported_features=CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL,
            file=[
                CodeGeneratorResponse.File(name=str(path.relative_to(out)), content=path.read_text())
                for path in files
            ],
        )


if __name__ == "__main__":
    incoming = CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    sys.stdout.buffer.write(generate(sys.argv[1], incoming).SerializeToString())
