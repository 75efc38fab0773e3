"""The table of daemons.py as a picture: latency, memory and processor time, load by load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PANELS = (
    ("added_p50", "added latency, p50 (ms)"),
    ("added_p99", "added latency, p99 (ms)"),
    ("memory", "memory a stream (KiB)"),
    ("cpu", "CPU ms for 1,000 events"),
)


def draw(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write PATH.png and PATH.svg. Rows that are not valid are hatched."""
    import matplotlib  # noqa: PLC0415 - slow to import, and only this needs it

    matplotlib.use("Agg")
    from matplotlib import pyplot  # noqa: PLC0415

    daemons = list(dict.fromkeys(row["daemon"] for row in rows))
    loads = sorted({row["streams"] for row in rows})
    figure, axes = pyplot.subplots(2, 2, figsize=(11, 7), layout="constrained")
    colours = pyplot.get_cmap("viridis")
    width = 0.8 / max(1, len(loads))
    for axis, (name, title) in zip(axes.flat, PANELS, strict=True):
        for at, load in enumerate(loads):
            chosen = [row for row in rows if row["streams"] == load]
            bars = axis.bar(
                [
                    daemons.index(row["daemon"]) + (at - (len(loads) - 1) / 2) * width
                    for row in chosen
                ],
                [max(row[name], 0.0) for row in chosen],
                width,
                label=f"{load:,} stream{'s' * (load > 1)}",
                color=colours(0.15 + 0.7 * at / max(1, len(loads) - 1)),
            )
            for bar, row in zip(bars, chosen, strict=True):
                if not row["valid"]:
                    bar.set_hatch("///")
                    bar.set_alpha(0.4)
        axis.set_title(title, loc="left", fontsize=11)
        axis.set_xticks(range(len(daemons)), daemons)
        axis.set_yscale("symlog", linthresh=1)
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", alpha=0.25)
    axes.flat[0].legend(frameon=False, fontsize=9)
    figure.suptitle(
        "Streams of 20 events through each daemon (hatched: not valid)", x=0.01, ha="left"
    )
    for kind in ("png", "svg"):
        figure.savefig(path.with_suffix(f".{kind}"), dpi=110)
    pyplot.close(figure)
