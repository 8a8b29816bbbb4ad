"""What is made of a finished run's columns, beside its rounds: a dataset, a model, a report.

A product is a recipe's table (`facsim.recipe.PRODUCTS`). `products/<name>.json` says that it is whole, from which
settings and which steps; without it, what lies there is a leftover that `make` may take up or replace.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from facsim.errors import ManifestError
from facsim.manifest import Manifest
from facsim.provenance import changes, fingerprint_of
from facsim.recipe import PRODUCTS, Recipe, settings_of

__all__ = [
    "OnProgress",
    "Product",
    "Progress",
    "drop_product",
    "make_product",
    "product_record",
    "refuse_stale_products",
]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a run is: `done` of `total` units of `step`."""

    step: str
    done: int
    total: int
    unit: str = "samples"
    note: str = ""


OnProgress = Callable[[Progress], None]


@runtime_checkable
class Product(Protocol):
    """Something made of a finished run's columns, in the run's folder: a dataset, a model, a report."""

    @property
    def makes(self) -> str:
        """The file or folder that it makes, relative to the run's folder."""
        ...

    def make(self, run: Manifest, *, on_progress: OnProgress) -> dict[str, Any]:
        """Make it, continuing where an earlier call was cut off; returns facts for the log."""
        ...


def product_record(manifest: Manifest, name: str, product: Any) -> dict[str, Any]:
    """What is noted beside a finished product: its settings, and a fingerprint over them and all that came before."""
    steps = {step: manifest.step(step).fingerprint for step in manifest.steps()}
    order = list(PRODUCTS)
    before = {earlier: (_on_disk(manifest, earlier) or {}).get("fingerprint") for earlier in order[: order.index(name)]}
    settings = settings_of(product)
    fingerprint = fingerprint_of({"name": name, "settings": settings, "steps": steps, "before": before})
    return {"settings": settings, "fingerprint": fingerprint, "makes": product.makes}


def _on_disk(manifest: Manifest, name: str) -> dict[str, Any] | None:
    place = f"products/{name}.json"
    return json.loads(manifest.folder.read(place)) if manifest.folder.exists(place) else None


def refuse_stale_products(manifest: Manifest, recipe: Recipe, out: str) -> None:
    """Raise ManifestError for the first finished product that the recipe would make otherwise, naming the cause."""
    added = [step.name for step in recipe.steps if step.name not in manifest.steps()]
    for name, product in recipe.products.items():
        found, wanted = _on_disk(manifest, name), product_record(manifest, name, product)
        if found is None or (found["fingerprint"] == wanted["fingerprint"] and not added):
            continue
        causes = changes(found["settings"], wanted["settings"]) or [f'step "{step}" is new' for step in added]
        raise ManifestError(
            f'"{name}" in {out} is stale: {"; ".join(causes) or "what it is made of changed"}; '
            f"`facsim redo {name} --out {out}` drops it, another --out keeps it"
        )


def make_product(manifest: Manifest, name: str, product: Product, on_progress: OnProgress) -> dict[str, Any] | None:
    """Make the product where it is not whole yet; returns facts for the log, None where there was nothing to do."""
    if _on_disk(manifest, name):
        return None
    started = time.monotonic()
    facts = product.make(manifest, on_progress=on_progress)
    record = {**product_record(manifest, name, product), "facts": facts}
    manifest.folder.write(f"products/{name}.json", (json.dumps(record, indent=2, sort_keys=True) + "\n").encode())
    return {"product": name, "seconds": round(time.monotonic() - started, 3), **facts}


def drop_product(manifest: Manifest, name: str, product: Product) -> None:
    """Remove what the product made, and the word that it is whole first."""
    manifest.folder.remove(f"products/{name}.json")
    manifest.folder.remove(product.makes)
