"""Draw the mark as the PNG icons a home screen asks for: `python docs/icons.py`.

`web/favicon.svg` is the drawing; this repeats its curves, because Pillow reads no SVG.
"""

from pathlib import Path

from PIL import Image, ImageDraw

OUT = Path(__file__).parents[1] / "web" / "icons"
SIZES = (180, 192, 512)
VIEW = 64
"""The drawing's own units, as in the SVG's viewBox."""
FINE = 2048
"""Pixels it is drawn at before it is made small."""
SCALE = 0.62
"""Of the icon's side; a maskable icon may lose a fifth all around."""

Point = tuple[float, float]

GROUND = ("#eef5f0", "#cbdfd4")
SKY = ("#ffecd2", "#ffbf8a")
NEAR = ("#2b7566", "#164a3f")


def main() -> None:
    """Write every size."""
    OUT.mkdir(exist_ok=True)
    icon = gradient(*GROUND)
    side = int(FINE * SCALE)
    mark, mask = (image.resize((side, side), Image.Resampling.LANCZOS) for image in draw_mark())
    corner = (FINE - side) // 2
    icon.paste(mark, (corner, corner), mask)
    for size in SIZES:
        small = icon.resize((size, size), Image.Resampling.LANCZOS)
        small.quantize(128).save(OUT / f"{size}.png", optimize=True)


def draw_mark() -> tuple[Image.Image, Image.Image]:
    """Give the landscape, and the drop it is seen through."""
    picture = gradient(*SKY)
    draw = ImageDraw.Draw(picture)
    draw.ellipse(scaled([(31.5, 28), (45.5, 42)]), fill="#ee7a45")
    far = curve((8, 49), (16, 41), (23, 40), (31, 46)) + curve(
        (31, 46), (39, 52), (47, 51), (57, 42)
    )
    draw.polygon(scaled([*far, (57, 66), (8, 66)]), fill="#86baa5")
    near = curve((8, 57), (17, 48), (26, 50), (34, 55)) + curve(
        (34, 55), (42, 60), (49, 59), (57, 53)
    )
    hill = Image.new("L", picture.size)
    ImageDraw.Draw(hill).polygon(scaled([*near, (57, 66), (8, 66)]), fill=255)
    picture.paste(gradient(*NEAR, start=48 / VIEW), mask=hill)
    drop = Image.new("L", picture.size)
    ImageDraw.Draw(drop).polygon(scaled(outline()), fill=255)
    return picture, drop


def outline() -> list[Point]:
    """Give the drop's edge."""
    right = curve((32, 2.5), (34.6, 6.4), (53.5, 27), (53.5, 41))
    left = [(VIEW - x, y) for x, y in reversed(right)]
    k = 21.5 * 0.5523  # a quarter of a circle as a Bézier curve
    low = curve((53.5, 41), (53.5, 41 + k), (32 + k, 62.5), (32, 62.5))
    return [*right, *low, *((VIEW - x, y) for x, y in reversed(low)), *left]


def curve(start: Point, one: Point, two: Point, end: Point, steps: int = 64) -> list[Point]:
    """Give points on a cubic Bézier curve."""

    def at(t: float) -> Point:
        u = 1 - t
        weights = (u**3, 3 * u * u * t, 3 * u * t * t, t**3)
        points = (start, one, two, end)
        x, y = (sum(w * p[axis] for w, p in zip(weights, points, strict=True)) for axis in (0, 1))
        return x, y

    return [at(step / steps) for step in range(steps + 1)]


def scaled(points: list[Point]) -> list[Point]:
    """Take points from the drawing's units to pixels."""
    return [(x * FINE / VIEW, y * FINE / VIEW) for x, y in points]


def gradient(top: str, bottom: str, *, start: float = 0) -> Image.Image:
    """Fill a square from one colour to the other, from `start` (0 to 1) downwards."""
    first = int(FINE * start)
    ramp = Image.linear_gradient("L").resize((FINE, FINE - first))
    mask = Image.new("L", (FINE, FINE))
    mask.paste(ramp, (0, first))
    square = Image.new("RGB", (FINE, FINE), top)
    square.paste(Image.new("RGB", (FINE, FINE), bottom), mask=mask)
    return square


if __name__ == "__main__":
    main()
