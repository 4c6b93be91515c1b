"""The services as front ends see them: `tests/e2e/bun`, TypeScript clients that `bun test` runs."""

import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from crm_cli.selection import moved_ports

from tests.e2e.shell import Shell

RUN = Path(__file__).parent / "bun" / "run"
_REGISTRY_UNREACHABLE = 69  # EX_UNAVAILABLE of sysexits.h


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm, which fetches bun, is not installed")
@pytest.mark.timeout(300)  # in a fresh checkout bun is fetched first: 100 MB
async def test_typescript_clients(shell: Shell, subtests: pytest.Subtests, tmp_path: Path) -> None:
    """Each test of the bun suite passes; there is a sub-test for each."""
    ports = moved_ports(shell.mesh.offset)
    addresses = {f"{name.upper()}_GRPC_ADDR": f"localhost:{port}" for name, port in ports.items()}
    report = tmp_path / "bun.xml"
    reporting = ("--reporter=junit", f"--reporter-outfile={report}")
    code, said = await shell.run(str(RUN), *reporting, **addresses)
    if code == _REGISTRY_UNREACHABLE:
        pytest.skip(f"npm could not fetch bun: {said[-300:]}")
    assert report.exists(), said
    cases = list(ElementTree.parse(report).iter("testcase"))
    for case in cases:
        with subtests.test(f"{case.get('file')}: {case.get('name')}"):
            assert [child.tag for child in case] == [], said
    assert (code, cases != []) == (0, True), said
