"""The picture: measurements with the trend, how fast it rises, and the seasons."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt

INK, GREY, FAINT, ACCENT = "#1f2933", "#7b8794", "#e4e7eb", "#2f6fdb"
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": INK,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "grid.color": FAINT,
    "grid.linewidth": 0.8,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}


def draw(table, seasons, summary, path):
    """Writes the picture to `path`; the same data gives the same bytes."""
    with plt.rc_context(STYLE):
        figure = plt.figure(figsize=(10, 6.4), dpi=120)
        grid = figure.add_gridspec(2, 2, height_ratios=[2.3, 1], hspace=0.38, wspace=0.2)
        trend(figure.add_subplot(grid[0, :]), table)
        rise(figure.add_subplot(grid[1, 0]), table)
        months(figure.add_subplot(grid[1, 1]), seasons)
        figure.suptitle(
            f"Carbon dioxide at Mauna Loa: {summary['trend_last_ppm']:.0f} ppm, "
            f"rising by {summary['rise_ppm_per_year']:.2f} ppm a year",
            x=0.062, y=0.975, ha="left", fontsize=14, fontweight="bold",
        )
        figure.subplots_adjust(left=0.065, right=0.975, top=0.88, bottom=0.07)
        figure.savefig(path, metadata={"Software": None})
        plt.close(figure)


def trend(axes, table):
    axes.plot(table.index, table["filled"], color=GREY, linewidth=0.7, label="weekly mean")
    gaps = table["filled"].where(table["measured"].isna())
    axes.plot(table.index, gaps, color="#d64545", linewidth=1.6, label="filled")
    axes.fill_between(table.index, table["low"], table["high"], color=ACCENT, alpha=0.2, linewidth=0)
    axes.plot(table.index, table["curve"], color=ACCENT, linewidth=2, label="curve through the trend")
    axes.set_title("Measurements and trend, ppm")
    axes.margins(x=0.005)
    axes.legend(frameon=False, loc="upper left")


def rise(axes, table):
    yearly = table["trend"].resample("YE").mean().diff().dropna()
    axes.bar(yearly.index.year, yearly, color=ACCENT, width=0.75)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.set_title("Rise of the trend from year to year, ppm")
    axes.grid(axis="x", visible=False)


def months(axes, seasons):
    axes.plot(seasons.index, seasons, color=ACCENT, marker="o", markersize=3.5, linewidth=1.5)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.set_xticks(range(1, 13), list("JFMAMJJASOND"))
    axes.set_title("The seasons, ppm")
    axes.grid(axis="x", visible=False)
