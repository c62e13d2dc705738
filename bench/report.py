"""The figures of a comparison as Markdown, and as a chart that can be read on light and on dark."""

import html
import math
import statistics

WIDTH, LABEL, BAR, HEIGHT, GAP = 820, 150, 420, 22, 8

STYLE = """
  text { font: 14px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; font-size: 16px; }
  .note { font-size: 12px; fill: #59636e; }
  .grid { stroke: #d1d9e0; }
  .ours { fill: #0969da; }
  .others { fill: #8c959f; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .note { fill: #9198a1; }
    .grid { stroke: #3d444d; }
    .ours { fill: #4493f8; }
    .others { fill: #656c76; }
  }
"""


class Row:
    """One contender with one length of access token: the medians of its samples."""

    def __init__(self, name, token_chars, samples):
        self.name, self.token_chars = name, token_chars
        self.rounds = [sample.cpu_us for sample in samples]
        self.cpu_us = statistics.median(sample.cpu_us for sample in samples)
        self.spread = (min(s.cpu_us for s in samples), max(s.cpu_us for s in samples))
        self.messages_per_s = statistics.median(s.messages_per_s for s in samples)
        self.peak_bytes = statistics.median(s.peak_bytes for s in samples)
        self.connections = max(s.connections for s in samples)

    def ours(self):
        return self.name.startswith("Fanfare")


def found(rows, name, token_chars):
    return next((r for r in rows if (r.name, r.token_chars) == (name, token_chars)), None)


def ratio(row, rows, name):
    """This row's CPU in that contender's, with the same token; None without that contender. The
    median of the rounds' own ratios: what slowed a round slowed both."""
    other = found(rows, name, row.token_chars)
    if other is None:
        return None
    return statistics.median(ours / theirs for ours, theirs in zip(row.rounds, other.rounds))


def table(rows):
    yield ("| contender | access token | messages/s | client CPU, microseconds per message "
           "(least to most) | of h2load's | peak memory | connections |")  # fmt: skip
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for row in rows:
        of_h2load = ratio(row, rows, "h2load")
        yield (
            f"| {row.name} | {row.token_chars:,} | {row.messages_per_s:,.0f} "
            f"| {row.cpu_us:.2f} ({row.spread[0]:.2f} to {row.spread[1]:.2f}) "
            f"| {f'{of_h2load:.2f}' if of_h2load else ''} "
            f"| {row.peak_bytes / 1e6:.0f} MB | {row.connections} |"
        )


def ratios(rows):
    """A sentence for each of ours and each other."""
    for row in filter(Row.ours, rows):
        told = f"{row.name}, access token of {row.token_chars:,} characters: "
        parts = []
        if (of_h2load := ratio(row, rows, "h2load")) is not None:
            parts.append(f"{of_h2load:.2f} of h2load's CPU")
        for name in ("firebase-admin", "fcm-v1-http2"):
            if (of_other := ratio(row, rows, name)) is not None:
                parts.append(f"{1 / of_other:.0f} times cheaper than {name}")
        if parts:
            yield told + ", ".join(parts)


def chart(rows, title, note):
    """Bars of CPU per message, on a logarithmic scale since they are orders of magnitude apart."""
    lowest = 10 ** math.floor(math.log10(min(row.cpu_us for row in rows)))
    highest = 10 ** math.ceil(math.log10(max(row.cpu_us for row in rows)))
    scale = BAR / math.log10(highest / lowest)
    lengths = sorted({row.token_chars for row in rows})
    parts, y = [], 64
    for token_chars in lengths:
        parts.append(text(0, y + 16, f"access token of {token_chars:,} characters", "note"))
        y += 26
        for row in sorted((r for r in rows if r.token_chars == token_chars),
                          key=lambda row: row.cpu_us):  # fmt: skip
            length = max(2, math.log10(row.cpu_us / lowest) * scale)
            parts += [
                text(LABEL - 10, y + 16, row.name, "", "end"),
                f'<rect class="{"ours" if row.ours() else "others"}" x="{LABEL}" y="{y}" '
                f'width="{length:.1f}" height="{HEIGHT}" rx="3"/>',
                text(LABEL + length + 8, y + 16,
                     f"{row.cpu_us:.3g} µs, {row.messages_per_s:,.0f}/s, "
                     f"{row.peak_bytes / 1e6:.0f} MB"),
            ]  # fmt: skip
            y += HEIGHT + GAP
        y += 10
    bottom, grid, mark = y, [], lowest
    while mark <= highest:
        x = LABEL + math.log10(mark / lowest) * scale
        grid += [f'<path class="grid" d="M{x:.1f} 56V{bottom}"/>',
                 text(x, bottom + 18, f"{mark:g} µs", "note", "middle")]  # fmt: skip
        mark *= 10
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 30}" role="img">',
        f"<title>{html.escape(title)}</title>",
        f"<style>{STYLE}</style>",
        text(0, 18, title, "title"),
        text(0, 40, note, "note"),
        *grid,
        *parts,
        "</svg>\n",
    ])  # fmt: skip


def text(x, y, words, style="", anchor="start"):
    return (f'<text class="{style}" x="{x:.1f}" y="{y}" text-anchor="{anchor}">'
            f"{html.escape(words)}</text>")  # fmt: skip
