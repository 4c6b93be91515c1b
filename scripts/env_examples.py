"""Writes the .env.example files from the settings classes; `scripts/check` compares them."""

from pathlib import Path

from pydantic import SecretStr
from service_kit.registry import edges, services
from service_kit.settings import ProcessSettings, Settings

ROOT = Path(__file__).parent.parent
HEADER = "# {title}\n# Generated from the settings by ./scripts/generate; copy to .env and fill in.\n"


def lines(kind: type[ProcessSettings], title: str) -> str:
    """The settings of *kind* as an env file, each with what it means and its default."""
    parts = [HEADER.format(title=title)]
    for name, field in kind.model_fields.items():
        default = field.default
        if isinstance(default, SecretStr) or field.is_required() or default is None:
            text = ""
        elif isinstance(default, tuple):
            text = ",".join(default)
        else:
            text = str(default).lower() if isinstance(default, bool) else str(default)
        parts.append(f"# {field.description}\n{name.upper()}={text}\n")
    return "\n".join(parts)


def main() -> None:
    """Write one file for the whole mesh and one in the folder of each service and edge."""
    (ROOT / ".env.example").write_text(lines(Settings, "Settings that every service understands."))
    for service in services().values():
        folder = ROOT / "services" / f"service-{service.name}"
        title = f"Settings of the {service.name} service (port {service.port})."
        (folder / ".env.example").write_text(lines(service.settings, title))
    for edge in edges().values():
        title = f"Settings of the {edge.name} (port {edge.port})."
        (ROOT / "services" / edge.name / ".env.example").write_text(lines(edge.settings, title))


if __name__ == "__main__":
    main()
