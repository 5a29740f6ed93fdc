"""Ten landscapes, skylines and one portrait, painted from noise: sRGB planes with structure and grain.

It refuses to know files: gallery.py gives each scene a format of its own.
"""

from __future__ import annotations

import numpy as np
import pyvips

from gradientd.imaging.paint import Canvas, Plane, blurred, colour, lines, mix, ramp, smoothstep


def sunset() -> Plane:
    """The sun goes down behind the sea."""
    c = Canvas(1230, 820, 11)
    horizon, sun = 0.62, (0.95, 0.545)
    sky = ramp(c.y / horizon, (0, "#1d2356"), (0.35, "#6b3f7d"), (0.62, "#d8617a"), (0.85, "#ff9d5c"), (1, "#ffd9a0"))
    cloud = smoothstep(0.02, 0.75, c.noise(0.22, stretch=4, octaves=6) + 0.25 * (1 - c.y / horizon))
    lit = ramp(c.y / horizon, (0, "#3a2f63"), (0.5, "#a34f74"), (0.8, "#ff8a63"), (1, "#ffc98a"))
    shade = smoothstep(-0.3, 0.9, c.noise(0.1, stretch=4, salt=5))
    sky = mix(sky, mix(lit, lit * colour("#8d6b8f"), shade), 0.85 * cloud)
    sky += 0.55 * c.glow(*sun, 0.16, 1.5)[..., None] * colour("#ffb070")
    sky = mix(sky, colour("#fff6d8"), c.disc(*sun, 0.052, 0.004))
    depth = np.clip((c.y - horizon) / (1 - horizon), 0, 1)
    waves = c.noise(0.035, stretch=7, octaves=4, salt=9)
    rows = np.clip((2 * horizon - c.y - 0.05 * waves * (0.2 + depth)) * c.height, 0, horizon * c.height - 1).astype(int)
    shift = (np.arange(c.width)[None, :] + (18 * waves * (0.3 + depth)).astype(int)) % c.width
    sea = sky[rows, shift] * (0.82 - 0.5 * depth[..., None]) + 0.05 * waves[..., None] * colour("#ffb98a")
    path = np.exp(-(((c.x - sun[0]) / (0.045 + 0.2 * depth)) ** 2)) * smoothstep(-0.15, 0.7, waves)
    sea += 1.1 * path[..., None] * colour("#ffc98c")
    return c.grain(c.vignette(mix(sky, sea, smoothstep(-0.001, 0.001, c.y - horizon))))


def forest() -> Plane:
    """Firs on five ridges in the morning's mist."""
    c = Canvas(820, 1230, 5)
    picture = ramp(c.y, (0, "#f4e7c3"), (0.3, "#d5dfc0"), (0.7, "#9fbfa6"), (1, "#6d9a80"))
    picture = picture + 0.25 * c.glow(0.5, 0.1, 0.2)[..., None] * colour("#fff0b8")
    greens = ("#a3c3ac", "#7fa98c", "#54876a", "#2f6248", "#123a28")
    for depth, green in enumerate(greens):
        ground = c.ridge(0.34 + 0.13 * depth, 0.018 + 0.004 * depth, cell=0.4, octaves=3, salt=depth)
        trees = _firs(c, ground, height=0.05 + 0.045 * depth, count=46 - 8 * depth, salt=depth)
        needles = 1 + 0.13 * depth / 4 * c.noise(0.012, octaves=3, salt=20 + depth)
        mask = c.below(trees, 0.002)
        layer = colour(green) * needles[..., None]
        mist = smoothstep(0.02, 0.22, c.y - ground[None, :]) * (0.7 - 0.17 * depth)
        mist = np.clip(mist * (1 + 0.5 * c.noise(0.2, stretch=3, salt=40 + depth)), 0, 1)
        picture = mix(picture, mix(layer, colour("#d9e5cf"), mist), mask)
    return c.grain(c.vignette(picture, 0.3))


def _firs(c: Canvas, ground: Plane, *, height: float, count: int, salt: int) -> Plane:
    """A skyline of firs on a ground line."""
    random = np.random.default_rng(c.seed + 1000 + salt)
    x = np.arange(c.width) / c.height
    top = np.zeros(c.width)
    for place in random.uniform(-0.02, c.aspect + 0.02, count):
        tall = height * random.uniform(0.55, 1.15)
        aside = np.abs(x - place) / (tall * random.uniform(0.2, 0.27))
        branches = 0.75 + 0.25 * np.abs(np.sin(aside * 22 + random.uniform(0, 3)))
        top = np.maximum(top, tall * np.clip(1 - aside**0.85 * branches, 0, 1))
    return np.asarray(ground - top, np.float32)


def city() -> Plane:
    """A skyline by night, and its lights in the water."""
    c = Canvas(1400, 934, 23)
    shore = 0.72
    sky = ramp(c.y / shore, (0, "#070b22"), (0.5, "#17204d"), (0.85, "#4a2f6a"), (1, "#8a4a74"))
    stars = (c.random.random((c.height, c.width)) > 0.9993) * smoothstep(0.45, 0.0, c.y)
    picture = sky + 1.4 * blurred(stars.astype(np.float32), 0.9)[..., None]
    picture = mix(picture, colour("#f6eed5"), c.disc(1.18, 0.17, 0.045))
    picture += 0.2 * c.glow(1.18, 0.17, 0.09)[..., None] * colour("#c8ccff")
    light = np.zeros_like(picture)
    for layer, (wall, count) in enumerate((("#131338", 30), ("#0c0d2a", 24), ("#06081a", 18))):
        roof, windows = _houses(c, shore, count, layer)
        mask = c.below(roof, 0.0008) * (c.y < shore)
        picture = mix(picture, colour(wall), mask)
        light = light * (1 - mask[..., None]) + windows * mask[..., None]
    picture += light + 1.6 * np.dstack([blurred(np.ascontiguousarray(light[..., band]), 7) for band in range(3)])
    mirrored = np.clip((2 * shore - c.y) * c.height, 0, c.height - 1).astype(int)
    ripple = c.noise(0.03, stretch=6, octaves=4)
    aside = (np.arange(c.width)[None, :] + (10 * ripple).astype(int)) % c.width
    soft = np.dstack([blurred(np.ascontiguousarray(picture[..., band]), 2.5) for band in range(3)])
    water = soft[mirrored, aside] * (0.62 + 0.22 * ripple[..., None]) + 0.02
    return c.grain(mix(picture, water, smoothstep(-0.001, 0.001, c.y - shore)), 0.01)


def _houses(c: Canvas, shore: float, count: int, layer: int) -> tuple[Plane, Plane]:
    """A row of houses: the line of their roofs, and the light of their windows."""
    random = np.random.default_rng(c.seed + layer)
    roof, lit = np.full(c.width, 2.0, np.float32), np.zeros((c.height, c.width, 3), np.float32)
    lamps = [colour(lamp) for lamp in ("#ffd27a", "#ffb45c", "#fff1cf", "#8fd0ff", "#ff7ab8")]
    for left in np.sort(random.uniform(-60, c.width, count)).astype(int):
        wide = int(random.integers(46, 105) * (0.8 + 0.15 * layer))
        tall = random.uniform(0.1, 0.52 - 0.11 * layer) * random.uniform(0.6, 1)
        inside = slice(max(left, 0), max(min(left + wide, c.width), 0))
        roof[inside], lit[:, inside] = shore - tall, 0
        first = int((shore - tall) * c.height) + 8
        for top in range(first, int(shore * c.height) - 6, 13):
            for window in range(inside.start + 6, inside.stop - 7, 11):
                if random.random() < 0.38:
                    lit[top : top + 6, window : window + 5] = lamps[random.choice(5, p=(0.45, 0.25, 0.18, 0.08, 0.04))]
    return roof, lit * 0.8


def portrait() -> Plane:
    """Somebody in a straw hat, seen from behind and cut out: everything else is transparent."""
    c = Canvas(900, 1100, 3)
    x, y = c.x - c.aspect / 2, c.y
    straw = c.noise(0.01, octaves=2, stretch=3)
    strands = c.noise(0.016, octaves=3, salt=7) + 0.6 * np.sin(x * 260 + 3 * c.noise(0.2, salt=9))
    light = smoothstep(-0.35, 0.35, x)

    body = smoothstep(0.004, -0.004, np.hypot(x / 0.36, (y - 1.05) / 0.42) - 1)
    folds = 0.5 + 0.5 * np.sin(x * 38 + 9 * y + 2 * c.noise(0.25, salt=2))
    dress = mix(ramp(light, (0, "#0d5c63"), (1, "#36b3a8")), colour("#0a444c"), 0.4 * folds * smoothstep(0.66, 0.95, y))
    neck = smoothstep(0.004, -0.004, np.abs(x) - 0.075 - 0.1 * np.clip(y - 0.62, 0, 1)) * (y > 0.45) * (y < 0.74)
    skin = ramp(light, (0, "#a9684a"), (1, "#efb78f"))
    hair = smoothstep(0.006, -0.006, np.hypot(x / 0.155, (y - 0.44) / 0.25) - 1 + 0.05 * strands * (y > 0.5))
    auburn = mix(ramp(light, (0, "#4a1f14"), (1, "#b4562c")), colour("#e58d4f"), 0.3 * np.clip(strands, 0, 1))
    crown = smoothstep(0.004, -0.004, np.hypot(x / 0.165, (y - 0.25) / 0.17) - 1) * (y < 0.32)
    brim = smoothstep(0.004, -0.004, np.hypot(x / 0.335, (y - 0.315 - 0.09 * x * x) / 0.062) - 1)
    rings = 0.5 + 0.5 * np.sin(np.hypot(x / 0.335, (y - 0.315) / 0.062) * 60)
    weave = ramp(light, (0, "#b98d45"), (1, "#f7dc9c")) * (1 + 0.14 * straw + 0.06 * (rings - 0.5))[..., None]
    ribbon = smoothstep(0.003, -0.003, np.abs(y - 0.285 - 0.1 * x * x) - 0.026) * crown

    picture, alpha = np.zeros((c.height, c.width, 3), np.float32), np.zeros((c.height, c.width), np.float32)
    for paint, mask in (
        (skin, neck),
        (dress, body * (1 - neck * (y < 0.7))),
        (auburn, hair),
        (weave, brim),
        (weave * 0.97, crown),
        (colour("#c2334d") * (0.7 + 0.5 * light)[..., None], ribbon),
    ):
        picture, alpha = mix(picture, paint, mask), np.maximum(alpha, mask)
    return np.dstack([c.grain(picture, 0.015), alpha])


def mountains() -> Plane:
    """Ridges behind ridges, in black and white."""
    c = Canvas(1230, 820, 41)
    picture = 0.95 - 0.3 * c.y + 0.05 * c.noise(0.3, stretch=3) + 0.1 * c.glow(1.05, 0.16, 0.2)
    for depth in range(7):
        skyline = c.ridge(0.3 + 0.1 * depth, 0.075 - 0.006 * depth, cell=0.5, octaves=8, salt=depth)
        below = np.clip(c.y - skyline[None, :], 0, 1)
        slopes = c.noise(0.16, octaves=7, salt=depth * 7)
        stone = (0.72 - 0.11 * depth) * (1 + (0.1 + 0.03 * depth) * slopes)
        mist = smoothstep(0.0, 0.17, below + 0.05 * slopes) * (0.62 - 0.08 * depth)
        picture = mix(picture, stone + (0.88 - stone) * mist, c.below(skyline, 0.001))
    return c.grain(c.vignette(picture[..., None], 0.4), 0.025)[..., 0]


def snow() -> Plane:
    """A winter morning, pink above and blue below."""
    c = Canvas(1230, 820, 8)
    picture = ramp(c.y, (0, "#8fb3e3"), (0.3, "#c7cdea"), (0.5, "#f6d3d6"), (0.62, "#ffe6cf"))
    picture = mix(picture, colour("#ffffff"), 0.5 * smoothstep(0.1, 0.9, c.noise(0.2, stretch=3, salt=1)) * (c.y < 0.6))
    picture += 0.3 * c.glow(0.4, 0.5, 0.2, 1.4)[..., None] * colour("#ffcf9e")
    for depth in range(3):
        hill = c.ridge(0.52 + 0.13 * depth, 0.035, cell=0.8, octaves=3, salt=depth)
        woods = _firs(c, hill, height=0.06 + 0.08 * depth, count=(40, 16, 7)[depth], salt=50 + depth)
        needles = ramp(c.y * 0 + depth / 2, (0, "#8ea3bd"), (0.5, "#546f89"), (1, "#2b4257"))
        frost = smoothstep(0.25, 0.9, c.noise(0.02, octaves=3, salt=60 + depth))
        picture = mix(picture, mix(needles, colour("#eef4fb"), 0.75 * frost), c.below(woods, 0.002))
        below = c.y - hill[None, :]
        slope = c.noise(0.35, stretch=2, octaves=4, salt=70 + depth)
        light = 0.5 + 0.6 * slope - 1.2 * below
        drift = ramp(light, (0, "#7f9fcb"), (0.45, "#c3d5ee"), (0.8, "#ffffff"), (1, "#fff1e4"))
        picture = mix(picture, drift, c.below(hill, 0.004))
    random = c.random
    for _ in range(130):
        near = random.random() ** 3
        place = random.uniform(0, c.aspect), random.uniform(0, 1)
        c.stamp(picture, place, 0.003 + 0.014 * near, colour("#ffffff"), 0.8 - 0.5 * near)
    return c.grain(picture, 0.008)


def neon() -> tuple[Plane, Plane]:
    """A heart and an arrow of neon tubes on a brick wall: lit, and with the heart nearly gone out."""
    c = Canvas(840, 560, 17)
    row = np.floor(c.y * 15)
    column = c.x * 7.5 + 0.5 * (row % 2)
    mortar = np.minimum(np.abs(column - np.round(column)) / 7.5, np.abs(c.y * 15 - np.round(c.y * 15)) / 15)
    scatter = np.sin(np.floor(column) * 12.9898 + row * 78.233) * 43758.5453
    shade = np.asarray(scatter - np.floor(scatter), np.float32)
    brick = ramp(shade, (0, "#2a1420"), (1, "#43202b")) * (1 + 0.25 * c.noise(0.03))[..., None]
    wall = mix(colour("#120a12"), brick, smoothstep(0.002, 0.006, mortar))
    heart = lines([(0.75 + 0.0155 * x, 0.47 - 0.0155 * y) for x, y in map(_heart, np.linspace(0, 2 * np.pi, 48))], c)
    arrow = np.minimum(lines([(0.3, 0.72), (1.22, 0.26)], c), lines([(1.12, 0.255), (1.22, 0.26), (1.18, 0.352)], c))
    lit, dim = (
        _tube(_tube(wall * 0.55, wall, heart, "#ff2d78", strength), wall, arrow, "#22e3ff", 1.0)
        for strength in (1.0, 0.35)
    )
    return c.grain(c.vignette(lit, 0.5), 0.01), c.grain(c.vignette(dim, 0.5), 0.01)


def _tube(picture: Plane, wall: Plane, distance: Plane, gas: str, strength: float) -> Plane:
    """A tube where `distance` is nearly 0, and its light on the wall."""
    glow = strength * (0.75 * np.exp(-distance / 0.05) + 0.4 * np.exp(-distance / 0.2))
    core = mix(colour(gas) * 0.35, mix(colour(gas), colour("#ffffff"), 0.75), strength)
    return mix(picture + glow[..., None] * colour(gas) * (0.35 + 1.6 * wall), core, smoothstep(0.011, 0.005, distance))


def _heart(angle: float) -> tuple[float, float]:
    y = 13 * np.cos(angle) - 5 * np.cos(2 * angle) - 2 * np.cos(3 * angle) - np.cos(4 * angle)
    return 16 * float(np.sin(angle)) ** 3, float(y)


def beach() -> Plane:
    """A beach from above: sand, foam, shallows, the deep."""
    c = Canvas(1230, 820, 29)
    way = (c.x / c.aspect) * 0.75 + c.y * 0.5 - 0.18 + 0.07 * c.noise(0.5, octaves=5, salt=1)
    sea = ramp(way, (0.3, "#d9c79c"), (0.36, "#8fd8c4"), (0.5, "#2fb9bd"), (0.72, "#0f86a8"), (1, "#0a4f86"))
    cells = np.asarray(pyvips.Image.worley(c.width, c.height, cell_size=70, seed=4).numpy(), np.float32) / 60
    caustics = smoothstep(0.5, 1.1, cells + 0.3 * c.noise(0.08, salt=3))
    sea = sea + (0.16 * caustics * smoothstep(0.75, 0.35, way))[..., None]
    sea = sea * (1 + 0.06 * c.noise(0.03, octaves=4, stretch=2, salt=4))[..., None]
    reef = smoothstep(0.35, 0.85, c.noise(0.22, octaves=6, salt=8)) * smoothstep(0.42, 0.6, way)
    sea = mix(sea, colour("#0d4a5e"), 0.55 * reef)
    sand = ramp(way, (-0.2, "#f7e3b8"), (0.2, "#efd3a0"), (0.3, "#c9a678"))
    sand = sand * (1 + 0.05 * c.noise(0.02, octaves=4, salt=5))[..., None]
    picture = mix(sand, sea, smoothstep(0.29, 0.315, way))
    lace = smoothstep(0.15, 0.75, c.noise(0.06, octaves=6, salt=6) + 0.55)
    for place, width in ((0.31, 0.016), (0.355, 0.009), (0.42, 0.005)):
        edge = place + 0.012 * c.noise(0.12, octaves=5, salt=int(place * 1000))
        picture = mix(picture, colour("#ffffff"), 0.95 * np.exp(-(((way - edge) / width) ** 2)) * lace)
    return c.grain(picture)


def autumn() -> Plane:
    """A park in October, far out of focus."""
    c = Canvas(1080, 720, 13)
    ground = c.noise(0.6, octaves=3)
    picture = ramp(c.y + 0.25 * ground, (0, "#f2b84b"), (0.4, "#b5621f"), (0.7, "#6b3a1c"), (1, "#2d2318"))
    random = c.random
    leaves = ("#ffd166", "#f4a226", "#e85d1f", "#c1281d", "#ffe9b0", "#8f9a3a")
    for _ in range(150):
        paint = colour(leaves[random.choice(6, p=(0.25, 0.25, 0.2, 0.14, 0.08, 0.08))])
        place = random.uniform(0, c.aspect), random.beta(1.6, 2.2)
        c.stamp(picture, place, random.uniform(0.018, 0.075), paint, 0.34)
    return c.grain(c.vignette(picture, 0.45))


def aurora() -> Plane:
    """Northern lights over a lake."""
    c = Canvas(1200, 800, 37)
    shore = 0.7
    stars = blurred(((c.random.random((c.height, c.width)) > 0.9988) * 1.0).astype(np.float32), 0.8)
    picture = ramp(c.y, (0, "#030817"), (0.6, "#0c2438"), (0.72, "#1a4750")) + 1.8 * stars[..., None]
    for curtain, (level, paint) in enumerate(((0.5, "#2cff9a"), (0.42, "#57f2c0"), (0.34, "#a06bff"))):
        foot = c.ridge(level, 0.06, cell=0.9, octaves=4, salt=curtain)
        up = np.clip(foot[None, :] - c.y, 0, 1)
        rays = c.ridge(0.6, 0.3, cell=0.08, octaves=4, salt=10 + curtain)[None, :]
        veil = np.exp(-up / 0.13) * smoothstep(-0.012, 0.01, foot[None, :] - c.y) * np.clip(rays, 0, 1.4)
        tint = mix(np.broadcast_to(colour(paint), (*up.shape, 3)), colour("#7a3cff"), smoothstep(0.05, 0.4, up))
        picture += 0.75 * veil[..., None] * tint
    peaks = c.ridge(0.6, 0.045, cell=0.5, octaves=7, salt=30)
    picture = mix(picture, colour("#040a10"), c.below(peaks))
    mirrored = np.clip((2 * shore - c.y) * c.height, 0, c.height - 1).astype(int)
    ripple = c.noise(0.03, stretch=8, octaves=4)
    aside = (np.arange(c.width)[None, :] + (7 * ripple).astype(int)) % c.width
    lake = picture[mirrored, aside] * (0.6 + 0.15 * ripple[..., None]) + colour("#01060b")
    return c.grain(mix(picture, lake, smoothstep(-0.001, 0.001, c.y - shore)), 0.008)
